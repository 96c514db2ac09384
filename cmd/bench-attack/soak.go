package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// soakResult is a long closed loop at full rate, with raw results.
type soakResult struct {
	Kept   uint64      // results in the raw file
	Points []soakPoint // while it went on
}

// soakJobs is one attack, which also counts the results that it left.
func (b *bench) soakJobs() []job {
	want := measurement{Part: soak, Tool: ours, Load: b.page(load{Connections: loops, Duration: b.options.soak})}
	j := b.each(tool{}, want, func(ctx context.Context, _ tool, m measurement) measurement { return b.soakOnce(ctx, m) })
	j.takes += b.options.soak / 10 // to count the results
	return []job{j}
}

// soakOnce attacks until as many requests are answered as a first attack says
// that the time is enough for. A closed loop that ends by the clock would leave
// requests uncounted that are sent as it strikes.
func (b *bench) soakOnce(ctx context.Context, m measurement) measurement {
	raw := filepath.Join(b.options.dir, "soak-"+rawName) // not in memory, where temporary files may be
	spec := engineSpec{Engine: sweetspotEngine, Raw: raw, Seed: b.seed, Every: b.soakEvery}
	engine := func() tool { return tool{command: engineCommandOf(b.self, spec), parse: parseEngine} }
	first := m
	first.Load.Duration = b.closed
	first, _, err := b.onNginx(ctx, engine(), first, b.kids)
	if err != nil {
		return failedAs(m, errors.Join(err, ignoreMissing(os.Remove(raw))))
	}
	asked := m.Load
	spec.MaxHits = uint64(first.Rate * asked.Duration.Seconds())
	m.Load.Duration += m.Load.Duration / 2 // at most
	m, stdout, err := b.onNginx(ctx, engine(), m, b.kids)
	m.Load = asked
	if err != nil {
		return failedAs(m, errors.Join(err, ignoreMissing(os.Remove(raw))))
	}
	report, err := parseReport(stdout)
	if err != nil {
		return failedAs(m, err)
	}
	kept, err := countFile(raw)
	m.Soak = &soakResult{Kept: kept, Points: report.Points}
	return failedAs(m, errors.Join(err, os.Remove(raw)))
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// countFile counts the results in a compressed file of them.
func countFile(name string) (uint64, error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, fmt.Errorf("count raw results: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return 0, fmt.Errorf("count raw results: %w", err)
	}
	defer z.Close()
	return countResults(z)
}

// ends returns the first point after a tenth of the soak, when all is warm, and
// the last one.
func (s soakResult) ends(total time.Duration) (first, last soakPoint, ok bool) {
	for _, p := range s.Points {
		if p.At >= total/10 {
			return p, s.Points[len(s.Points)-1], true
		}
	}
	return first, last, false
}
