package analysis

import (
	"slices"

	"github.com/montanaflynn/stats"

	"sweetspot/scenarios"
)

// lottery sums up how unevenly connections fell to the workers of a cell; nil
// when no trial of it showed that. Trials with fewer than two connections for
// every worker say nothing: some worker must then have more than its share.
func lottery(cell scenarios.Cell, trials []Judged) *Lottery {
	l := &Lottery{}
	var ratios []float64
	for _, t := range trials {
		counts := t.Effective.Connections
		total, most := 0, 0
		for _, n := range counts {
			total, most = total+n, max(most, n)
		}
		if t.Step.Cell != cell || len(counts) < 2 || total < 2*len(counts) {
			continue
		}
		ratio := float64(most) * float64(len(counts)) / float64(total)
		ratios = append(ratios, ratio)
		if ratio > l.Worst {
			l.Worst, l.WorstOf = ratio, slices.Clone(counts)
		}
	}
	if len(ratios) == 0 {
		return nil
	}
	slices.SortFunc(l.WorstOf, func(a, b int) int { return b - a })
	l.Trials = len(ratios)
	l.Typical, _ = stats.Median(ratios)
	return l
}
