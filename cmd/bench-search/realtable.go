package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sweetspot/scenarios"
)

// wantedSeeds is on how many seeds the promise rests.
const wantedSeeds = 3

// pair is what both strategies found with one seed; nil for what was not
// searched.
type pair struct {
	stack          string
	seed           int
	grid, adaptive *recommendation
}

// pairs are the recommendations by stack and seed. Of several with other
// budgets the last counts.
func pairs(all []recommendation) (out []*pair) {
	for i := range all {
		r := &all[i]
		at := slices.IndexFunc(out, func(p *pair) bool { return p.stack == r.Stack && p.seed == r.Seed })
		if at < 0 {
			at, out = len(out), append(out, &pair{stack: r.Stack, seed: r.Seed})
		}
		if r.Strategy == scenarios.Grid {
			out[at].grid = r
		} else {
			out[at].adaptive = r
		}
	}
	order := stackNames()
	slices.SortFunc(out, func(a, b *pair) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.stack), slices.Index(order, b.stack)), cmp.Compare(a.seed, b.seed))
	})
	return out
}

// realTable sets the adaptive search's recommendations against the grid's.
func realTable(b *strings.Builder, all []recommendation) (verdicts []string) {
	b.WriteString("\n### Real stacks\n\nA cell is proxy, workers × threads.\n\n")
	b.WriteString("| stack | seed | grid recommends | adaptive recommends | agree | grid: trial-seconds, wall s | adaptive: trial-seconds, wall s | stated % |\n|---|---|---|---|---|---|---|---|\n")
	counts, seeds := map[string]int{}, 0
	for _, p := range pairs(all) {
		how := p.agreement()
		if p.stack == promised && how != "" {
			seeds++
			counts[how]++
		}
		fmt.Fprintf(b, "| %s | %d | %s | %s | %s | %s | %s | %s |\n", p.stack, p.seed, recommended(p.grid), recommended(p.adaptive), cmp.Or(how, "not both searched"), cost(p.grid), cost(p.adaptive), stated(p.adaptive))
	}
	if seeds == 0 {
		return nil
	}
	agreed := 0
	for how, n := range counts {
		if agree(how) {
			agreed += n
		}
	}
	return []string{promise(agreed == seeds && seeds >= wantedSeeds,
		"%s: adaptive and grid recommend the same or a tied cell in %d of %d seeds (in all of at least %d): %d the same, %d tied, %d not told apart on the final starts",
		promised, agreed, seeds, wantedSeeds, counts[sameCell], counts[tiedCell], counts[notToldApart])}
}

// agreement is empty until both strategies have searched.
func (p *pair) agreement() string {
	if p.grid == nil || p.adaptive == nil {
		return ""
	}
	return compare(*p.grid, *p.adaptive)
}

func recommended(r *recommendation) string {
	switch {
	case r == nil:
		return ""
	case r.Winner == "":
		return r.text()
	}
	return short(r.Winner)
}

func cost(r *recommendation) string {
	if r == nil {
		return ""
	}
	return fmt.Sprintf("%.0f, %.0f", r.Seconds, r.Wall)
}

func stated(r *recommendation) string {
	if r == nil || r.Confidence == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f", 100*r.Confidence)
}
