package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"sweetspot/analysis/gate"
)

// tally counts the outcomes of a case.
type tally struct {
	n, named      int
	verdicts      map[gate.Verdict]int
	rounds, spent float64 // sums
	longest       float64 // of spent
}

func (t tally) of(v gate.Verdict) int { return t.verdicts[v] }

// report prints a line a case, and what must hold.
func report(w io.Writer, all []outcome) error {
	cases := map[string]tally{}
	for _, o := range all {
		t := cases[o.Case]
		if t.verdicts == nil {
			t.verdicts = map[gate.Verdict]int{}
		}
		t.n++
		t.verdicts[o.Verdict]++
		t.rounds += float64(o.Rounds)
		t.spent += o.Spent
		t.longest = max(t.longest, o.Spent)
		if o.Named && o.Verdict == gate.Regressed {
			t.named++
		}
		cases[o.Case] = t
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(out, "case\tgates")
	for _, v := range verdicts {
		fmt.Fprintf(out, "\t%s", v)
	}
	fmt.Fprintln(out, "\trounds\tminutes\tpromise\tkept")
	line := func(name, promise string, kept func(tally) bool) {
		t, ok := cases[name]
		if !ok {
			return
		}
		fmt.Fprintf(out, "%s\t%d", name, t.n)
		for _, v := range verdicts {
			fmt.Fprintf(out, "\t%.1f %%", 100*float64(t.of(v))/float64(t.n))
		}
		answer := "no"
		if kept(t) {
			answer = "yes"
		}
		fmt.Fprintf(out, "\t%.1f\t%.1f\t%s\t%s\n", t.rounds/float64(t.n), t.spent/60/float64(t.n), promise, answer)
	}
	for _, wd := range worlds {
		promise := "at most 1 % regressed"
		if wd.least > 0 {
			promise = fmt.Sprintf("at least %.0f %% regressed", 100*wd.least)
		}
		line(wd.String(), promise, func(t tally) bool { return wd.kept(float64(t.of(gate.Regressed)) / float64(t.n)) })
	}
	for _, t := range traps {
		line(t.String(), t.promise, t.kept)
	}
	return errors.Join(out.Flush(), judge(w, cases))
}
