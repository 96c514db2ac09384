package main

import "strconv"

// heyCommand shares the rate out over the workers, which is how hey takes it.
func heyCommand(program string, l load, _ string) ([][]string, error) {
	argv := []string{program, "-c", strconv.Itoa(l.enough()), "-z", l.Duration.String()}
	if l.Rate > 0 {
		argv = append(argv, "-q", strconv.FormatFloat(l.Rate/float64(l.enough()), 'f', -1, 64))
	}
	return [][]string{append(argv, l.url())}, nil
}
