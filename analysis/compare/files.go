// Package compare sets two builds' results beside each other, and says what
// that can show and what not. It gives no verdict: package gate does.
package compare

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/montanaflynn/stats"

	"sweetspot/analysis"
	"sweetspot/analysis/foreign"
)

// Files is one or several attacks of each build.
type Files struct {
	Base, Candidate []foreign.Single
	Against         []Reason // not to compare them
	Metrics         []Metric
	Shows           []string // what they show and what not, a sentence each
}

// Replicated tells whether each side has several attacks, so that their spread
// is known.
func (f *Files) Replicated() bool { return min(len(f.Base), len(f.Candidate)) > 1 }

// Metric is one figure of both sides.
type Metric struct {
	Name      string // "answered well", errors, or that of a quantile
	Unit      string // requests/s, % or ms
	Higher    bool   // more is better
	Base      float64
	Candidate float64          // geometric means over the files; of errors the mean
	Ratio     *analysis.Figure // candidate over base, with an interval when there are several of each; nil when that says nothing
	P         float64          // of ranks so far apart by chance, exact (Mann–Whitney); NaN for single files
	Coarse    bool             // the tool prints too few digits to tell how the files differ
}

// Differs tells which way the interval of the ratio lies beside 1: -1, 1, or 0
// when it holds 1 or there is none.
func (m Metric) Differs() int {
	switch {
	case m.Ratio == nil || m.Coarse:
	case m.Ratio.Low > 1:
		return 1
	case m.Ratio.High < 1:
		return -1
	}
	return 0
}

// mostFiles is how many files a side are ranked exactly.
const mostFiles = 50

// OfFiles compares attacks of two builds.
func OfFiles(base, candidate []foreign.Single) (*Files, error) {
	if len(base) == 0 || len(candidate) == 0 {
		return nil, errors.New("one side has no file")
	}
	for _, side := range [][]foreign.Single{base, candidate} {
		if len(side) > mostFiles {
			return nil, fmt.Errorf("%d files on one side: give %d at most", len(side), mostFiles)
		}
		seen := map[string]string{}
		for _, s := range side {
			if other, twice := seen[s.SHA256]; twice {
				return nil, fmt.Errorf("%s: the same as %s, on the same side: one attack counts once", s.File, other)
			}
			seen[s.SHA256] = s.File
		}
	}
	f := &Files{Base: base, Candidate: candidate, Against: reasons(base, candidate)}
	f.add("answered well", "requests/s", true, foreign.Single.Good)
	f.errors()
	for _, name := range f.shared() {
		f.add(name, "ms", false, func(s foreign.Single) float64 { return float64(s.Quantiles[name]) / 1e6 })
	}
	f.Shows = f.shows()
	return f, nil
}

// add compares one figure that is positive in all files.
func (f *Files) add(name, unit string, higher bool, of func(foreign.Single) float64) {
	a, aOK := values(f.Base, of)
	b, bOK := values(f.Candidate, of)
	if !aOK || !bOK {
		return
	}
	m := Metric{Name: name, Unit: unit, Higher: higher, Base: geometric(a), Candidate: geometric(b), P: math.NaN()}
	if name != largest {
		m.Ratio = analysis.UnpairedRatio(b, a)
	}
	if f.Replicated() {
		m.P = MannWhitney(b, a)
		m.Coarse = m.Ratio != nil && m.Ratio.High-m.Ratio.Low < 1e-9
		if m.Coarse {
			m.Ratio.Low, m.Ratio.High = math.NaN(), math.NaN()
		}
	}
	f.Metrics = append(f.Metrics, m)
}

// errors adds the share of errors, which has no ratio: it is often 0.
func (f *Files) errors() {
	mean := func(side []foreign.Single) float64 {
		sum := 0.0
		for _, s := range side {
			sum += 100 * s.ErrorShare()
		}
		return sum / float64(len(side))
	}
	f.Metrics = append(f.Metrics, Metric{Name: "errors", Unit: "%", Base: mean(f.Base), Candidate: mean(f.Candidate), P: math.NaN()})
}

// largest is a quantile that is one request: there is nothing to estimate.
const largest = "max"

// shared returns the quantiles that all files have.
func (f *Files) shared() []string {
	var out []string
	for name := range f.Base[0].Quantiles {
		if !slices.ContainsFunc(f.all(), func(s foreign.Single) bool { _, ok := s.Quantiles[name]; return !ok }) {
			out = append(out, name)
		}
	}
	slices.SortFunc(out, foreign.ByShare)
	return out
}

func (f *Files) all() []foreign.Single { return slices.Concat(f.Base, f.Candidate) }

func values(side []foreign.Single, of func(foreign.Single) float64) (out []float64, ok bool) {
	for _, s := range side {
		out = append(out, of(s))
	}
	return out, slices.Min(out) > 0
}

func geometric(x []float64) float64 {
	mean, err := stats.GeometricMean(x)
	if err != nil {
		return math.NaN()
	}
	return mean
}

// Reason is why two sides do not compare. What stands in files is in Base and
// Candidate only.
type Reason struct {
	Why             string
	Base, Candidate string // empty when there is nothing to show
}

// reasons names in what the attacks differ, the gravest first.
func reasons(base, candidate []foreign.Single) (out []Reason) {
	words := func(why string, of func(foreign.Single) string) bool {
		a, b := distinct(base, of), distinct(candidate, of)
		if slices.Equal(a, b) && len(a) == 1 {
			return false
		}
		out = append(out, Reason{why, list(a), list(b)})
		return true
	}
	for _, c := range candidate {
		if i := slices.IndexFunc(base, func(b foreign.Single) bool { return b.SHA256 == c.SHA256 }); i >= 0 {
			out = append(out, Reason{"the same file is on both sides", base[i].File, c.File})
		}
	}
	if !words("the tools differ: what they call a latency and an error is not alike, nor are their percentiles", func(s foreign.Single) string { return s.Tool }) {
		words("the formats differ: percentiles from every request are not those that the tool estimates or rounds", func(s foreign.Single) string { return s.Format })
	}
	words("a closed loop against a schedule, or against what is not known: a closed loop waits when the server stalls", func(s foreign.Single) string { return known(s.Loop) })
	words("latencies count from different moments", func(s foreign.Single) string { return known(s.Clock) })
	words("the targets differ", func(s foreign.Single) string { return known(s.Target) })
	words("the numbers of connections differ", func(s foreign.Single) string {
		if s.Connections == 0 {
			return known("")
		}
		return strconv.Itoa(s.Connections)
	})
	out = append(out, amounts(base, candidate)...)
	return out
}

// How far apart amounts may be that ought to be the same.
const (
	sameOffered = 1.02
	sameLength  = 1.10
)

// amounts names the amounts that differ.
func amounts(base, candidate []foreign.Single) (out []Reason) {
	differ := func(why string, most float64, of func(foreign.Single) float64, write func(float64) string) {
		a, aOK := values(base, of)
		b, bOK := values(candidate, of)
		all := slices.Concat(a, b)
		if aOK && bOK && slices.Max(all)/slices.Min(all) > most {
			out = append(out, Reason{why, span(a, write), span(b, write)})
		}
	}
	plain := func(x float64) string { return strconv.FormatFloat(x, 'f', 0, 64) }
	differ("the rates that were sent differ: at a higher one requests wait longer", sameOffered, func(s foreign.Single) float64 { return s.Offered },
		func(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) + "/s" })
	differ("the durations differ: a longer attack sees more of what is seldom", sameLength, func(s foreign.Single) float64 { return s.Duration.Seconds() },
		func(x float64) string { return (time.Duration(x * 1e9)).Round(10 * time.Millisecond).String() })
	if !throughputOnly(slices.Concat(base, candidate)) {
		differ("the numbers of requests differ: percentiles of more of them are surer", sameLength, func(s foreign.Single) float64 { return float64(s.Requests) }, plain)
	}
	if worst := max(share(base), share(candidate)); worst > 0.01 {
		out = append(out, Reason{"more than 1 % of the requests are errors on one side: an error may be quicker than an answer, and its latency counts",
			strconv.FormatFloat(100*share(base), 'f', 1, 64) + " %", strconv.FormatFloat(100*share(candidate), 'f', 1, 64) + " %"})
	}
	return out
}

// throughputOnly tells closed loops of one duration: how many requests they made
// is what they measured.
func throughputOnly(all []foreign.Single) bool {
	took, ok := values(all, func(s foreign.Single) float64 { return s.Duration.Seconds() })
	return ok && slices.Max(took)/slices.Min(took) <= sameLength && !slices.ContainsFunc(all, func(s foreign.Single) bool { return s.Loop != foreign.Closed })
}

// share is the largest share of errors of a side.
func share(side []foreign.Single) float64 {
	most := 0.0
	for _, s := range side {
		most = max(most, s.ErrorShare())
	}
	return most
}

func span(x []float64, write func(float64) string) string {
	low, high := write(slices.Min(x)), write(slices.Max(x))
	if low == high {
		return low
	}
	return low + " to " + high
}

func known(s string) string {
	if s == "" {
		return "not known"
	}
	return s
}

func distinct(side []foreign.Single, of func(foreign.Single) string) (out []string) {
	for _, s := range side {
		if v := of(s); !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}

// list writes a few of them.
func list(s []string) string {
	out := s[0]
	for i, v := range s[1:] {
		if i == 3 {
			return out + fmt.Sprintf(" and %d more", len(s)-4)
		}
		out += ", " + v
	}
	return out
}
