package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sweetspot/analysis"
	"sweetspot/runner"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// progress tells on w what is measured and how long it still takes: one line
// that is rewritten on a terminal, a line a trial elsewhere.
type progress struct {
	w        io.Writer
	width    int // of the terminal; 0 when w is none
	scenario *scenarios.Scenario
	shown    bool

	calibration *rundir.Calibration // of the generator; nil: none was made
}

func newProgress(w io.Writer, s *scenarios.Scenario) *progress {
	p := &progress{w: w, scenario: s}
	if f, ok := w.(*os.File); ok {
		p.width, _ = terminalWidth(f)
	}
	return p
}

// observe is the runner's observer.
func (p *progress) observe(e runner.Event) {
	if e.Trial == nil {
		p.show(fmt.Sprintf("%s, %s: %v at %s", e.Step.Note, e.Step.Phase, e.Step.Cell, p.loadOf(e.Step)), e.Step.Left)
		return
	}
	if p.width == 0 {
		fmt.Fprintf(p.w, "  → %s\n", resultOf(p.scenario, e.Trial))
	}
}

func (p *progress) show(text string, left time.Duration) {
	line := fmt.Sprintf("%s left  %s", left.Round(time.Second), text)
	if p.width == 0 {
		fmt.Fprintln(p.w, line)
		return
	}
	if r := []rune(line); len(r) >= p.width {
		line = string(r[:p.width-1])
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s", line)
	p.shown = true
}

// note prints a line of its own.
func (p *progress) note(format string, args ...any) {
	p.clear()
	fmt.Fprintf(p.w, format+"\n", args...)
}

// clear removes the progress line.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}

// loadOf names the load of a step, and says when it is much for the generator.
// What a closed loop will come to is not known before.
func (p *progress) loadOf(s rundir.Step) string {
	if s.Rate == 0 {
		text := fmt.Sprintf("%d connections", s.Connections)
		if s.Cores > 0 {
			text += fmt.Sprintf(", on %g cores", s.Cores)
		}
		return text
	}
	text := fmt.Sprintf("%.0f requests/s", s.Rate)
	if analysis.AboveCeiling(p.calibration, s.Rate) {
		text += fmt.Sprintf(", above %.0f %% of what the generator does on this machine", 100*analysis.MaxCeiling)
	}
	return text
}

func resultOf(s *scenarios.Scenario, t *rundir.Trial) string {
	v := analysis.Judge(s, *t)
	text := v.Kind
	if t.Load.Sent > 0 {
		r := t.Load.Classes[scenarios.All].Response
		text += fmt.Sprintf(": %.0f good/s, p50 %v, p99 %v", t.Load.Goodput, r.P50.Round(100*time.Microsecond), r.P99.Round(100*time.Microsecond))
	}
	if t.Load.Speed > 0 {
		text += fmt.Sprintf(", replayed at %.2f × the recorded speed", t.Load.Speed)
	}
	if len(v.Reasons) > 0 {
		first, _, _ := strings.Cut(v.Reasons[0], "\n")
		text += " (" + first + ")"
	}
	return text
}

// terminalWidth returns the columns of a terminal; ok is false when f is none.
func terminalWidth(f *os.File) (columns int, ok bool) {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, false
	}
	if size.Col == 0 {
		return 80, true
	}
	return int(size.Col), true
}
