package main

import (
	"context"
	"strconv"
)

// cpuRates are the rates at which CPU time is counted, requests per second, and
// how long for, beside the usual: few requests a second need more time to be
// told from what starting takes.
var cpuRates = []struct{ rate, length float64 }{{500, 1.5}, {2000, 1}, {10_000, 0.5}}

// promisedRate is the one of them that the project's promise names.
const promisedRate = 2000

func (b *bench) cpuJobs() []job {
	return b.inRounds(b.cpuRounds, func(round int) (jobs []job) {
		for _, at := range cpuRates {
			for _, t := range b.in(cpu) {
				l := b.page(load{Rate: at.rate, Connections: loops, Duration: seconds(at.length * b.paced.Seconds())})
				want := measurement{Part: cpu, Case: perSecond(at.rate), Tool: t.name, Round: round, Load: l}
				j := b.each(t, want, b.costOf)
				j.takes += b.startUp + overhead
				jobs = append(jobs, j)
			}
		}
		return jobs
	})
}

// costOf attacks for a short and then for the full time, so that the CPU time
// of starting and ending can be told from that of the requests.
func (b *bench) costOf(ctx context.Context, t tool, m measurement) measurement {
	short := m
	short.Load.Duration = b.startUp
	short, _, err := b.onNginx(ctx, t, short, b.kids)
	if err != nil {
		return failedAs(m, err)
	}
	m, _, err = b.onNginx(ctx, t, m, b.kids)
	m.StartCPU, m.StartRequests = short.CPU, short.Requests
	return failedAs(m, err)
}

func perSecond(rate float64) string { return grouped(uint64(rate)) + "/s" }

// grouped writes 12345 as "12,345".
func grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
