package reports

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// environment is where the run was made. Of a fleet the machine of the manifest
// is that of the site which was asked first, and all hosts have sections.
func (m *model) environment() {
	m.Method = method(m.Manifest)
	m.Machine, m.Versions = machine(m.Manifest), versions(m.Manifest)
	if len(m.Hosts) == 0 {
		m.Method = append(m.Method, cpuSets(m.Manifest.CPUs))
		return
	}
	m.Method = append(m.Method, m.fleetMethod()...)
	m.Warnings = append(m.Warnings, analysis.SiteDoubts(m.Hosts, m.Result.Trials)...)
	m.Fleet = []section{m.hostsSection(), m.sitesSection()}
	if shooters := m.shootersSection(); len(shooters.Table) > 1 {
		m.Fleet = append(m.Fleet, shooters)
	}
	for i := range m.Machine {
		if m.Machine[i].Name == "Host" {
			m.Machine[i].Name = "Host of the site asked first"
		}
	}
}

// fleetMethod says how a fleet measured.
func (m *model) fleetMethod() []string {
	texts := []string{fmt.Sprintf("The run was made by %s at %s. A visit to a configuration, from a fresh start to its end, is of one site; sites made visits side by side, and are meant to be the same machine several times.",
		counted(len(m.Hosts), "agent"), counted(len(m.sites()), "site"))}
	if slices.ContainsFunc(m.Result.Trials, func(t analysis.Judged) bool { return t.Placed.Apart() }) {
		texts = append(texts, "At sites with generators the load came over the network from these: one schedule, of which each sent its share in turn, begun at one moment by clocks that were compared before and after. Their histograms were merged, never percentiles.")
	}
	return texts
}

// sites are the names of all sites, sorted.
func (m *model) sites() []string {
	names := map[string]bool{}
	for _, h := range m.Hosts {
		names[h.Site] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// hostsSection lists every host of the fleet, and what ran where at its subjects.
func (m *model) hostsSection() section {
	s := section{Title: "Hosts of the fleet", Left: 7}
	s.Table = [][]string{{"agent", "site", "role", "host", "kernel", "CPU", "sweetspot", "cores", "memory", "clock ms"}}
	for _, h := range m.Hosts {
		s.Table = append(s.Table, []string{h.Agent, h.Site, h.Role, orNone(h.Host.Hostname), orNone(strings.TrimSpace(h.Host.Kernel + " " + h.Host.Arch)), orNone(h.Host.CPUModel), orNone(h.Version),
			fmt.Sprintf("%d of %d", h.Host.Cores, h.Host.MachineCPUs), size(float64(h.Host.MemoryBytes)), clockText(h.Offset, h.Bound)})
	}
	s.Lines = append(s.Lines, "Cores: usable of online. Clock: against the hub's, positive where it is ahead, with the bound of the error.")
	var order []string
	alike := map[string][]string{}
	for _, h := range m.Hosts {
		if text := running(h); text != "" {
			if alike[text] == nil {
				order = append(order, text)
			}
			alike[text] = append(alike[text], h.Agent)
		}
	}
	for _, text := range order {
		s.Lines = append(s.Lines, sentence(join(alike[text])+": "+text))
	}
	return s
}

// running says what runs on the host of a subject, and where; empty of another.
func running(h rundir.FleetHost) string {
	var parts []string
	if h.Sets != nil {
		parts = append(parts, "CPUs of "+h.Sets.String())
	}
	for _, name := range sortedKeys(h.Versions) {
		parts = append(parts, name+" "+h.Versions[name])
	}
	return strings.Join(parts, "; ")
}

// clockText writes an offset and its bound in ms: "+4,000 ± 0.21".
func clockText(offset, bound time.Duration) string {
	sign := ""
	if offset > 0 {
		sign = "+"
	}
	return sign + number(milliseconds(offset)) + " ± " + number(milliseconds(bound))
}

// seat is an agent at a site.
type seat struct{ site, agent string }

func compareSeats(a, b seat) int {
	return cmp.Or(cmp.Compare(a.site, b.site), cmp.Compare(a.agent, b.agent))
}

// made is what a subject made.
type made struct {
	counts
	visits, again map[string]bool // by name; again: those that another delivery began
}

// sitesSection says where the trials were made.
func (m *model) sitesSection() section {
	by := map[seat]*made{}
	for _, t := range m.Result.Trials {
		if t.Placed == nil {
			continue
		}
		at := seat{t.Placed.Site, t.Placed.Agent}
		if by[at] == nil {
			by[at] = &made{visits: map[string]bool{}, again: map[string]bool{}}
		}
		by[at].add(t)
	}
	s := section{Title: "Trials by site", Left: 2}
	s.Table = [][]string{{"site", "agent", "visits", "delivered again", "trials", "passed", "failed", "void", "speed"}}
	for _, at := range slices.SortedFunc(maps.Keys(by), compareSeats) {
		x := by[at]
		s.Table = append(s.Table, []string{at.site, at.agent, count(len(x.visits)), count(len(x.again)), count(x.Total()), count(x.Passed), count(x.Failed), count(x.Void), ratio(m.speed(at.site))})
	}
	s.Lines = []string{"A visit is delivered again when its site is lost before the end of it. Each trial counts once."}
	if len(m.Result.Sites) > 0 {
		s.Lines = append(s.Lines, "Speed: of the same configurations at the site over the mean of the sites, with its 95 % interval.")
	}
	return s
}

// speed is that of a site; nil where it is not known.
func (m *model) speed(site string) *analysis.Figure {
	for _, s := range m.Result.Sites {
		if s.Name == site {
			return s.Speed
		}
	}
	return nil
}

func (x *made) add(t analysis.Judged) {
	x.visits[t.Placed.Visit] = true
	if t.Placed.Delivery > 1 {
		x.again[t.Placed.Visit] = true
	}
	switch t.Verdict.Kind {
	case analysis.Passed:
		x.Passed++
	case analysis.Failed:
		x.Failed++
	default:
		x.Void++
	}
}

// shooting is what one generator did in the trials that count.
type shooting struct {
	rundir.Shooter // the worst of its trials; Sent is of all of them
	site           string
	trials         int
	cpu            float64 // of a core, most
}

// shootersSection says how late the requests of each generator left, and what
// that took of it.
func (m *model) shootersSection() section {
	s := section{Title: "Generators by host", Left: 3}
	s.Table = [][]string{{"agent", "site", "host", "CPUs", "trials", "requests", "lag p99 ms", "lag max ms", "CPU of a core", "clock ms"}}
	for _, g := range m.shootings() {
		clock := none
		if g.Bound > 0 {
			clock = clockText(g.Offset, g.Bound)
		}
		s.Table = append(s.Table, []string{g.Agent, g.site, orNone(g.Hostname), count(g.CPUs), count(g.trials), count(int(g.Sent)),
			number(milliseconds(g.Lag.P99)), number(milliseconds(g.Lag.Max)), share(g.cpu), clock})
	}
	s.Lines = []string{"Of the trials that count: requests of all, else of the worst. Clock: against the subject's, positive where it is ahead, of the trial with the largest bound."}
	return s
}

// shootings sums up the generators, by site and agent. A subject that attacks its
// own stack is one, too.
func (m *model) shootings() (all []shooting) {
	by := map[seat]*shooting{}
	for _, t := range m.Result.Trials {
		if t.Placed == nil || t.Verdict.Kind == analysis.Void || t.Load.Sent == 0 {
			continue
		}
		for _, g := range m.shooters(t.Trial) {
			at := seat{t.Placed.Site, g.Agent}
			if by[at] == nil {
				by[at] = &shooting{Shooter: rundir.Shooter{Agent: g.Agent, Hostname: g.Hostname, CPUs: g.CPUs}, site: at.site}
			}
			by[at].add(g, t.Usage.Wall)
		}
	}
	for _, at := range slices.SortedFunc(maps.Keys(by), compareSeats) {
		all = append(all, *by[at])
	}
	return all
}

func (x *shooting) add(g rundir.Shooter, wall time.Duration) {
	x.trials++
	x.Sent += g.Sent
	x.Lag.P99, x.Lag.Max = max(x.Lag.P99, g.Lag.P99), max(x.Lag.Max, g.Lag.Max)
	if wall > 0 {
		x.cpu = max(x.cpu, g.CPUSeconds/wall.Seconds())
	}
	if g.Bound > x.Bound {
		x.Offset, x.Bound = g.Offset, g.Bound
	}
}

// shooters are the generators of a trial of a fleet: those of its site, or the
// subject itself.
func (m *model) shooters(t rundir.Trial) []rundir.Shooter {
	if len(t.Placed.Generators) > 0 {
		return t.Placed.Generators
	}
	g := rundir.Shooter{Agent: t.Placed.Agent, Sent: t.Load.Sent, Lag: t.Load.Classes[scenarios.All].Lag, CPUSeconds: t.Usage.Generator.CPUSeconds}
	if i := slices.IndexFunc(m.Hosts, func(h rundir.FleetHost) bool { return h.Agent == g.Agent }); i >= 0 {
		g.Hostname, g.CPUs = m.Hosts[i].Host.Hostname, len(m.Hosts[i].CPUs)
	}
	return []rundir.Shooter{g}
}

// listHosts tells the hosts of a fleet, a line each.
func (m *model) listHosts() (lines []string) {
	if len(m.Fleet) == 0 {
		return nil
	}
	s := m.Fleet[0]
	for _, row := range s.Table[1:] {
		lines = append(lines, "Host of the fleet: "+listed(s.Table[0], row, s.Left))
	}
	return lines
}
