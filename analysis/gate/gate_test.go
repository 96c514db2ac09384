package gate

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

func TestOrder(t *testing.T) {
	letters := func(bursts []burst) (s string) {
		for _, b := range bursts {
			letter := map[string]string{rundir.Base: "a", rundir.Candidate: "b"}[b.build]
			if b.open {
				letter = strings.ToUpper(letter)
			}
			s += letter
		}
		return s
	}
	starts := map[bool]int{}
	for round := range 100 {
		s := letters(order(scenarios.Gate{Bursts: 2, OpenBursts: 2}, 3, round))
		if s != "abbaBAAB" && s != "baabABBA" {
			t.Fatalf("round %d is %s", round, s)
		}
		if other := letters(order(scenarios.Gate{Bursts: 2, OpenBursts: 2}, 3, round^1)); other == s {
			t.Fatalf("rounds %d and %d are both %s", round, round^1, s)
		}
		if round%2 == 0 {
			starts[s[0] == 'a']++
		}
	}
	if starts[true] < 10 || starts[false] < 10 {
		t.Errorf("who begins is not drawn: %v", starts)
	}
	first := 0
	for _, b := range order(scenarios.Gate{Bursts: 2, OpenBursts: 1}, 1, 0) {
		if b.first {
			first++
		}
	}
	if first != 2 {
		t.Errorf("%d bursts are the first of their build, want 2", first)
	}
}

// The probability to cross at any look is what may be spent: by simulation.
func TestLevels(t *testing.T) {
	looks := []int{6, 8, 10, 12, 14}
	s := spending{0.05, 14}
	levels := s.levels(looks, false)
	if got := levels[0]; math.Abs(got-0.05*36./196) > 1e-6 {
		t.Errorf("the first look has the level %g, want all that may be spent by then, %g", got, 0.05*36./196)
	}
	r := rand.New(rand.NewPCG(1, 2))
	const n = 40_000
	crossed := 0
	for range n {
		sum, at := 0., 0
		for j, look := range looks {
			for ; at < look; at++ {
				sum += r.NormFloat64()
			}
			if normal.Survival(sum/math.Sqrt(float64(look))) < levels[j] {
				crossed++
				break
			}
		}
	}
	if share := float64(crossed) / n; math.Abs(share-0.05) > 0.004 {
		t.Errorf("crossed in %.4f of the cases, want 0.05", share)
	}
	if early := s.levels(looks[:2], true); !(early[1] > levels[1]) {
		t.Errorf("a final look has the level %g, no more than %g", early[1], levels[1])
	}
}

// pairs makes rounds whose difference is d and which go with the machine's pace
// by slope.
func pairs(n int, d, noise, pace, slope float64, shift float64) (out []sample) {
	r := rand.New(rand.NewPCG(5, 6))
	for i := range n {
		x, y := pace*r.NormFloat64(), pace*r.NormFloat64()+shift
		s := sample{round: i + 1, base: slope*x + noise*r.NormFloat64(), candidate: d + slope*y + noise*r.NormFloat64()}
		s.diff, s.pace, s.paceMean = s.candidate-s.base, y-x, (x+y)/2
		out = append(out, s)
	}
	return out
}

func TestCovariate(t *testing.T) {
	for _, tt := range []struct {
		name    string
		samples []sample
		used    bool
	}{
		{"goes with the pace", pairs(20, 0.05, 0.01, 0.05, 1, 0), true},
		{"does not", pairs(20, 0.05, 0.05, 0.05, 0, 0), false},
		{"too few rounds", pairs(5, 0.05, 0.01, 0.05, 1, 0), false},
		{"the builds differ in the pace", pairs(20, 0.05, 0.01, 0.05, 1, 0.2), false},
		{"no pace known", pairs(20, 0.05, 0.01, 0, 0, math.NaN()), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bare, e := plain(tt.samples), estimateOf(tt.samples, true)
			if used := e.slope != 0; used != tt.used {
				t.Fatalf("used: %v, want %v (slope %g)", used, tt.used, e.slope)
			}
			if !tt.used {
				return
			}
			if !(e.sd < bare.sd/2) || math.Abs(e.mean-0.05) > 4*e.se || math.Abs(e.slope-1) > 0.2 {
				t.Errorf("mean %g ± %g, sd %g from %g, slope %g; want about 0.05, a smaller sd and 1", e.mean, e.se, e.sd, bare.sd, e.slope)
			}
		})
	}
}

// The bursts of a round tell how a metric goes with the pace, whichever way is
// worse.
func TestBurstsTellTheSlope(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var rounds []round
	for range leastCovered {
		var a attempt
		for i := range 8 {
			slow := math.Exp(0.1 * r.NormFloat64())
			build := [2]string{rundir.Base, rundir.Candidate}[i%2]
			a.trials = append(a.trials, rundir.Trial{
				Step: rundir.Step{Build: build},
				Load: rundir.Load{Goodput: 100 / slow, Sent: 500, Classes: map[string]rundir.Class{scenarios.All: {Sent: 500, Good: 500}}},
				Usage: rundir.Usage{
					App: rundir.Group{CPUSeconds: slow * math.Exp(0.001*r.NormFloat64())}, Pace: 4e4 * slow * math.Exp(0.001*r.NormFloat64()),
				},
			})
		}
		rounds = append(rounds, round{a})
	}
	for _, metric := range []string{scenarios.Throughput, scenarios.CPU} {
		if e := (key{metric: metric}).slowdown(rounds); math.Abs(e.slope-1) > 0.01 || !(e.sd < 0.005) {
			t.Errorf("%s: slope %g, want about 1; sd %g, want what the noise of 0.1 %% leaves", metric, e.slope, e.sd)
		}
	}
}

func TestEstimatesKnowNothing(t *testing.T) {
	for _, samples := range [][]sample{nil, {{diff: 1}}} {
		e := estimateOf(samples, true)
		low, high := e.interval()
		for name, x := range map[string]float64{"above": e.above(0), "below": e.below(0), "low": low, "high": high, "visible": e.visible()} {
			if !math.IsNaN(x) {
				t.Errorf("%d rounds: %s is %g, want NaN", len(samples), name, x)
			}
		}
	}
	// No errors in any round: no spread, and certainty.
	e := estimateOf(make([]sample, 6), false)
	if e.above(0) != 1 || e.below(0.001) != 0 {
		t.Errorf("of nothing but zeros: above 0 with p = %g, below 0.001 with p = %g; want 1 and 0", e.above(0), e.below(0.001))
	}
}

// testPlan is a gate on throughput.
func testPlan() Plan {
	s := &scenarios.Scenario{}
	s.Traffic.Requests = []scenarios.Request{{Name: "home", Class: scenarios.Dynamic, Weight: 1}}
	s.Gate = scenarios.Gate{
		Fail: []scenarios.Criterion{{Metric: scenarios.Throughput, By: 0.05}}, Load: 0.7, Rounds: 20, Bursts: 1, OpenBursts: 1,
		Burst: scenarios.Duration(5 * time.Second), OpenBurst: scenarios.Duration(5 * time.Second), Settle: scenarios.Duration(time.Second), Budget: scenarios.Duration(time.Hour),
	}
	return Plan{Scenario: s, Gate: s.Gate, Cell: scenarios.Cell{Server: "x", Proxy: scenarios.Direct, Workers: 1, Threads: 1}, Seed: 1}
}

// answer is a burst in which nothing went wrong.
func answer(id int, step rundir.Step) rundir.Trial {
	t := rundir.Trial{ID: id, Step: step, Cost: 8 * time.Second}
	t.Effective.Workers = 1
	good := 100 * (1 + 0.01*math.Sin(float64(id*id)))
	class := rundir.Class{Sent: 500, Good: 500, Response: rundir.Latency{P50: 10 * time.Millisecond, P95: 20 * time.Millisecond, P99: 30 * time.Millisecond}}
	t.Load = rundir.Load{
		Offered: step.Rate, Goodput: good, Planned: 500, Sent: 500, InFlight: float64(step.Connections),
		Classes: map[string]rundir.Class{scenarios.All: class}, Requests: map[string]rundir.Class{"home": class},
	}
	t.Usage = rundir.Usage{Wall: 5 * time.Second, Cores: 2, App: rundir.Group{CPUSeconds: 3}, Generator: rundir.Group{CPUSeconds: 0.3}}
	return t
}

// drive takes the steps of a strategy and answers them, until it ends or stop
// does.
func drive(t *testing.T, steps rundir.Strategy, done []rundir.Trial, change func(*rundir.Trial), stop func([]rundir.Trial) bool) []rundir.Trial {
	t.Helper()
	begun := map[[2]any]bool{}
	for len(done) < 1000 {
		step, ok := steps(done)
		if !ok || stop(done) {
			return done
		}
		trial := answer(len(done)+1, step)
		id := [2]any{step.Build, step.Start}
		trial.Fresh, begun[id] = !begun[id], true
		change(&trial)
		done = append(done, trial)
	}
	t.Fatal("the gate does not end")
	return nil
}

func nothing(*rundir.Trial)     {}
func never([]rundir.Trial) bool { return false }
func after(n int) func([]rundir.Trial) bool {
	return func(done []rundir.Trial) bool { return len(done) >= n }
}

func TestGatePasses(t *testing.T) {
	p := testPlan()
	done := drive(t, Steps(p, 0), nil, nothing, never)
	r := Judge(Input{Plan: p, Source: Duet, Trials: done})
	if r.Verdict != Pass || r.Rounds != firstLook || len(r.Voids) != 0 || r.Metrics[0].Verdict != Pass {
		t.Errorf("verdict %s (%s) after %d rounds, voids %v", r.Verdict, r.Because, r.Rounds, r.Voids)
	}
	if done[0].Step.Phase != rundir.Saturation || done[0].Step.Build != rundir.Base {
		t.Errorf("the first step is %+v, want a saturation of the base", done[0].Step)
	}
	rate := 0.7 * done[0].Load.Goodput
	for _, trial := range done[1:] {
		if trial.Step.Rate != 0 && trial.Step.Rate != rate {
			t.Errorf("a burst has the rate %g, want %g", trial.Step.Rate, rate)
		}
	}
}

func TestRegressionIsConfirmed(t *testing.T) {
	p := testPlan()
	done := drive(t, Steps(p, 0), nil, func(t *rundir.Trial) {
		if t.Step.Build == rundir.Candidate {
			t.Load.Goodput *= 0.9
		}
	}, never)
	r := Judge(Input{Plan: p, Source: Duet, Trials: done})
	if r.Verdict != Regressed || r.Confirmed < leastBlock || r.Rounds != firstLook+r.Confirmed {
		t.Errorf("verdict %s (%s), %d rounds, %d of them to confirm", r.Verdict, r.Because, r.Rounds, r.Confirmed)
	}
	if m := r.Metrics[0]; math.Abs(m.Effect+0.1) > 0.02 || !(m.Low < m.Effect && m.Effect < m.High) || m.Verdict != Regressed {
		t.Errorf("metric %+v", m)
	}
}

// A slowdown that the fresh rounds do not show is none.
func TestSuspicionIsDropped(t *testing.T) {
	p := testPlan()
	done := drive(t, Steps(p, 0), nil, func(t *rundir.Trial) {
		if t.Step.Build == rundir.Candidate && t.Step.Start <= firstLook {
			t.Load.Goodput *= 0.94
		}
	}, never)
	if r := Judge(Input{Plan: p, Source: Duet, Trials: done}); r.Verdict == Regressed || r.Rounds <= firstLook {
		t.Errorf("verdict %s (%s) after %d rounds", r.Verdict, r.Because, r.Rounds)
	}
}

// A void burst goes out of its round with its neighbour on the other build.
func TestVoidPairIsLeftOut(t *testing.T) {
	p := testPlan()
	p.Gate.Bursts = 3
	const slow = 2 // the third of the closed loops
	done := drive(t, Steps(p, 0), nil, func(t *rundir.Trial) {
		if t.ID == 2+slow {
			t.Usage.StealSeconds = 5
		}
		if t.ID == 2+slow || t.ID == 2+slow+1 {
			t.Load.Goodput *= 0.5
		}
	}, never)
	r := Judge(Input{Plan: p, Source: Duet, Trials: done})
	if r.Verdict != Pass || len(r.Voids) != 0 || r.Rounds != firstLook || len(r.Metrics[0].Rounds) != firstLook {
		t.Fatalf("verdict %s (%s), voids %v, %d rounds", r.Verdict, r.Because, r.Voids, r.Rounds)
	}
	if first := r.Metrics[0].Rounds[0]; first.Base < 95 || first.Candidate < 95 {
		t.Errorf("the first round has %g and %g requests/s, want about 100: the void pair is in it", first.Base, first.Candidate)
	}
	if want := "of 24 pairs of bursts 1 do not count, the last because"; len(r.Warnings) != 1 || !strings.HasPrefix(r.Warnings[0], want) {
		t.Errorf("warnings %q, want one that begins with %q", r.Warnings, want)
	}
}

// Where a round has too few bursts left, it is void on both sides at once, and
// made again, in the same order.
func TestVoidRoundIsMadeAgain(t *testing.T) {
	p := testPlan()
	done := drive(t, Steps(p, 0), nil, func(t *rundir.Trial) {
		if t.ID == 7 {
			t.Usage.StealSeconds = 5
		}
	}, never)
	r := Judge(Input{Plan: p, Source: Duet, Trials: done})
	if len(r.Voids) != 1 || r.Voids[0].Round != 2 || !strings.Contains(r.Voids[0].Why, "stolen") || r.Rounds != firstLook {
		t.Fatalf("voids %v, %d rounds", r.Voids, r.Rounds)
	}
	if again := done[7].Step; again.Start != 3 || again.Build != done[5].Step.Build {
		t.Errorf("after the void burst comes %+v, want the round again from its beginning", again)
	}
}

// A gate that died in mid-round makes that round again.
func TestResumeInMidRound(t *testing.T) {
	p := testPlan()
	for kept := 1; kept <= 12; kept++ {
		done := drive(t, Steps(p, 0), nil, nothing, after(kept))
		done = drive(t, Steps(p, len(done)), done, nothing, never)
		r := Judge(Input{Plan: p, Source: Duet, Trials: done})
		want := 0
		if (kept-1)%4 != 0 {
			want = 1
		}
		if r.Verdict != Pass || r.Rounds != firstLook || len(r.Voids) != want {
			t.Errorf("killed after %d trials: %s, %d rounds, voids %v; want %d void", kept, r.Verdict, r.Rounds, r.Voids, want)
		}
	}
}

func TestGatesThatCannotGoOn(t *testing.T) {
	candidate := func(t *rundir.Trial) bool { return t.Step.Build == rundir.Candidate }
	for _, tt := range []struct {
		name    string
		change  func(*rundir.Trial)
		verdict Verdict
		because string
	}{
		{"the base does not start", func(t *rundir.Trial) { t.Failure = "no module" }, Inconclusive, "the base does not run: no module"},
		{"the candidate does not start", func(t *rundir.Trial) {
			if candidate(t) {
				t.Failure = "no module\nTraceback"
			}
		}, Regressed, "the candidate does not hold, the base does: it failed in 2 starts, the last time because no module"},
		{"a noisy machine", func(t *rundir.Trial) { t.Usage.ForeignSeconds = 9 }, Inconclusive, "20 rounds were void, the last because other processes"},
		{"nothing is answered", func(t *rundir.Trial) { t.Load.Goodput = 0 }, Inconclusive, "the base answered nothing well"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := testPlan()
			done := drive(t, Steps(p, 0), nil, tt.change, never)
			r := Judge(Input{Plan: p, Source: Duet, Trials: done})
			if r.Verdict != tt.verdict || !strings.Contains(r.Because, tt.because) {
				t.Errorf("%s: %s; want %s: …%s…", r.Verdict, r.Because, tt.verdict, tt.because)
			}
		})
	}
}

// A percentile of too few requests is no metric, and a criterion on it says so.
func TestSuppressedPercentile(t *testing.T) {
	p := testPlan()
	p.Gate.Fail = []scenarios.Criterion{{Metric: "p99", By: 0.1}}
	p.Gate.Rounds = 8
	done := drive(t, Steps(p, 0), nil, nothing, never)
	r := Judge(Input{Plan: p, Source: Duet, Trials: done})
	if r.Verdict != Inconclusive || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "lengthen gate.open_burst") || !math.IsNaN(r.Metrics[0].Effect) {
		t.Errorf("%s, warnings %q, %+v", r.Verdict, r.Warnings, r.Metrics[0])
	}
}

func TestInterruptedGate(t *testing.T) {
	p := testPlan()
	for kept := range 12 {
		done := drive(t, Steps(p, 0), nil, nothing, after(kept))
		r := Judge(Input{Plan: p, Source: Self, Trials: done, Interrupted: "the run was interrupted"})
		if r.Verdict != Inconclusive || r.Because != "the run was interrupted" {
			t.Errorf("after %d trials: %s, %s", kept, r.Verdict, r.Because)
		}
	}
}
