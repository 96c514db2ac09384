package main

import (
	"fmt"
	"strings"
	"time"
)

func throughputTable(all selection) string {
	s := all.of(throughput, "")
	t := table{head: []string{"tool", "requests/s", "server's CPU", "sweetspot ÷ tool [95 %]", "rounds"}}
	own := s.byRound(ours, perSecondOf)
	for _, name := range s.tools() {
		rates := s.byRound(name, perSecondOf)
		t.add(name, grouped(uint64(average(rates))), fmt.Sprintf("%.0f %%", 100*average(s.byRound(name, serverOf))), ratioOf(own, rates).String(), fmt.Sprint(len(rates)))
	}
	if len(t.rows) == 0 {
		return ""
	}
	return fmt.Sprintf("Closed loop of %d connections, nginx with a file of %d bytes. Where the server's CPU is near 100 %%, the server was the limit.\n\n%s%s",
		loops, pageBytes, t, miscountNote(s))
}

// miscountNote names the tools that counted other requests than the server.
func miscountNote(s selection) (note string) {
	for _, name := range s.tools() {
		if n := s.miscounts(name); n > 0 {
			note += fmt.Sprintf("\n%s counted other requests than the server in %d of %d attacks.\n", name, n, len(s.byName(name)))
		}
	}
	return note
}

func cpuTable(all selection) string {
	t := table{head: []string{"tool", "schedule"}}
	for _, at := range cpuRates {
		t.head = append(t.head, "at "+perSecond(at.rate), "sweetspot ÷ tool [95 %]")
	}
	s := all.part(cpu)
	for _, tool := range tools("", 0) {
		if s.one(tool.name) == nil {
			continue
		}
		row := []string{tool.name, tool.schedule}
		for _, at := range cpuRates {
			those := all.of(cpu, perSecond(at.rate))
			costs := those.byRound(tool.name, costOf)
			cost := "–"
			if c := average(costs); c > 0 {
				cost = fmt.Sprintf("%.2f s", c)
			}
			row = append(row, cost, ratioOf(those.byRound(ours, costOf), costs).String())
		}
		t.add(row...)
	}
	if len(t.rows) == 0 {
		return ""
	}
	return fmt.Sprintf("CPU time per 100,000 requests at a rate, user and system time of all threads and processes of the tool, without what starting it takes. "+
		"A lockstep schedule is cheaper than a spread one and loads the server in bursts. vegeta's command line encodes its results for the report. wrk and ab take no rate.\n\n%s%s", t, miscountNote(s))
}

func floodTable(all selection) string {
	t := table{head: []string{"tool", "planned", "sent", "share", "answered well"}}
	s := all.part(flood)
	for _, name := range s.tools() {
		m := s.one(name)
		t.add(name, grouped(m.Planned), grouped(m.Requests), percent(m.sentShare()), percent(float64(m.Requests-m.Errors)/float64(max(1, m.Planned))))
	}
	return t.String()
}

// sentShare is what was sent of what was planned.
func (m measurement) sentShare() float64 { return float64(m.Requests) / float64(max(1, m.Planned)) }

// plain is a duration without zeros at its end, as "10m".
func plain(d time.Duration) string {
	text := strings.TrimSuffix(d.String(), "m0s")
	if text != d.String() {
		text += "m"
	}
	return text
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }
