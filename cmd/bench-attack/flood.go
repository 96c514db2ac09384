package main

import "context"

// floodRate is more than vegeta's command line sends with workers unlimited.
const floodRate = 20_000

// floodJobs ask for a high rate without a bound on connections: is all of it
// sent?
func (b *bench) floodJobs() (jobs []job) {
	for _, t := range b.in(flood) {
		want := measurement{Part: flood, Tool: t.name, Load: b.page(load{Rate: floodRate, Duration: b.options.flood})}
		jobs = append(jobs, b.each(t, want, func(ctx context.Context, t tool, m measurement) measurement {
			m, stdout, err := b.onNginx(ctx, t, m, b.kids)
			m.Planned = uint64(m.Load.Rate * m.Load.Duration.Seconds())
			if err == nil && t.peer == "" { // a Poisson schedule differs from the rate by chance
				var r engineReport
				r, err = parseReport(stdout)
				m.Planned = r.Planned
			}
			return failedAs(m, err)
		}))
	}
	return jobs
}
