package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"sweetspot/analysis"
	"sweetspot/reports/live"
	"sweetspot/reports/metrics"
	"sweetspot/runner"
	"sweetspot/runner/rundir"
)

// telemetry tells Prometheus and OpenTelemetry of a run. A nil one tells nobody.
type telemetry struct {
	run     *rundir.Run
	figures *metrics.Run
	server  *http.Server // nil: nobody scrapes
	export  *metrics.Export

	standings func(done []rundir.Trial) []analysis.Standing // nil before the search

	mu   sync.Mutex
	told []string // by any goroutine, and not noted yet
}

// startTelemetry answers scrapes on l, which may be nil, and exports where
// OpenTelemetry's environment variables say; nil when nobody asks for either. The
// trials of a run that goes on are in its figures.
func startTelemetry(ctx context.Context, run *rundir.Run, l net.Listener, p *progress) *telemetry {
	m := run.Manifest
	t := &telemetry{run: run, figures: metrics.New(metrics.About{
		Run: m.RunID, Scenario: m.Scenario.Name, Version: version(), Began: m.Began,
	})}
	t.export = metrics.StartExport(ctx, t.figures, t.tell)
	t.note(p)
	if l == nil && t.export == nil {
		return nil
	}
	for _, done := range run.Trials() {
		t.trial(&done)
	}
	t.note(p)
	if l != nil {
		p.note("metrics: http://%s/metrics", l.Addr())
		t.serve(l)
	}
	return t
}

// serve begins to answer scrapes.
func (t *telemetry) serve(l net.Listener) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", t.figures.Handler())
	t.server = &http.Server{
		Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
		ErrorLog: log.New(io.Discard, "", 0),
	}
	go func() {
		if err := t.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.tell(fmt.Sprintf("metrics are not served any more: %v; the run goes on", err))
		}
	}()
}

// follow has the figures tell where the cells stand.
func (t *telemetry) follow(standings func(done []rundir.Trial) []analysis.Standing) {
	if t != nil {
		t.standings = standings
	}
}

// observe takes note of a step that begins, or of its trial.
func (t *telemetry) observe(e runner.Event, p *progress) {
	if t == nil {
		return
	}
	if e.Trial == nil {
		t.figures.Begin(e.Step)
	} else {
		t.trial(e.Trial)
		t.figures.Standings(t.standings(t.run.Trials()))
	}
	t.note(p)
}

// trial adds a trial that is on disk.
func (t *telemetry) trial(done *rundir.Trial) {
	histograms, err := t.run.Histograms(done.ID)
	if err != nil {
		t.tell(fmt.Sprintf("the metrics lack the times of a trial: %v", err))
	}
	m := t.run.Manifest
	v := analysis.JudgeAll(&m.Scenario, []rundir.Trial{*done}, m.Calibration)[0].Verdict
	t.figures.Trial(done, v.Kind, histograms)
}

// watch returns who is told every second what comes back: the figures, and who
// else watches, nil for nobody.
func (t *telemetry) watch(other func(rundir.Interval)) func(rundir.Interval) {
	switch {
	case t == nil:
		return other
	case other == nil:
		return t.figures.Second
	}
	return func(i rundir.Interval) {
		other(i)
		t.figures.Second(i)
	}
}

// stop tells what the run found, nil when it found nothing, and whether it is over,
// and ends. It takes two seconds at most, when the export hangs.
func (t *telemetry) stop(found *analysis.Result, over bool, p *progress) {
	if t == nil {
		return
	}
	t.figures.Conclude(found, over)
	t.export.Stop()
	if t.server != nil {
		_ = t.server.Close() // nothing is left to do about a scrape that is cut off
	}
	t.note(p)
}

// tell takes down what is to be said, from any goroutine.
func (t *telemetry) tell(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.told = append(t.told, text)
}

// note says what has been told since.
func (t *telemetry) note(p *progress) {
	t.mu.Lock()
	told := t.told
	t.told = nil
	t.mu.Unlock()
	for _, text := range told {
		p.note("%s", text)
	}
}

// listenMetrics listens for scrapes, so that a bad address ends a run before it
// begins; nil where there is no address.
func listenMetrics(address string, p *progress) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	l, open, err := live.Listen(address)
	if err != nil {
		return nil, badInputf("--metrics: %w", err)
	}
	if open {
		p.note("the metrics are open to every machine that can reach this one, and are not encrypted")
	}
	return l, nil
}
