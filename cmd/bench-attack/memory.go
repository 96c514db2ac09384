package main

import (
	"context"
	"sync"
	"time"
)

const (
	memoryRate  = 1000.0
	oursRate    = 5000.0
	memoryLong  = "long"
	memoryBrief = "brief"
)

// memoryJobs have every tool attack for ten minutes at once, on the server's
// core: memory is no timing figure. Meanwhile ours has the generator's core to
// itself at a higher rate, and after it the same for a minute.
func (b *bench) memoryJobs() []job {
	long := job{takes: b.long + overhead, run: func(ctx context.Context, wants []measurement) []measurement {
		return b.together(ctx, wants)
	}}
	for _, t := range b.in(memory) {
		l := b.page(load{Rate: memoryRate, Connections: loops, Duration: b.long})
		long.wants = append(long.wants, measurement{Part: memory, Case: perSecond(memoryRate), Tool: t.name, Load: l})
	}
	long.wants = append(long.wants, b.oursAlone(memoryLong, b.long))
	brief := job{takes: b.brief + overhead, wants: []measurement{b.oursAlone(memoryBrief, b.brief)}, run: func(ctx context.Context, wants []measurement) []measurement {
		return b.together(ctx, wants)
	}}
	return []job{long, brief}
}

func (b *bench) oursAlone(name string, d time.Duration) measurement {
	return measurement{Part: memory, Case: name, Tool: oursRaw, Load: b.page(load{Rate: oursRate, Connections: loops, Duration: d})}
}

// together attacks with all wanted loads at once.
func (b *bench) together(ctx context.Context, wants []measurement) []measurement {
	byName := map[string]tool{}
	for _, t := range b.tools {
		byName[t.name] = t
	}
	done := make([]measurement, len(wants))
	var all sync.WaitGroup
	for i, m := range wants {
		kids := b.kids
		kids.look = true
		if m.Case == perSecond(memoryRate) {
			kids.cpu = b.server
		}
		all.Go(func() {
			m, _, err := b.attack(ctx, byName[m.Tool], m, kids)
			done[i] = failedAs(m, err)
		})
	}
	all.Wait()
	return done
}
