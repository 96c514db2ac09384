package live

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"sweetspot/analysis"
)

var update = flag.Bool("update", false, "write the golden files anew")

var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func after(d time.Duration) int64 { return began.Add(d).UnixMilli() }

// sampleState is a run of 24 cells in the middle of a trial.
func sampleState() State {
	s := State{Scenario: "django-shop", Dir: "/runs/django-shop", Objectives: []string{"p99 < 250ms", "errors < 0.1%"}, Began: began.UnixMilli()}
	states := []string{analysis.InFinals, analysis.InFinals, analysis.RateFound, analysis.Burst, analysis.Burst, analysis.Waiting, analysis.Infeasible, analysis.Crashed}
	for i := range 24 {
		r := Row{Server: "gunicorn-gthread", Proxy: []string{"nginx", "direct"}[i%2], Workers: 1 + i/4, Threads: 1 << (i % 4), Instances: 1, State: states[min(i, len(states)-1)]}
		if i == 3 {
			r.Instances = 2
		}
		r.Cell = fmt.Sprintf("server=%s/proxy=%s/workers=%d/threads=%d", r.Server, r.Proxy, r.Workers, r.Threads)
		if i < 5 {
			r.Throughput, r.Starts = 1310-float64(i)*101.3, 4-i%4
		}
		if i < 3 {
			r.Sustained = 1234 - float64(i)*200.4
		}
		s.Race = append(s.Race, r)
	}
	for i := range 40 {
		s.Seconds = append(s.Seconds, Second{Trial: 7, At: after(time.Duration(80+i) * time.Second), Span: 1, Good: float64(900 + (i*37)%300), P50: 12, P99: 33, Answers: 900})
	}
	s.Recent = &Recent{Span: 5, Due: 1200, Good: 1187, InFlight: 14, P50: 12.1, P99: 33.4, Max: 80, Answers: 5935}
	s.Doing = Doing{
		Text: "round 1 of 3, cell 2 of 4", Phase: "final", Cell: s.Race[1].Cell, Load: "1200 requests/s", Stage: Measuring,
		Since: after(117 * time.Second), Warmup: 2, Duration: 10, Left: 180, At: after(110 * time.Second),
	}
	s.Counts = Counts{Passed: 12, Failed: 3, Void: 1}
	s.Lines = []Line{
		{Kind: Note, Text: "run directory: /runs/django-shop"},
		{Kind: analysis.Failed, Cell: s.Race[6].Cell, Text: "failed: 310 good/s, p50 190ms, p99 612.4ms (p99 612.4ms, want < 250ms)"},
		{Kind: analysis.Passed, Cell: s.Race[0].Cell, Text: "passed: 1188 good/s, p50 12.1ms, p99 33.2ms"},
	}
	return s
}

// states are what the goldens show, all of them two minutes after the begin.
func states() map[string]State {
	full := sampleState()
	preparing := State{Scenario: "django-shop", Began: full.Began, Doing: Doing{Text: "preparing the application", Left: 300, At: after(110 * time.Second)}}
	starting := sampleState()
	starting.Doing.Stage, starting.Recent, starting.Race, starting.Counts = Starting, nil, nil, Counts{}
	failing := sampleState()
	failing.Recent.Errors, failing.Recent.P99, failing.Recent.P50 = 312.4, 10_040, 1250
	gate := State{Scenario: "shop", Began: full.Began, Recent: full.Recent, Doing: full.Doing, Counts: Counts{Passed: 1}}
	gate.Doing.Build, gate.Doing.Text, gate.Doing.Phase = "candidate", "round 2", "duet"
	return map[string]State{"full": full, "preparing": preparing, "starting": starting, "failing": failing, "gate": gate}
}

func TestDraw(t *testing.T) {
	for _, tt := range []struct {
		name, state string
		on          Screen
	}{
		{"full", "full", Screen{100, 30, false}},
		{"full-color", "full", Screen{100, 30, true}},
		{"full-narrow", "full", Screen{40, 24, false}},
		{"full-low", "full", Screen{80, 9, false}},
		{"preparing", "preparing", Screen{80, 24, false}},
		{"starting", "starting", Screen{80, 24, false}},
		{"failing-color", "failing", Screen{80, 16, true}},
		{"gate", "gate", Screen{80, 24, false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(Draw(states()[tt.state], began.Add(2*time.Minute), tt.on), "\n") + "\n"
			file := filepath.Join("testdata", tt.name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs; got:\n%s", file, got)
			}
		})
	}
}

// However small the terminal, no line wraps and the first line stays in sight.
func TestDrawFits(t *testing.T) {
	for name, s := range states() {
		for columns := 1; columns < 140; columns += 3 {
			for _, rows := range []int{1, 2, 5, 8, 24, 60} {
				lines := Draw(s, began.Add(2*time.Minute), Screen{columns, rows, true})
				if len(lines) >= rows {
					t.Errorf("%s: %d lines on %d rows", name, len(lines), rows)
				}
				for _, l := range lines {
					if n := Width(Unstyled(l)); n >= columns {
						t.Errorf("%s: a line of %d on %d columns: %q", name, n, columns, l)
					}
				}
			}
		}
	}
}

// What a scenario or a server says cannot steer the terminal.
func TestDrawIsInert(t *testing.T) {
	s := sampleState()
	const hostile = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202eevil\nnext\x00日本"
	s.Scenario, s.Doing.Text, s.Doing.Load, s.Doing.Cell, s.Doing.Build = hostile, hostile, hostile, hostile, hostile
	s.Lines = append(s.Lines, Line{Kind: analysis.Failed, Text: hostile, Cell: hostile})
	s.Race[0].Server, s.Race[0].Proxy, s.Race[0].State = hostile, hostile, hostile
	for _, columns := range []int{20, 60, 200} {
		lines := Draw(s, began.Add(2*time.Minute), Screen{columns, 40, true})
		for _, l := range lines {
			if bad := regexp.MustCompile(`[\x00-\x1f\x7f-\x9f\x{202a}-\x{202e}]`).FindString(Unstyled(l)); bad != "" {
				t.Errorf("%q has the control character %q", l, bad)
			}
			if n := Width(Unstyled(l)); n >= columns {
				t.Errorf("%q takes %d of %d columns", l, n, columns)
			}
		}
		if !strings.Contains(strings.Join(lines, "\n"), "?]0;owned??[2J?31m?evil next?") && columns == 200 {
			t.Errorf("the text is lost: %q", lines)
		}
	}
}

func TestWithoutColorNothingIsStyled(t *testing.T) {
	for name, s := range states() {
		if text := strings.Join(Draw(s, began.Add(2*time.Minute), Screen{100, 30, false}), ""); strings.Contains(text, "\x1b") {
			t.Errorf("%s: %q", name, text)
		}
	}
}
