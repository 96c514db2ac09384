package main

import "strconv"

// wrkCommand is wrk with one thread. It takes no rate.
func wrkCommand(program string, l load, _ string) ([][]string, error) {
	return [][]string{{program, "-t1", "-c", strconv.Itoa(l.enough()), "-d", l.seconds(), "--latency", l.url()}}, nil
}
