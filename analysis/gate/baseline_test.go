package gate

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

func TestAgainstABaseline(t *testing.T) {
	near := func(x, spread float64) (out []float64) {
		for i := range 12 {
			out = append(out, x*(1+spread*math.Sin(float64(7*i*i+i))))
		}
		return out
	}
	g := scenarios.Gate{Fail: []scenarios.Criterion{{Metric: scenarios.Throughput, By: 0.05}, {Metric: "p50", By: 0.1}}}
	for _, tt := range []struct {
		name            string
		base, candidate Series
		want            Verdict
	}{
		{"the same", Series{"throughput": near(100, 0.01), "p50": near(10, 0.02)}, Series{"throughput": near(100.5, 0.01), "p50": near(10, 0.02)}, Pass},
		{"slower", Series{"throughput": near(100, 0.01), "p50": near(10, 0.02)}, Series{"throughput": near(85, 0.01), "p50": near(10, 0.02)}, Regressed},
		{"faster", Series{"throughput": near(100, 0.01), "p50": near(10, 0.02)}, Series{"throughput": near(120, 0.01), "p50": near(10, 0.02)}, Improved},
		{"too noisy", Series{"throughput": near(100, 0.3), "p50": near(10, 0.02)}, Series{"throughput": near(98, 0.3), "p50": near(10, 0.02)}, Inconclusive},
		{"a metric that the baseline lacks", Series{"throughput": near(100, 0.01)}, Series{"throughput": near(100, 0.01), "p50": near(10, 0.02)}, Inconclusive},
		{"nothing", nil, nil, Inconclusive},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := Against(g, slices.Repeat([]Series{tt.base}, 12), tt.candidate)
			if r.Verdict != tt.want || len(r.Warnings) != 1 {
				t.Errorf("%s: %s; want %s", r.Verdict, r.Because, tt.want)
			}
		})
	}
}

// A baseline of several sessions is as sure as these agree.
func TestSessions(t *testing.T) {
	session := func(level float64) Series {
		s := Series{}
		for i := range 10 {
			s["throughput"] = append(s["throughput"], level*(1+0.005*math.Sin(float64(7*i*i+i))))
		}
		return s
	}
	g := scenarios.Gate{Fail: []scenarios.Criterion{{Metric: scenarios.Throughput, By: 0.05}}, Rounds: 20}
	alike := slices.Repeat([]Series{session(100), session(100.1), session(99.9), session(100.05), session(100)}, 4)
	apart := slices.Repeat([]Series{session(100), session(106), session(95), session(103), session(97)}, 4)
	slow := session(93)
	if r := Against(g, alike, slow); r.Verdict != Regressed {
		t.Errorf("7 %% less than sessions that agree: %s, %s", r.Verdict, r.Because)
	}
	if r := Against(g, apart, slow); r.Verdict != Inconclusive {
		t.Errorf("7 %% less than sessions that differ by as much: %s, %s", r.Verdict, r.Because)
	}
	// One session that agrees with itself does not tell what another day's would.
	if r := Against(g, alike[:1], slow); r.Verdict != Inconclusive || len(r.Warnings) != 2 {
		t.Errorf("7 %% less than one session: %s, %s, %v", r.Verdict, r.Because, r.Warnings)
	}
	if few, vain := AgainstRounds(g, alike), AgainstRounds(g, apart); few != leastAlone || vain != leastAlone {
		t.Errorf("%d and %d rounds, want %d: the starts agree, and where sessions do not, more of them are in vain", few, vain, leastAlone)
	}
}

// Against a stored baseline the candidate goes through its rounds alone, in the
// order that it has in a duet, and a round that a process has left is made again.
func TestAlone(t *testing.T) {
	p := testPlan()
	p.Alone, p.Rate, p.Gate.Rounds = true, 70, leastAlone
	half := drive(t, Steps(p, 0), nil, nothing, after(3))
	done := drive(t, Steps(p, len(half)), half, nothing, never)
	if len(done) != 3+2*4 {
		t.Errorf("%d bursts, want a whole round, a half one and 4 more", len(done))
	}
	for _, trial := range done {
		s := trial.Step
		if s.Phase != rundir.Duel || s.Build != rundir.Candidate || s.Rate != 0 && s.Rate != 70 {
			t.Fatalf("a step is %+v", s)
		}
	}
	base := Series{"throughput": {100, 100.3, 99.8, 100.1, 99.9, 100}, "p50": {10, 10.1, 9.9}}
	in := Input{Plan: p, Trials: done, Candidate: Build{Name: rundir.Candidate}}
	sessions := slices.Repeat([]Series{base}, 20)
	r := JudgeBaseline(in, sessions)
	if r.Verdict != Pass || r.Source != Baseline || r.Rounds != leastAlone || len(r.Voids) != 1 {
		t.Errorf("%s: %s; %d rounds, voids %v", r.Verdict, r.Because, r.Rounds, r.Voids)
	}
	if m := r.Metrics[0]; len(m.Rounds) != leastAlone || !math.IsNaN(m.Rounds[0].Base) || math.Abs(m.Base-100.02) > 0.05 {
		t.Errorf("throughput is %+v", m)
	}
	in.Interrupted = "the run was interrupted"
	if r := JudgeBaseline(in, sessions); r.Verdict != Inconclusive || r.Because != in.Interrupted {
		t.Errorf("interrupted: %s, %s", r.Verdict, r.Because)
	}
	in.Interrupted = ""
	in.Trials = drive(t, Steps(p, 0), nil, func(t *rundir.Trial) { t.Failure = "no module" }, never)
	if r := JudgeBaseline(in, sessions); r.Verdict != Inconclusive || len(in.Trials) != mostFailures {
		t.Errorf("a candidate that does not start: %s, %s, after %d bursts", r.Verdict, r.Because, len(in.Trials))
	}
}

// How often a candidate that is the same is called worse, and one that is 10 %
// slower caught, in simulated sessions of eight starts that differ by 2 %.
func TestBaselineHardlyEverCriesWolf(t *testing.T) {
	const n = 1000
	t.Log("sessions of the baseline, deciding metrics: called worse where nothing changed, passed; 10 % slower: caught")
	for _, between := range []float64{0, 0.01, 0.03, 0.05} {
		for _, sessions := range []int{1, 3, 6, 12} {
			for _, deciding := range []int{1, 3} {
				g := scenarios.Gate{Fail: []scenarios.Criterion{
					{Metric: scenarios.Throughput, By: 0.05}, {Metric: scenarios.CPU, By: 0.05}, {Metric: "p50", By: 0.1},
				}[:deciding], Rounds: 20}
				r := rand.New(rand.NewPCG(uint64(1e4*between), uint64(sessions)))
				session := func(slower float64) Series {
					s := Series{}
					day := between*r.NormFloat64() + slower
					for range 8 {
						start := math.Exp(day + 0.02*r.NormFloat64())
						s["throughput"] = append(s["throughput"], 100/start)
						s["cpu"] = append(s["cpu"], start*math.Exp(0.005*r.NormFloat64()))
						s["p50"] = append(s["p50"], start*math.Exp(0.05*r.NormFloat64()))
					}
					return s
				}
				same, slow := map[Verdict]int{}, map[Verdict]int{}
				for range n {
					var base []Series
					for range sessions {
						base = append(base, session(0))
					}
					same[Against(g, base, session(0)).Verdict]++
					slow[Against(g, base, session(0.1)).Verdict]++
				}
				share := func(m map[Verdict]int, v Verdict) float64 { return 100 * float64(m[v]) / n }
				t.Logf("sessions differ by %.0f %%: %2d, %d: %.1f %%, %.1f %%; %.1f %%", 100*between, sessions, deciding,
					share(same, Regressed), share(same, Pass)+share(same, Improved), share(slow, Regressed))
				accepted := 1.5
				if between > kinds[scenarios.Throughput].sessions {
					accepted = 3 // sessions differ by more than is expected
				}
				if wrong := share(same, Regressed); wrong > accepted {
					t.Errorf("sessions that differ by %.0f %%, %d of them, %d deciding metrics: %.1f %% called worse, want %g %% at most", 100*between, sessions, deciding, wrong, accepted)
				}
			}
		}
	}
}
