package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"sweetspot/analysis/gate"
)

// promise is one line of what must hold.
type promise struct {
	text     string
	measured func(cases map[string]tally) (text string, holds bool, ok bool) // ok: enough gates were made to say
}

// promises are what the gate has to hold.
func promises() (out []promise) {
	out = []promise{
		{"1. simulated: false alarms of every deciding set ≤ 1 %", simulated(0, 0)},
		{"1. simulated: a slowdown of 5 % at CV ≤ 2 % is found, within 10 min, ≥ 95 %", simulated(0.05, 0.02)},
		{"1. simulated: a slowdown of 10 % at CV 5 % is found, within 10 min, ≥ 95 %", simulated(0.10, 0.05)},
	}
	for i, t := range traps {
		number := 2
		if i == len(traps)-1 {
			number = 3
		}
		out = append(out, promise{fmt.Sprintf("%d. real, %s: %s", number, t.name, t.promise), func(cases map[string]tally) (string, bool, bool) {
			c := cases[t.String()]
			text := fmt.Sprintf("%d of %d regressed", c.of(gate.Regressed), c.n)
			if t.request != "" {
				text += fmt.Sprintf(", %d name the request, %d pass", c.named, c.of(gate.Pass)+c.of(gate.Improved))
			}
			return text, t.kept(c), c.n >= t.gates
		}})
	}
	return out
}

// leastGates of a simulated case tell a share of 1 % from more.
const leastGates = 1000

// simulated judges the worlds of one slowdown, with spreads up to that: the worst
// of them.
func simulated(slower, starts float64) func(cases map[string]tally) (string, bool, bool) {
	return func(cases map[string]tally) (text string, holds, ok bool) {
		holds, ok = true, true
		worst, longest, n := -1., 0., 0
		for _, w := range worlds {
			if w.slower != slower || slower > 0 && w.starts > starts {
				continue
			}
			c := cases[w.String()]
			n++
			if c.n < leastGates {
				ok = false
			}
			if c.n == 0 {
				continue
			}
			share := float64(c.of(gate.Regressed)) / float64(c.n)
			if worst < 0 || (slower == 0) == (share > worst) {
				worst = share
			}
			longest = max(longest, c.longest)
			holds = holds && w.kept(share) && (slower == 0 || c.longest <= 600)
		}
		if worst < 0 {
			return "no gates", false, false
		}
		return fmt.Sprintf("worst of %d cases %.1f %%, longest gate %.1f min", n, 100*worst, longest/60), holds, ok
	}
}

// judge prints what must hold, as far as these gates tell.
func judge(w io.Writer, cases map[string]tally) error {
	fmt.Fprintln(w)
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "what must hold\tmeasured\tholds")
	for _, p := range promises() {
		text, holds, ok := p.measured(cases)
		answer := "no"
		switch {
		case !ok:
			answer = "too few gates to say"
		case holds:
			answer = "yes"
		}
		fmt.Fprintf(out, "%s\t%s\t%s\n", p.text, text, answer)
	}
	fmt.Fprintln(out, "4. benchstat, a JUnit consumer and an XML schema take the files\tby the tests of ./reports\t–")
	fmt.Fprintln(out, "5. a killed gate resumes, a foreign baseline is refused, a damaged store is left alone\tby the tests of ./cmd/sweetspot and ./runner/store\t–")
	return out.Flush()
}
