package main

import (
	"context"
	"math/rand/v2"
	"time"
)

// job is something to measure. What it cannot measure, it returns with an
// Error.
type job struct {
	wants []measurement // named, without figures
	takes time.Duration // estimate
	run   func(ctx context.Context, wants []measurement) []measurement
}

// overhead is what a job takes beside its attack: starting, ending, counting.
const overhead = 400 * time.Millisecond

// plan is all jobs of the wanted parts, in order.
func (b *bench) plan() (jobs []job) {
	for _, part := range b.parts {
		jobs = append(jobs, map[string]func() []job{
			throughput: b.throughputJobs,
			cpu:        b.cpuJobs,
			flood:      b.floodJobs,
			latency:    b.latencyJobs,
			hogged:     b.hogJobs,
			memory:     b.memoryJobs,
			soak:       b.soakJobs,
		}[part]()...)
	}
	return jobs
}

// inRounds interleaves jobs: every round has each of them once, in an order of
// its own.
func (b *bench) inRounds(n int, of func(round int) []job) (jobs []job) {
	order := rand.New(rand.NewPCG(b.seed, 0x726f756e6473))
	for round := range n {
		js := of(round + 1)
		order.Shuffle(len(js), func(i, k int) { js[i], js[k] = js[k], js[i] })
		jobs = append(jobs, js...)
	}
	return jobs
}

// page is nginx's file, as a load.
func (b *bench) page(l load) load {
	l.Address, l.Path = b.nginx.address, pagePath
	return l
}

// each returns the job of one attack on nginx.
func (b *bench) each(t tool, want measurement, measure func(context.Context, tool, measurement) measurement) job {
	return job{
		wants: []measurement{want}, takes: want.Load.Duration + overhead,
		run: func(ctx context.Context, wants []measurement) []measurement {
			return []measurement{measure(ctx, t, wants[0])}
		},
	}
}
