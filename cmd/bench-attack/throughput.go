package main

import "context"

// loops is how many connections a closed loop has.
const loops = 32

// throughputJobs are closed loops: how much one core sends.
func (b *bench) throughputJobs() []job {
	return b.inRounds(b.rounds, func(round int) (jobs []job) {
		for _, t := range b.in(throughput) {
			want := measurement{Part: throughput, Tool: t.name, Round: round, Load: b.page(load{Connections: loops, Duration: b.closed})}
			jobs = append(jobs, b.each(t, want, func(ctx context.Context, t tool, m measurement) measurement {
				m, _, err := b.onNginx(ctx, t, m, b.kids)
				return failedAs(m, err)
			}))
		}
		return jobs
	})
}
