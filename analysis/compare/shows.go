package compare

import (
	"fmt"
	"slices"
	"strings"

	"sweetspot/analysis/foreign"
)

// shows says what the files can and cannot show.
func (f *Files) shows() []string {
	var out []string
	if f.Replicated() {
		out = append(out,
			fmt.Sprintf("Intervals are of 95 %%, by Welch's t on logarithms of %d and %d attacks, each a replicate; p is of the exact Mann–Whitney test, which needs no normal distribution.", len(f.Base), len(f.Candidate)),
			fmt.Sprintf("With %d intervals, one that does not hold 1 may be chance: decide beforehand which figure counts.", f.ratios()),
			"They are compared as two groups: what the machine did between the one and the other is in the ratio. Alternating the builds, start by start, and comparing pairs is sharper; sweetspot gate does that.")
		if p := smallestP(len(f.Base), len(f.Candidate)); p > 0.05 {
			out = append(out, fmt.Sprintf("So few attacks cannot have a p below %.2f, however far apart they are.", p))
		}
	} else {
		out = append(out,
			"One attack a side shows that the figures differ, not that the builds do. The variance lives between runs: on shared machines the p99 of two runs of one build often differs by 10 to 50 %. So a ratio has no interval here and there is no verdict.",
			"Give several attacks of each build, of fresh starts: sweetspot compare A1,A2,A3 B1,B2,B3.")
	}
	if slices.ContainsFunc(f.all(), func(s foreign.Single) bool { return s.Loop == foreign.Closed }) {
		out = append(out, "The latency of a closed loop hides stalls: while the server stands still, few requests are there to notice it. Its throughput is fit to compare.")
	}
	if names := f.withheld(); len(names) > 0 {
		out = append(out, "Percentiles with fewer than 100 requests beyond them are left out: "+strings.Join(names, ", ")+".")
	}
	if slices.ContainsFunc(f.Metrics, func(m Metric) bool { return m.Coarse }) {
		out = append(out, "Where all attacks of both sides have the same figure, the tool prints too few digits for an interval.")
	}
	for _, tool := range distinct(f.all(), func(s foreign.Single) string { return s.Tool }) {
		i := slices.IndexFunc(f.all(), func(s foreign.Single) bool { return s.Tool == tool })
		out = append(out, tool+" counts as errors: "+f.all()[i].ErrorsAre+".")
		for _, what := range f.cannot(tool) {
			out = append(out, tool+" cannot tell "+what+".")
		}
	}
	return out
}

func (f *Files) ratios() (n int) {
	for _, m := range f.Metrics {
		if m.Ratio != nil {
			n++
		}
	}
	return n
}

// withheld returns the percentiles that some file has and cannot claim.
func (f *Files) withheld() (out []string) {
	for _, s := range f.all() {
		for _, name := range s.Withheld {
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	slices.SortFunc(out, foreign.ByShare)
	return out
}

// cannot returns what no file of a tool tells, each once.
func (f *Files) cannot(tool string) (out []string) {
	for _, s := range f.all() {
		for _, what := range s.Cannot {
			if s.Tool == tool && !slices.Contains(out, what) {
				out = append(out, what)
			}
		}
	}
	return out
}

// smallestP is the p of two samples that do not overlap at all.
func smallestP(n, m int) float64 {
	ways := 1.0
	for i := 1; i <= n; i++ {
		ways *= float64(m+i) / float64(i)
	}
	return min(1, 2/ways)
}
