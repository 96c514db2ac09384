package main

import (
	"fmt"
	"time"
)

func hogTable(all selection) string {
	t := table{head: []string{"hogs", "nice", "requests/s", "verdict", "p99, ms", "truth, ms", "p99 is", "lag p99, ms", "waited a request, ms"}}
	for _, m := range all.part(hogged) {
		h := m.Trial
		nice, is := "0", "right"
		if h.Preferred {
			nice = "−10"
		}
		if !h.right() {
			is = "wrong"
		}
		t.add(fmt.Sprint(h.Hogs), nice, grouped(uint64(m.Load.Rate)), h.Verdict, inMilliseconds(h.P99), inMilliseconds(h.Truth), is, inMilliseconds(h.Lag), inMilliseconds(h.Waited))
	}
	if len(t.rows) == 0 {
		return ""
	}
	return "Trials against a server of known service time, with busy loops on the generator's core that count as the application's. " +
		"Right is within 2 % or 2 ms of what the server measured of itself; what a request waits for at its socket is in none of its figures.\n\n" + t.String()
}

func memoryTable(all selection) string {
	s := all.of(memory, perSecond(memoryRate))
	t := table{head: []string{"tool", "requests/s", "for", "requests", "peak"}}
	row := func(m measurement) {
		t.add(m.Tool, grouped(uint64(m.Load.Rate)), plain(m.Load.Duration), grouped(m.Requests), fmt.Sprintf("%.1f MB", megabytes(m.Peak)))
	}
	for _, name := range s.tools() {
		row(*s.one(name))
	}
	for _, name := range []string{memoryBrief, memoryLong} {
		for _, m := range all.of(memory, name) {
			row(m)
		}
	}
	if len(t.rows) == 0 {
		return ""
	}
	return "Largest resident set of an attack, of all processes of the tool together. The tools ran at the same time, which no timing figure would allow.\n\n" + t.String()
}

func soakTable(all selection) string {
	m := all.part(soak).one(ours)
	if m == nil {
		return ""
	}
	t := table{head: []string{"after", "goroutines", "descriptors", "resident"}}
	first, last, ok := m.Soak.ends(m.Load.Duration)
	if ok {
		for _, p := range []soakPoint{first, last} {
			t.add(plain(p.At.Round(time.Second)), fmt.Sprint(p.Goroutines), fmt.Sprint(p.Descriptors), fmt.Sprintf("%.1f MB", megabytes(p.Resident)))
		}
	}
	return fmt.Sprintf("Closed loop of %d connections at full rate for %s with raw results kept: %s requests (%s/s), as many as %.0f requests/s make in 24 hours. "+
		"The server counted %s, the raw file holds %s.\n\n%s",
		loops, plain(m.Load.Duration), grouped(m.Requests), grouped(uint64(m.Rate)), float64(m.Requests)/(24*time.Hour).Seconds(), grouped(m.Served), grouped(m.Soak.Kept), t)
}
