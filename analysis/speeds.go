package analysis

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// Site is one site of a fleet, as what was measured there shows it.
type Site struct {
	Name   string
	Visits int     // fresh starts of configurations with a trial there
	Speed  *Figure // what configurations do there over what they do on the mean of the sites; N is as Visits
}

// speeds are how fast sites are beside their mean, by what the same cells did at
// several. Those of a run on one site are empty.
type speeds struct {
	sites []string      // sorted
	log   []float64     // of what a cell does there, over that on the mean site
	cov   *mat.SymDense // of log
}

// site is where a trial was made; empty for a run on this machine.
func (t Judged) site() string {
	if t.Placed == nil {
		return ""
	}
	return t.Placed.Site
}

// sitesOf returns the sites of observations, sorted; nil where they are all of
// one.
func sitesOf(all []observation) (out []string) {
	for _, o := range all {
		if !slices.Contains(out, o.site) {
			out = append(out, o.site)
		}
	}
	if len(out) < 2 {
		return nil
	}
	slices.Sort(out)
	return out
}

// repeated returns the observations of cells with several of a kind: those of
// others tell nothing of rounds and sites.
func repeated(all []observation) (out []observation) {
	type kind struct {
		cell  scenarios.Cell
		final bool
	}
	times := map[kind]int{}
	for _, o := range all {
		times[kind{o.cell, o.final}]++
	}
	for _, o := range all {
		if times[kind{o.cell, o.final}] > 1 {
			out = append(out, o)
		}
	}
	return out
}

// speeds takes the levels of the sites, which come after those of the cells.
func (s *solution) speeds(sites []string, cells int) speeds {
	n := len(sites)
	out := speeds{sites: sites}
	if n == 0 {
		return out
	}
	mean := 0.0
	for k := range sites {
		mean += s.level.AtVec(cells+k) / float64(n)
	}
	cov := mat.NewSymDense(cells+n, nil)
	must(s.normal.InverseTo(cov))
	// Less their mean: C·V·Cᵀ with C = I − 1/n.
	centre, of, half := mat.NewDense(n, n, nil), mat.NewDense(n, n, nil), mat.Dense{}
	for i := range n {
		out.log = append(out.log, s.level.AtVec(cells+i)-mean)
		for j := range n {
			centre.Set(i, j, -1/float64(n))
			of.Set(i, j, cov.At(cells+i, cells+j))
		}
		centre.Set(i, i, 1-1/float64(n))
	}
	half.Mul(centre, of)
	of.Mul(&half, centre.T())
	out.cov = mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			out.cov.SetSym(i, j, of.At(i, j))
		}
	}
	return out
}

// speeds are those by the starts below end.
func (g *grid) speeds(end int) speeds {
	if !g.several {
		return speeds{}
	}
	return g.fit(end).speeds
}

// at returns how many times as fast as the mean one the site of a trial is; 1
// where that is not known.
func (s speeds) at(t Judged) float64 {
	if k := slices.Index(s.sites, t.site()); k >= 0 {
		return math.Exp(s.log[k])
	}
	return 1
}

// of is the same of several trials: the geometric mean.
func (s speeds) of(trials []Judged) float64 {
	sum := 0.0
	for _, t := range trials {
		sum += math.Log(s.at(t))
	}
	return math.Exp(sum / float64(max(1, len(trials))))
}

// sites returns the sites of a run; nil for one on this machine or one site.
func (g *grid) sites(trials []Judged) (out []Site) {
	s := g.speeds(g.lastStart())
	for k, name := range s.sites {
		visits := map[rundir.Visit]bool{}
		for _, t := range trials {
			if t.site() == name {
				visits[rundir.Visit{Cell: t.Step.Cell, Start: t.Step.Start, Cores: t.Step.Cores}] = true
			}
		}
		half := normal95 * math.Sqrt(s.cov.At(k, k))
		out = append(out, Site{name, len(visits), &Figure{
			Value: math.Exp(s.log[k]), Low: math.Exp(s.log[k] - half), High: math.Exp(s.log[k] + half), N: len(visits),
		}})
	}
	return out
}

// normal95 is how many standard deviations of a normal distribution its middle
// 95 % reach to each side.
const normal95 = 1.96

// unlike is how many standard errors the fastest site must be ahead of the
// slowest for them to be no longer alike.
const unlike = 2.0

// siteDoubts says what makes the sites of a run doubtful.
func (g *grid) siteDoubts(trials []Judged) []string {
	if !g.several {
		return nil
	}
	out := barrenSites(trials)
	unequal := g.speeds(g.lastStart()).unequal()
	if unequal != "" && !g.adaptive && g.scenario.Search.Replicates == 1 {
		unequal += "; the finalists were chosen when nothing told that: search.replicates 2, or the adaptive strategy, has configurations measured at several sites before"
	}
	if unequal != "" {
		out = append(out, unequal)
	}
	return out
}

// barrenSites names the sites at which several trials were made, and none of
// them counts.
func barrenSites(trials []Judged) (out []string) {
	total, counted, why := map[string]int{}, map[string]bool{}, map[string]string{}
	for _, t := range trials {
		site := t.site()
		total[site]++
		switch {
		case t.Verdict.Kind != Void && t.Failure == "":
			counted[site] = true
		case why[site] == "":
			why[site], _, _ = strings.Cut(t.Verdict.Reasons[0], "\n")
		}
	}
	for _, site := range slices.Sorted(maps.Keys(total)) {
		if site != "" && total[site] > 1 && !counted[site] {
			out = append(out, fmt.Sprintf("none of the %d trials at %s counts, so that configurations may be missing: %s", total[site], site, why[site]))
		}
	}
	return out
}

// unequal says that the sites are not equally fast; empty where they may be.
func (s speeds) unequal() string {
	if len(s.sites) < 2 {
		return ""
	}
	fast, slow := 0, 0
	for k := range s.sites {
		if s.log[k] > s.log[fast] {
			fast = k
		}
		if s.log[k] < s.log[slow] {
			slow = k
		}
	}
	by := s.log[fast] - s.log[slow]
	sd := math.Sqrt(max(0, s.cov.At(fast, fast)+s.cov.At(slow, slow)-2*s.cov.At(fast, slow)))
	if by <= max(minTie, unlike*sd) {
		return ""
	}
	return fmt.Sprintf(
		"the sites are not equally fast: the same configurations do %.1f %% more at %s than at %s (95 %%: %.1f to %.1f %%); rates are told as the mean of the sites would have them, which takes out only what slows all configurations alike",
		100*math.Expm1(by), s.sites[fast], s.sites[slow], 100*math.Expm1(by-normal95*sd), 100*math.Expm1(by+normal95*sd))
}
