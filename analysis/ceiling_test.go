package analysis

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// burstOf is a closed loop of ten seconds on a machine of four CPUs, of which
// the parts kept so many busy.
func burstOf(workers int, proxy string, rate, app, proxyCPU, generator, busy float64) rundir.Trial {
	t := burstTrial()
	t.Step.Cell = scenarios.Cell{Server: "s", Proxy: proxy, Workers: workers, Threads: 1}
	t.Effective.Workers = workers
	t.Load.Goodput, t.Load.Achieved = rate, rate
	t.Usage.Cores, t.Usage.AppCores = 4, 4
	t.Usage.App.CPUSeconds, t.Usage.Proxy.CPUSeconds, t.Usage.Generator.CPUSeconds = 10*app, 10*proxyCPU, 10*generator
	t.Usage.BusySeconds = 10 * busy
	return t
}

func TestSharedCeilings(t *testing.T) {
	direct := scenarios.Direct
	for _, tt := range []struct {
		name    string
		ceiling float64
		bursts  []rundir.Trial
		want    string // in the only warning; empty: none
	}{
		{"the generator", 0, []rundir.Trial{
			burstOf(1, direct, 4000, 1, 0, 0.3, 1.4), burstOf(2, direct, 7900, 1.6, 0, 0.6, 2.3),
			burstOf(4, direct, 8000, 1.6, 0, 0.62, 2.3), burstOf(8, direct, 8050, 1.7, 0, 0.61, 2.4),
		}, "3 of 4 configurations without a proxy end at the same 7900 to 8050 requests/s, whatever their workers, so that what they share may be the limit: the generator used 61 % of a core, of at most 70 %"},
		{"the generator, in trials that it made void", 0, []rundir.Trial{
			burstOf(2, direct, 9900, 1.6, 0, 0.95, 2.6), burstOf(4, direct, 10000, 1.6, 0, 0.97, 2.6), burstOf(8, direct, 10050, 1.7, 0, 0.96, 2.7),
		}, "the generator used 96 % of a core"},
		{"the calibrated ceiling", 13000, []rundir.Trial{
			burstOf(2, direct, 7900, 1.6, 0, 0.4, 2.3), burstOf(4, direct, 8000, 1.6, 0, 0.4, 2.3), burstOf(8, direct, 8050, 1.7, 0, 0.4, 2.4),
		}, "that is 61 % of the most that the generator does on this machine"},
		{"far below the calibrated ceiling", 20000, []rundir.Trial{
			burstOf(2, direct, 7900, 1.6, 0, 0.4, 2.3), burstOf(4, direct, 8000, 1.6, 0, 0.4, 2.3), burstOf(8, direct, 8050, 1.7, 0, 0.4, 2.4),
		}, ""},
		{"the proxy at one core", 0, []rundir.Trial{
			burstOf(1, "haproxy", 3000, 1, 0.4, 0.2, 1.7), burstOf(2, "haproxy", 6000, 1.7, 0.97, 0.4, 3.2),
			burstOf(4, "haproxy", 6100, 1.8, 0.98, 0.4, 3.2), burstOf(8, "haproxy", 6050, 1.8, 0.99, 0.4, 3.3),
			burstOf(1, direct, 3100, 1, 0, 0.2, 1.3), burstOf(2, direct, 6200, 2, 0, 0.4, 2.6), burstOf(4, direct, 11000, 3.1, 0, 0.5, 3.7),
		}, "3 of 4 configurations behind a proxy end at the same 6000 to 6100 requests/s, whatever their workers, so that what they share may be the limit: the proxy used 0.98 CPUs"},
		{"a machine that others fill", 0, []rundir.Trial{
			burstOf(2, direct, 5000, 1.9, 0, 0.5, 3.95), burstOf(4, direct, 5100, 2, 0, 0.5, 3.95), burstOf(8, direct, 5050, 2, 0, 0.5, 3.95),
		}, "the machine's 4 CPUs were all busy, 50 % of that with other than the application"},
		{"a machine that the application fills", 0, []rundir.Trial{
			burstOf(4, direct, 5000, 3.4, 0, 0.5, 3.95), burstOf(8, direct, 5100, 3.5, 0, 0.5, 3.95), burstOf(16, direct, 5050, 3.4, 0, 0.5, 3.95),
		}, ""},
		{"equally good", 0, []rundir.Trial{
			burstOf(2, direct, 500, 0.6, 0, 0.1, 0.8), burstOf(4, direct, 505, 0.6, 0, 0.1, 0.8), burstOf(8, direct, 498, 0.6, 0, 0.1, 0.8),
		}, ""},
		{"two cells are not many", 0, []rundir.Trial{
			burstOf(2, direct, 7900, 1.6, 0, 0.6, 2.3), burstOf(4, direct, 8000, 1.6, 0, 0.62, 2.3), burstOf(1, direct, 4000, 1.6, 0, 0.6, 2.3),
		}, ""},
		{"fewer than half", 0, []rundir.Trial{
			burstOf(8, direct, 7900, 1.6, 0, 0.6, 2.3), burstOf(16, direct, 8000, 1.6, 0, 0.62, 2.3), burstOf(32, direct, 8050, 1.6, 0, 0.6, 2.3),
			burstOf(1, direct, 1000, 1, 0, 0.1, 1.2), burstOf(2, direct, 2000, 1, 0, 0.1, 1.2), burstOf(3, direct, 3000, 1, 0, 0.1, 1.2), burstOf(4, direct, 4000, 1, 0, 0.1, 1.2),
		}, ""},
		{"one cell with several proxies", 0, []rundir.Trial{
			burstOf(2, "nginx", 7900, 1.6, 0.3, 0.6, 2.3), burstOf(2, "apache", 8000, 1.6, 0.3, 0.62, 2.3), burstOf(2, "caddy", 8050, 1.6, 0.3, 0.6, 2.3),
		}, ""},
		{"a better cell shows that it is no ceiling", 0, []rundir.Trial{
			burstOf(2, direct, 7900, 1.6, 0, 0.6, 2.3), burstOf(4, direct, 8000, 1.6, 0, 0.62, 2.3), burstOf(8, direct, 8050, 1.6, 0, 0.6, 2.3), burstOf(3, direct, 9000, 1.6, 0, 0.65, 2.3),
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := sharedCeilings(JudgeAll(testScenario(time.Minute), tt.bursts, nil), &rundir.Calibration{Ceiling: tt.ceiling})
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("got %q, want nothing", got)
			case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)):
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSharedCeilingIsOfTheMix(t *testing.T) {
	var bursts []rundir.Trial
	for i := range 4 {
		b := burstOf(1<<i, scenarios.Direct, 8000, 1.6, 0, 0.62, 2.3)
		b.Step.Class = scenarios.Static
		bursts = append(bursts, b)
	}
	if got := sharedCeilings(JudgeAll(testScenario(time.Minute), bursts, nil), nil); len(got) > 0 {
		t.Errorf("loops of one class alone: %q, want nothing, for they are told as at least", got)
	}
}

func TestAboveCeiling(t *testing.T) {
	winner := func(rate float64) *Cell { return &Cell{Final: &Figure{Value: rate}} }
	for _, tt := range []struct {
		name    string
		winner  *Cell
		ceiling *rundir.Calibration
		want    bool
	}{
		{"at 70 %", winner(7000), &rundir.Calibration{Ceiling: 10000}, false},
		{"above", winner(7001), &rundir.Calibration{Ceiling: 10000}, true},
		{"not calibrated", winner(7001), nil, false},
		{"no ceiling found", winner(7001), &rundir.Calibration{}, false},
		{"no winner", nil, &rundir.Calibration{Ceiling: 10000}, false},
		{"no rate", &Cell{}, &rundir.Calibration{Ceiling: 10000}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := aboveCeiling(tt.winner, tt.ceiling)
			if (got != "") != tt.want || tt.want && !strings.Contains(got, fmt.Sprintf("%.0f requests/s, is 70 %% of", tt.winner.Final.Value)) {
				t.Errorf("got %q, want a doubt: %v", got, tt.want)
			}
		})
	}
}
