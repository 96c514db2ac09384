package compare

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"sweetspot/analysis"
	"sweetspot/analysis/foreign"
	"sweetspot/scenarios"
)

// Known values: five against five that do not overlap, ties, and one against one.
func TestMannWhitney(t *testing.T) {
	for _, tt := range []struct {
		name string
		a, b []float64
		want float64
	}{
		{"none", nil, []float64{1}, 1},
		{"one each", []float64{1}, []float64{2}, 1},
		{"two each, apart", []float64{1, 2}, []float64{3, 4}, 2.0 / 6},
		{"five each, apart", []float64{1, 2, 3, 4, 5}, []float64{6, 7, 8, 9, 10}, 2.0 / 252},
		{"the same from the other side", []float64{6, 7, 8, 9, 10}, []float64{1, 2, 3, 4, 5}, 2.0 / 252},
		{"three against four", []float64{1, 2, 4}, []float64{3, 5, 6, 7}, 4.0 / 35},
		{"all alike", []float64{3, 3, 3}, []float64{3, 3}, 1},
		{"ties", []float64{1, 1, 2}, []float64{2, 3, 3}, 4.0 / 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := MannWhitney(tt.a, tt.b); math.Abs(got-tt.want) > 1e-12 {
				t.Errorf("p = %v, want %v", got, tt.want)
			}
		})
	}
}

// attack is one of wrk, by its throughput and its p50 in milliseconds.
func attack(rate, p50 float64) foreign.Single {
	id := strconv.FormatFloat(rate, 'g', -1, 64) + "-" + strconv.FormatFloat(p50, 'g', -1, 64)
	return foreign.Single{
		Tool: "wrk", Format: "wrk text", File: id, SHA256: id, Target: "http://h/", Requests: uint64(10 * rate), Samples: uint64(10 * rate),
		Duration: 10 * time.Second, Rate: rate, Connections: 8, Loop: foreign.Closed, Clock: foreign.FromSending,
		Quantiles: map[string]time.Duration{"p50": time.Duration(p50 * 1e6), "max": time.Second},
	}
}

func attacks(rates ...float64) (out []foreign.Single) {
	for _, r := range rates {
		out = append(out, attack(r, 2000/r))
	}
	return out
}

func metric(t *testing.T, f *Files, name string) Metric {
	t.Helper()
	for _, m := range f.Metrics {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("no metric %s in %+v", name, f.Metrics)
	return Metric{}
}

func TestOfFiles(t *testing.T) {
	for _, tt := range []struct {
		name            string
		base, candidate []foreign.Single
		ratio           float64
		differs         int
		says            string
	}{
		{"one each", attacks(1000), attacks(500), 0.5, 0, "there is no verdict"},
		{"one against several", attacks(1000), attacks(500, 501), 0.5005, 0, "there is no verdict"},
		{"slower", attacks(1000, 1010, 990, 1005), attacks(900, 910, 890, 905), 0.9, -1, "exact Mann–Whitney"},
		{"faster", attacks(1000, 1010, 990), attacks(1200, 1210, 1190), 1.2, 1, "So few attacks cannot have a p below 0.10"},
		{"noise", attacks(1000, 1200, 800, 1100), attacks(990, 1190, 810, 1110), 1, 0, "two groups"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := OfFiles(tt.base, tt.candidate)
			if err != nil {
				t.Fatal(err)
			}
			m := metric(t, f, "answered well")
			if math.Abs(m.Ratio.Value-tt.ratio) > 0.01 || m.Differs() != tt.differs {
				t.Errorf("ratio %+v differs %d, want %v, %d", m.Ratio, m.Differs(), tt.ratio, tt.differs)
			}
			if p50 := metric(t, f, "p50"); p50.Differs() != -tt.differs {
				t.Errorf("p50 differs %d, want %d", p50.Differs(), -tt.differs)
			}
			if all := strings.Join(f.Shows, "\n"); !strings.Contains(all, tt.says) {
				t.Errorf("it says\n%s\nwithout %q", all, tt.says)
			}
			if !f.Replicated() && (!math.IsNaN(m.P) || !math.IsNaN(m.Ratio.Low)) {
				t.Errorf("single files have p %v, interval from %v", m.P, m.Ratio.Low)
			}
		})
	}
}

// Figures that are the same in every file have no interval: the tool rounds.
func TestCoarseFigures(t *testing.T) {
	f, err := OfFiles([]foreign.Single{attack(1000, 2), attack(1001, 2)}, []foreign.Single{attack(1002, 3), attack(1003, 3)})
	if err != nil {
		t.Fatal(err)
	}
	m := metric(t, f, "p50")
	if !m.Coarse || m.Differs() != 0 || !math.IsNaN(m.Ratio.Low) || math.Abs(m.Ratio.Value-1.5) > 1e-9 {
		t.Errorf("%+v, %+v", m, m.Ratio)
	}
}

func TestReasonsNotToCompare(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*foreign.Single)
		want   string
	}{
		{"nothing", func(*foreign.Single) {}, ""},
		{"tool", func(s *foreign.Single) { s.Tool = "ab" }, "the tools differ"},
		{"format", func(s *foreign.Single) { s.Format = "hey CSV" }, "the formats differ"},
		{"loop", func(s *foreign.Single) { s.Loop = "" }, "a closed loop against"},
		{"clock", func(s *foreign.Single) { s.Clock = foreign.FromSchedule }, "latencies count from different moments"},
		{"target", func(s *foreign.Single) { s.Target = "http://other/" }, "the targets differ"},
		{"connections", func(s *foreign.Single) { s.Connections = 0 }, "the numbers of connections differ"},
		{"duration", func(s *foreign.Single) { s.Duration *= 2 }, "the durations differ"},
		{"requests", func(s *foreign.Single) { s.Requests *= 2 }, ""},
		{"errors", func(s *foreign.Single) { s.Errors = s.Requests / 10 }, "more than 1 % of the requests are errors"},
		{"the same", func(s *foreign.Single) { s.SHA256 = attack(1000, 2).SHA256 }, "the same file is on both sides"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			other := attack(1001, 2)
			tt.change(&other)
			f, err := OfFiles([]foreign.Single{attack(1000, 2)}, []foreign.Single{other})
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == "" && len(f.Against) > 0 || tt.want != "" && (len(f.Against) != 1 || !strings.HasPrefix(f.Against[0].Why, tt.want)) {
				t.Errorf("reasons %+v, want %q", f.Against, tt.want)
			}
		})
	}
}

// A closed loop makes as many requests as it can: that is no reason. Of a
// schedule it is one.
func TestDifferentNumbersOfRequests(t *testing.T) {
	a, b := attack(1000, 2), attack(1500, 2)
	a.Loop, b.Loop = foreign.Open, foreign.Open
	a.Offered, b.Offered = 1000, 1500
	f, err := OfFiles([]foreign.Single{a}, []foreign.Single{b})
	if err != nil || len(f.Against) != 2 || !strings.HasPrefix(f.Against[0].Why, "the rates that were sent differ") || !strings.HasPrefix(f.Against[1].Why, "the numbers of requests differ") {
		t.Errorf("%+v, %v", f.Against, err)
	}
}

func TestRefusedFiles(t *testing.T) {
	if _, err := OfFiles(attacks(1, 1), attacks(2)); err == nil || !strings.Contains(err.Error(), "one attack counts once") {
		t.Errorf("a file twice: %v", err)
	}
	if _, err := OfFiles(nil, attacks(2)); err == nil {
		t.Error("no file on one side is no error")
	}
	var many []float64
	for i := range mostFiles + 1 {
		many = append(many, float64(1000+i))
	}
	if _, err := OfFiles(attacks(many...), attacks(2)); err == nil || !strings.Contains(err.Error(), "give 50 at most") {
		t.Errorf("many files: %v", err)
	}
}

func cell(workers int, rate *analysis.Figure) *analysis.Cell {
	return &analysis.Cell{Planned: scenarios.Planned{Cell: scenarios.Cell{Server: "s", Proxy: "direct", Workers: workers, Threads: 1}}, Final: rate}
}

func TestOfRuns(t *testing.T) {
	figure := func(v float64) *analysis.Figure { return &analysis.Figure{Value: v, Low: v - 30, High: v + 30, N: 5} }
	a := &analysis.Result{Cells: []*analysis.Cell{cell(1, figure(500)), cell(2, figure(1000)), cell(3, nil), cell(4, figure(100))}}
	b := &analysis.Result{Cells: []*analysis.Cell{cell(1, figure(505)), cell(2, figure(900)), cell(3, figure(10))}}
	a.Winner, b.Winner = a.Cells[1], b.Cells[1]
	r := OfRuns(Run{"a", a}, Run{"b", b}, []string{"kernel: 5 there, 6 here"})
	if r.Winners == nil || math.Abs(r.Winners.Value-0.9) > 1e-9 || !(r.Winners.Low > 0.85 && r.Winners.High < 0.95) {
		t.Errorf("winners %+v", r.Winners)
	}
	if len(r.Cells) != 2 || r.Cells[0].Sustained.Value != 1.01 || r.Cells[0].Saturation != nil {
		t.Errorf("cells %+v", r.Cells)
	}
	if len(r.Only) != 2 || !r.Only[0].Base || r.Only[1].Base {
		t.Errorf("only %+v", r.Only)
	}
	b.Winner = nil
	if r := OfRuns(Run{"a", a}, Run{"b", b}, nil); r.Winners != nil {
		t.Errorf("winners without one %+v", r.Winners)
	}
}
