package main

import "strconv"

// fortioCommand has a histogram of 0.1 ms in the place of the 1 ms that fortio
// has by itself, which would hide what is to be seen.
func fortioCommand(more ...string) func(string, load, string) ([][]string, error) {
	return func(program string, l load, _ string) ([][]string, error) {
		rate := "0" // as fast as it goes
		if l.Rate > 0 {
			rate = strconv.FormatFloat(l.Rate, 'f', -1, 64)
		}
		argv := []string{
			program, "load", "-quiet", "-json", "-", "-p", "50,90,99,99.9", "-r", "0.0001",
			"-qps", rate, "-c", strconv.Itoa(l.enough()), "-t", l.Duration.String(),
		}
		return [][]string{append(append(argv, more...), l.url())}, nil
	}
}
