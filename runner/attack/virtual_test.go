package attack

import (
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// near fails when got differs from want by more than HdrHistogram's 0.1 % and
// the microsecond that it counts in.
func near(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if diff := (got - want).Abs(); diff > want/1000+2*time.Microsecond {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// rank is the value at HdrHistogram's rank of a quantile.
func rank(sorted []time.Duration, q float64) time.Duration {
	return sorted[max(int(q*float64(len(sorted))+0.5), 1)-1]
}

// stalling serves in 1 ms, and not at all for the first 500 ms of every 5 s.
type stalling struct{ began time.Time }

const (
	stallEvery = 5 * time.Second
	stallFor   = 500 * time.Millisecond
	stallServe = time.Millisecond
)

// finish returns when a request is answered that was sent at the given time
// from the start.
func (s stalling) finish(sent time.Duration) time.Duration {
	if into := sent % stallEvery; into < stallFor {
		sent += stallFor - into
	}
	return sent + stallServe
}

func (s stalling) ServeHTTP(http.ResponseWriter, *http.Request) {
	now := time.Since(s.began)
	time.Sleep(s.finish(now) - now)
}

// responses computes what an attack with the given cap has to report: each hit
// takes the worker that is free first.
func (s stalling) responses(sched schedule, workers int) (response, service, lag []time.Duration) {
	free := make([]time.Duration, workers)
	for _, due := range sched {
		first := 0
		for i, f := range free {
			if f < free[first] {
				first = i
			}
		}
		sent := max(due, free[first])
		free[first] = s.finish(sent)
		response = append(response, free[first]-due)
		service = append(service, free[first]-sent)
		lag = append(lag, sent-due)
	}
	slices.Sort(response)
	slices.Sort(service)
	slices.Sort(lag)
	return response, service, lag
}

func TestStallsAreCountedFromTheSchedule(t *testing.T) {
	for _, tt := range []struct {
		name string
		spec Spec
	}{
		{"constant, many workers", Spec{Arrivals: scenarios.Constant, MaxInFlight: 256}},
		{"constant, 4 workers", Spec{Arrivals: scenarios.Constant, MaxInFlight: 4}},
		{"poisson, many workers", Spec{Arrivals: scenarios.Poisson, MaxInFlight: 256}},
		{"poisson, 4 workers", Spec{Arrivals: scenarios.Poisson, MaxInFlight: 4}},
		{"ramp", Spec{Arrivals: scenarios.Ramp, Shape: &scenarios.Shape{To: 2}, MaxInFlight: 4}},
		{"step", Spec{Arrivals: scenarios.Step, Shape: &scenarios.Shape{Steps: []float64{0, 1, 4}}, MaxInFlight: 4}},
		{"sine", Spec{Arrivals: scenarios.Sine, Shape: &scenarios.Shape{Amplitude: 1}, MaxInFlight: 4}},
		{"replay", Spec{Arrivals: scenarios.Replay, Recording: scenarios.Recording{0, 1, 3, 40, 900, 901, 1700}, MaxInFlight: 4}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var server stalling
			handler := func(w http.ResponseWriter, r *http.Request) { server.ServeHTTP(w, r) }
			virtual(t, handler, func(t *testing.T, run func(context.Context, Spec) Result) {
				server.began = time.Now()
				const rate, duration = 200, 30 * time.Second
				s := tt.spec.requests(page)
				s.Rate, s.Duration, s.Timeout, s.Seed = rate, duration, 10*time.Second, 7
				got := run(t.Context(), s)
				sched := s.schedule()
				response, service, lag := server.responses(sched, s.MaxInFlight)
				all := got.Load.Classes[scenarios.All]
				if got.Load.Sent != uint64(len(sched)) || all.Good != got.Load.Sent {
					t.Fatalf("sent %d, good %d, want %d", got.Load.Sent, all.Good, len(sched))
				}
				for _, q := range []struct {
					name string
					got  rundir.Latency
					want []time.Duration
				}{
					{"response", all.Response, response},
					{"service", all.Service, service},
					{"lag", all.Lag, lag},
				} {
					near(t, q.name+" p50", q.got.P50, rank(q.want, .50))
					near(t, q.name+" p95", q.got.P95, rank(q.want, .95))
					near(t, q.name+" p99", q.got.P99, rank(q.want, .99))
					near(t, q.name+" max", q.got.Max, q.want[len(q.want)-1])
				}
				if got.Load.Late != 0 || got.Load.StarveLag.Max > 2*time.Microsecond {
					t.Errorf("late %d, starve lag %v: the generator never starved", got.Load.Late, got.Load.StarveLag.Max)
				}
				wantBusy := len(lag) - sortedBelow(lag, late)
				if got.Load.LateBusy != uint64(wantBusy) {
					t.Errorf("late because busy: %d, want %d", got.Load.LateBusy, wantBusy)
				}
			})
		})
	}
}

// sortedBelow returns how many of the sorted values are at most limit.
func sortedBelow(sorted []time.Duration, limit time.Duration) int {
	i, _ := slices.BinarySearch(sorted, limit+1)
	return i
}

// The worst that a cap of 4 hides when latency counts from sending.
func TestStallsWithoutTheScheduleAreHidden(t *testing.T) {
	sched := newSchedule(scenarios.Constant, 200, 30*time.Second, 1)
	response, service, _ := stalling{}.responses(sched, 4)
	if p := rank(response, .99); p < 440*time.Millisecond {
		t.Errorf("true p99 = %v, want some 450 ms", p)
	}
	if p := rank(service, .99); p > 2*time.Millisecond {
		t.Errorf("p99 from sending = %v, want some 1 ms: the test proves nothing", p)
	}
}

func sleeper(d time.Duration) http.HandlerFunc {
	return func(http.ResponseWriter, *http.Request) { time.Sleep(d) }
}

func TestClosedLoopKeepsItsConnectionsBusy(t *testing.T) {
	const connections, serve = 5, 5 * time.Millisecond
	var now, peak atomic.Int64
	handler := func(http.ResponseWriter, *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
		}
		time.Sleep(serve)
	}
	virtual(t, handler, func(t *testing.T, run func(context.Context, Spec) Result) {
		l := run(t.Context(), Spec{
			Connections: connections, Warmup: time.Second, Duration: 10 * time.Second, Timeout: time.Second,
		}.requests(page)).Load
		if peak.Load() != connections {
			t.Errorf("peak in flight = %d, want %d", peak.Load(), connections)
		}
		if l.Sent != 10_000 || l.Offered != 0 || l.Workers != connections {
			t.Errorf("sent %d, offered %v, workers %d, want 10000, 0, %d", l.Sent, l.Offered, l.Workers, connections)
		}
		if math.Abs(l.InFlight-connections) > 0.01*connections {
			t.Errorf("mean in flight = %v, want %d", l.InFlight, connections)
		}
		if c := l.Classes[scenarios.All]; c.Response != c.Service || c.Lag.Max != 0 {
			t.Errorf("response %v, service %v, lag %v: want the first two equal, no lag", c.Response, c.Service, c.Lag)
		}
	})
}

func TestClosedLoopIsBounded(t *testing.T) {
	virtual(t, sleeper(time.Millisecond), func(t *testing.T, run func(context.Context, Spec) Result) {
		l := run(t.Context(), Spec{Connections: 2, Duration: time.Hour, Timeout: time.Second, MaxHits: 100}.requests(page)).Load
		if l.Sent != 100 || !strings.HasPrefix(l.Aborted, "100 hits sent") {
			t.Errorf("sent %d, aborted %q", l.Sent, l.Aborted)
		}
		near(t, "span", l.Span, 50*time.Millisecond)
	})
}

func TestWarmupIsSentButNotCounted(t *testing.T) {
	var seen atomic.Uint64
	handler := func(http.ResponseWriter, *http.Request) { seen.Add(1) }
	virtual(t, handler, func(t *testing.T, run func(context.Context, Spec) Result) {
		l := run(t.Context(), Spec{
			Arrivals: scenarios.Constant, Rate: 100,
			Warmup: 2 * time.Second, Duration: 3 * time.Second, Timeout: time.Second,
		}.requests(page)).Load
		if seen.Load() != 500 || l.Sent != 300 || l.Span != 3*time.Second || l.Achieved != 100 || l.Offered != 100 {
			t.Errorf("served %d, %+v, want 500 served, 300 counted over 3 s", seen.Load(), l)
		}
		if len(l.Windows) != 3 || l.Windows[0].Sent != 100 {
			t.Errorf("windows %+v, want 3 of 100 hits", l.Windows)
		}
	})
}

func TestWindowsShowAPause(t *testing.T) {
	var began time.Time
	handler := func(http.ResponseWriter, *http.Request) {
		if s := time.Since(began); s >= 2*time.Second && s < 4500*time.Millisecond {
			time.Sleep(4500*time.Millisecond - s)
		}
	}
	virtual(t, handler, func(t *testing.T, run func(context.Context, Spec) Result) {
		began = time.Now()
		l := run(t.Context(), Spec{Arrivals: scenarios.Constant, Rate: 10, Duration: 6 * time.Second, Timeout: 5 * time.Second}.requests(page)).Load
		var sent []uint64
		for i, w := range l.Windows {
			sent = append(sent, w.Sent)
			if w.Second != i {
				t.Errorf("window %d is second %d", i, w.Second)
			}
		}
		if want := []uint64{10, 10, 0, 0, 30, 10}; !slices.Equal(sent, want) {
			t.Errorf("hits by second = %v, want %v", sent, want)
		}
		if w := l.Windows[4]; w.Max < 2400*time.Millisecond {
			t.Errorf("slowest of the second after the pause = %v, want 2.5 s", w.Max)
		}
	})
}

// hanging never answers, until the client gives up.
func hanging(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func TestNothingIsDroppedSilently(t *testing.T) {
	virtual(t, hanging, func(t *testing.T, run func(context.Context, Spec) Result) {
		began := time.Now()
		l := run(t.Context(), Spec{
			Arrivals: scenarios.Constant, Rate: 100, MaxInFlight: 3,
			Duration: 2 * time.Second, Timeout: 5 * time.Second,
		}.requests(page)).Load
		if l.Planned != 200 || l.Sent != 3 || l.Unsent != 197 {
			t.Errorf("planned %d, sent %d, unsent %d, want 200, 3, 197", l.Planned, l.Sent, l.Unsent)
		}
		if f := l.Classes[scenarios.All].Faults; f["timeout"] != 3 {
			t.Errorf("faults %v, want 3 timeouts", f)
		}
		near(t, "time until the last timeout", time.Since(began), 5*time.Second+20*time.Millisecond)
	})
}

func TestUnsentEndAtTheDeadline(t *testing.T) {
	virtual(t, sleeper(130*time.Millisecond), func(t *testing.T, run func(context.Context, Spec) Result) {
		began := time.Now()
		l := run(t.Context(), Spec{
			Arrivals: scenarios.Constant, Rate: 20, MaxInFlight: 1,
			Duration: 5 * time.Second, Timeout: 30 * time.Second,
		}.requests(page)).Load
		// One worker sends every 130 ms, for 5 s and the grace of 1 s.
		if l.Planned != 100 || l.Sent != 47 || l.LateBusy != 46 || l.Late != 0 {
			t.Errorf("planned %d, sent %d, late busy %d, late %d, want 100, 47, 46, 0", l.Planned, l.Sent, l.LateBusy, l.Late)
		}
		near(t, "time in all", time.Since(began), 47*130*time.Millisecond)
	})
}

func TestAbort(t *testing.T) {
	slowAfter := func(began *time.Time, serve time.Duration) http.HandlerFunc {
		return func(_ http.ResponseWriter, r *http.Request) {
			if time.Since(*began) > 10*time.Second {
				select {
				case <-time.After(serve):
				case <-r.Context().Done():
				}
			}
		}
	}
	wrongAfter := func(began *time.Time, _ time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if time.Since(*began) > 10*time.Second {
				w.WriteHeader(http.StatusInternalServerError)
			}
		}
	}
	for _, tt := range []struct {
		name      string
		handler   func(*time.Time, time.Duration) http.HandlerFunc
		serve     time.Duration
		objective scenarios.Objective
		want      string
		after     time.Duration // least, and at most 200 ms more
	}{
		{"slow answers", slowAfter, 300 * time.Millisecond,
			scenarios.Objective{Class: scenarios.All, Metric: "p99", Limit: 250 * time.Millisecond},
			"p99 < 250ms cannot be met any more: ", 10*time.Second + 750*time.Millisecond},
		{"no answers", slowAfter, time.Hour,
			scenarios.Objective{Class: scenarios.Static, Metric: "p95", Limit: time.Second},
			"static p95 < 1s cannot be met any more: ", 10*time.Second + 3500*time.Millisecond},
		{"errors", wrongAfter, 0,
			scenarios.Objective{Class: scenarios.All, Metric: scenarios.Errors, Ratio: 0.01},
			"errors < 1% cannot be met any more: ", 10*time.Second + 500*time.Millisecond},
		{"maximum", slowAfter, 2 * time.Second,
			scenarios.Objective{Class: scenarios.Dynamic, Metric: scenarios.Max, Limit: time.Second},
			"dynamic max < 1s cannot be met any more: ", 11 * time.Second},
		{"mean", slowAfter, 4 * time.Second,
			scenarios.Objective{Class: scenarios.All, Metric: scenarios.Mean, Limit: 80 * time.Millisecond},
			"mean < 80ms cannot be met any more: ", 15 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var began time.Time
			virtual(t, tt.handler(&began, tt.serve), func(t *testing.T, run func(context.Context, Spec) Result) {
				began = time.Now()
				file := page
				file.Name, file.Class = "file", scenarios.Static
				l := run(t.Context(), Spec{
					Arrivals: scenarios.Constant, Rate: 100, Duration: 50 * time.Second, Timeout: 2 * time.Minute,
					Objectives: scenarios.Objectives{tt.objective},
				}.requests(page, file)).Load
				took := time.Since(began)
				if !strings.HasPrefix(l.Aborted, tt.want) {
					t.Fatalf("aborted %q, want %q…", l.Aborted, tt.want)
				}
				if took < tt.after || took > tt.after+200*time.Millisecond {
					t.Errorf("%q after %v, want %v", l.Aborted, took, tt.after)
				}
				if l.Planned != 5000 || l.Unsent == 0 || l.Span != took {
					t.Errorf("planned %d, unsent %d, span %v of %v", l.Planned, l.Unsent, l.Span, took)
				}
			})
		})
	}
}

func TestNoAbortWhileItCanBeMet(t *testing.T) {
	// Every 100th answer is slow: exactly as many as a p99 allows.
	handler := func(_ http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "00") {
			time.Sleep(300 * time.Millisecond)
		}
	}
	virtual(t, handler, func(t *testing.T, run func(context.Context, Spec) Result) {
		limit := 250 * time.Millisecond
		l := run(t.Context(), Spec{
			Arrivals: scenarios.Constant, Rate: 100, Duration: 20 * time.Second, Timeout: time.Second,
			Objectives: scenarios.Objectives{{Class: scenarios.All, Metric: "p99", Limit: limit}},
		}.requests(page)).Load
		if l.Aborted != "" || l.Sent != 2000 {
			t.Errorf("sent %d, aborted %q", l.Sent, l.Aborted)
		}
		if p := l.Classes[scenarios.All].Response.P99; p >= limit {
			t.Errorf("p99 = %v, want below %v", p, limit)
		}
	})
}

func TestInterrupt(t *testing.T) {
	for _, tt := range []struct {
		name string
		spec Spec
	}{
		{"open loop", Spec{Arrivals: scenarios.Poisson, Rate: 50}},
		{"open loop, all workers busy", Spec{Arrivals: scenarios.Poisson, Rate: 50, MaxInFlight: 2}},
		{"open loop, asleep", Spec{Arrivals: scenarios.Constant, Rate: 0.01}},
		{"closed loop", Spec{Connections: 4}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			virtual(t, hanging, func(t *testing.T, run func(context.Context, Spec) Result) {
				ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, errors.New("enough"))
				defer cancel()
				began := time.Now()
				s := tt.spec.requests(page)
				s.Duration, s.Timeout = 5*time.Minute, time.Minute
				l := run(ctx, s).Load
				if l.Aborted != "interrupted" {
					t.Errorf("aborted %q, want interrupted", l.Aborted)
				}
				if took := time.Since(began); took != 3*time.Second || l.Span != took {
					t.Errorf("took %v, span %v, want 3 s", took, l.Span)
				}
				if c := l.Classes[scenarios.All]; c.Faults[cancelled.String()] != l.Sent {
					t.Errorf("sent %d, faults %v", l.Sent, c.Faults)
				}
				if l.Sent > uint64(l.Workers) {
					t.Errorf("sent %d with %d workers and no answer", l.Sent, l.Workers)
				}
			})
		})
	}
}

func TestSameSeedSameLoad(t *testing.T) {
	type arrival struct {
		at   time.Duration
		path string
	}
	load := func(seed uint64) (seen []arrival) {
		var mu sync.Mutex
		var began time.Time
		handler := func(_ http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, arrival{time.Since(began), r.URL.Path})
		}
		virtual(t, handler, func(t *testing.T, run func(context.Context, Spec) Result) {
			began = time.Now()
			file := page
			file.Name, file.Path = "file", "/file/"
			run(t.Context(), Spec{Arrivals: scenarios.Poisson, Rate: 50, Duration: 5 * time.Second, Timeout: time.Second, Seed: seed}.requests(page, file))
		})
		return seen
	}
	first, again, other := load(1), load(1), load(2)
	if !slices.Equal(first, again) {
		t.Error("the same seed gave different arrivals")
	}
	if slices.Equal(first, other) {
		t.Error("another seed gave the same arrivals")
	}
}
