package main

import (
	"context"
	"net/http"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"sweetspot/analysis/foreign"
)

// attackWithVegeta is an attack as a program makes it that uses vegeta's
// library as it comes: its client on net/http, its pacer, its metrics.
func attackWithVegeta(ctx context.Context, s engineSpec) (engineReport, error) {
	options := []func(*vegeta.Attacker){}
	if s.Connections > 0 {
		n := uint64(s.Connections)
		options = append(options, vegeta.Workers(n), vegeta.MaxWorkers(n))
	}
	attacker := vegeta.NewAttacker(options...)
	defer context.AfterFunc(ctx, func() { attacker.Stop() })()
	targeter := vegeta.NewStaticTargeter(vegeta.Target{Method: http.MethodGet, URL: "http://" + s.Address + s.Path})
	var m vegeta.Metrics
	for r := range attacker.Attack(targeter, vegeta.Rate{Freq: int(s.Rate), Per: time.Second}, s.Duration, "") {
		m.Add(r)
	}
	m.Close()
	r := readingOf(foreign.OfVegeta(m))
	r.Quantiles["p99.9"] = m.Latencies.Quantile(0.999)
	return engineReport{Reading: r, Planned: uint64(s.Rate * s.Duration.Seconds())}, nil
}
