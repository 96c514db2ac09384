package main

import "strconv"

func bombardierCommand(program string, l load, _ string) ([][]string, error) {
	argv := []string{program, "-c", strconv.Itoa(l.enough()), "-d", l.Duration.String(), "-l", "-p", "r", "-o", "json"}
	if l.Rate > 0 {
		argv = append(argv, "-r", strconv.Itoa(int(l.Rate)))
	}
	return [][]string{append(argv, l.url())}, nil
}
