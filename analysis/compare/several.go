package compare

import (
	"cmp"
	"slices"
	"strings"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
)

// Recorded is a run with what it was made under.
type Recorded struct {
	Run
	Name     string // among the others
	Manifest rundir.Manifest
}

// Several is runs side by side, in groups that compare: the reference's group
// first, then in the order of their first runs. Every run is in one.
type Several struct {
	Groups []*Group
}

// Group is runs of the same traffic, objectives and CPU sets.
type Group struct {
	Runs      []Recorded          // as given
	Reference int                 // of Runs, that the others are set against
	Apart     []rundir.Difference // why they don't compare with the first group: there is its reference, here this one's; none for the first group
	Facts     []Fact              // in which they differ
	Over      []*Over             // by run: against the reference; nil for the reference itself
	Lead      Lead
	Rows      []Row
}

// Fact is something in which runs of a group differ.
type Fact struct {
	What   string
	Values []string // by run; empty for one that does not have it
}

// Over is one run against the reference of its group.
type Over struct {
	*Runs                  // the reference is the base
	CPU   *analysis.Figure // the recommended cells' ratio of the application's CPU time per good request; nil when either is unknown
	Bound string           // why there is no ratio of what they sustain although both have a rate; empty for none
}

// Row is one configuration over the runs of a group.
type Row struct {
	Name  string
	Cells []*analysis.Cell // by run; nil for one that does not have it
	Over  []*Cell          // by run: against the reference's; nil where either was not measured
}

// Shared tells whether two runs or more have the configuration.
func (r Row) Shared() bool {
	n := 0
	for _, c := range r.Cells {
		if c != nil {
			n++
		}
	}
	return n > 1
}

// Differ says in what two runs differ, what forbids to compare them included.
type Differ func(there, here rundir.Manifest) []rundir.Difference

// forbids tells a difference after which nothing of two runs compares: in
// traffic, objectives or CPU sets.
func forbids(d rundir.Difference) bool {
	if d.What == rundir.RecordedArrivals || d.What == rundir.CPUSets {
		return true
	}
	path, ok := strings.CutPrefix(d.What, rundir.ScenarioField)
	if !ok {
		return false
	}
	return strings.HasPrefix(path, "traffic.") || slices.Contains([]string{"objectives", "limits.cpu", "proxy.tls", "proxy.http2"}, path)
}

// OfSeveral sets runs side by side, each under a name of its own. The reference
// is an index of runs.
func OfSeveral(runs []Recorded, reference int, differ Differ) *Several {
	s := &Several{Groups: []*Group{{Runs: []Recorded{runs[reference]}}}}
	for i, r := range runs {
		if i != reference {
			s.add(r, differ)
		}
	}
	for _, g := range s.Groups {
		slices.SortFunc(g.Runs, func(a, b Recorded) int { return cmp.Compare(position(runs, a), position(runs, b)) })
		if g == s.Groups[0] {
			g.Reference = position(g.Runs, runs[reference])
		} else {
			g.Apart = slices.DeleteFunc(differ(runs[reference].Manifest, g.Runs[0].Manifest), func(d rundir.Difference) bool { return !forbids(d) })
		}
		g.compare(differ)
	}
	return s
}

func position(runs []Recorded, one Recorded) int {
	return slices.IndexFunc(runs, func(r Recorded) bool { return r.Name == one.Name })
}

// add puts a run into the group that it compares with.
func (s *Several) add(r Recorded, differ Differ) {
	for _, g := range s.Groups {
		if !slices.ContainsFunc(differ(g.Runs[0].Manifest, r.Manifest), forbids) {
			g.Runs = append(g.Runs, r)
			return
		}
	}
	s.Groups = append(s.Groups, &Group{Runs: []Recorded{r}})
}

func (g *Group) compare(differ Differ) {
	base := g.Runs[g.Reference]
	g.Over = make([]*Over, len(g.Runs))
	for i, r := range g.Runs {
		if i != g.Reference {
			g.Over[i] = over(base.Run, r.Run)
		}
	}
	g.facts(differ)
	g.rows()
	rates := make([]*analysis.Figure, len(g.Runs))
	for i, r := range g.Runs {
		rates[i] = r.Sustained()
	}
	g.Lead = LeadOf(rates)
}

// over sets one run against the reference.
func over(base, r Run) *Over {
	o := &Over{Runs: OfRuns(base, r, nil)}
	a, b := base.Sustained(), r.Sustained()
	if a == nil || b == nil {
		return o
	}
	o.CPU = analysis.RatioOfFigures(r.Result.Winner.AppCPU, base.Result.Winner.AppCPU)
	if a.AtLeast {
		o.Winners, o.Bound = nil, "the load generator was the limit of the reference, which sustains more than was measured"
	} else if o.Winners != nil {
		o.Winners.AtLeast = b.AtLeast
	}
	return o
}

// Sustained is what the recommended configuration of a run sustains,
// requests/s; nil when it recommends none, or its rate is not known.
func (r Run) Sustained() *analysis.Figure {
	w := r.Result.Winner
	if w == nil || w.Sustainable() == nil {
		return nil
	}
	f := *w.Sustainable()
	f.AtLeast = f.AtLeast || r.Result.Limit.What == analysis.LimitGenerator
	return &f
}

// facts finds in what the runs of a group differ.
func (g *Group) facts(differ Differ) {
	base := g.Runs[g.Reference].Manifest
	byName := map[string]*Fact{}
	var order []string
	for i, r := range g.Runs {
		for _, d := range differ(base, r.Manifest) {
			f := byName[d.What]
			if f == nil {
				f = &Fact{d.What, slices.Repeat([]string{d.There}, len(g.Runs))}
				byName[d.What] = f
				order = append(order, d.What)
			}
			f.Values[i] = d.Here
		}
	}
	for _, what := range order {
		g.Facts = append(g.Facts, *byName[what])
	}
}

// rows finds the configurations of all runs, in the order of the reference,
// then of the others.
func (g *Group) rows() {
	at := map[string]int{}
	add := func(i int) {
		for _, c := range g.Runs[i].Result.Cells {
			name := c.Cell.String()
			n, ok := at[name]
			if !ok {
				n = len(g.Rows)
				at[name] = n
				g.Rows = append(g.Rows, Row{name, make([]*analysis.Cell, len(g.Runs)), make([]*Cell, len(g.Runs))})
			}
			g.Rows[n].Cells[i] = c
		}
	}
	add(g.Reference)
	for i := range g.Runs {
		if i != g.Reference {
			add(i)
		}
	}
	for i, o := range g.Over {
		if o == nil {
			continue
		}
		for _, c := range o.Cells {
			g.Rows[at[c.Base.Cell.String()]].Over[i] = &c
		}
	}
}
