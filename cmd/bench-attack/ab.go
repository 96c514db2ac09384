package main

import (
	"fmt"
	"strconv"
)

// abCommand is ab with persistent connections. It takes no rate, and stops by
// itself after the number of requests that it has memory for.
func abCommand(program string, l load, _ string) ([][]string, error) {
	most := max(1_000_000, int(200_000*l.Duration.Seconds()))
	return [][]string{{
		program, "-k", "-q", "-c", strconv.Itoa(l.enough()),
		"-t", fmt.Sprintf("%.0f", l.Duration.Seconds()), "-n", strconv.Itoa(most), l.url(),
	}}, nil
}
