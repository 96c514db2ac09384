package analysis

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sweetspot/runner/rundir"
)

// Subjects returns those hosts of a fleet on which stacks of the trials ran, in
// the order of hosts.
func Subjects(hosts []rundir.FleetHost, trials []Judged) (out []rundir.FleetHost) {
	for _, h := range hosts {
		if slices.ContainsFunc(trials, func(t Judged) bool { return t.Placed != nil && t.Placed.Agent == h.Agent }) {
			out = append(out, h)
		}
	}
	return out
}

// SiteDoubts says, a sentence each, what keeps the sites of a fleet from being
// the same machine several times, without which a configuration that was
// measured at one does not compare with one of another.
func SiteDoubts(hosts []rundir.FleetHost, trials []Judged) (out []string) {
	for _, agent := range unrecordedSubjects(hosts, trials) {
		out = append(out, fmt.Sprintf("Nothing is recorded of the host of agent %s, on which configurations were measured.", agent))
	}
	subjects := Subjects(hosts, trials)
	if len(subjects) < 2 {
		return out
	}
	first, others := subjects[0], subjects[1:]
	var facts []string
	said := map[string][]string{} // what is where, by fact
	for _, h := range others {
		for _, d := range differingSites(first, h) {
			if said[d.What] == nil {
				facts = append(facts, d.What)
				said[d.What] = []string{factAt(d.There, first)}
			}
			said[d.What] = append(said[d.What], factAt(d.Here, h))
		}
	}
	for _, fact := range facts {
		out = append(out, fmt.Sprintf("The sites are not alike, so that their configurations may not compare; %s: %s.", fact, strings.Join(said[fact], ", ")))
	}
	return out
}

func factAt(value string, h rundir.FleetHost) string {
	return fmt.Sprintf("%s at %s (%s)", cmp.Or(value, "none"), h.Site, h.Agent)
}

// unrecordedSubjects are the agents that measured and are not among the hosts,
// in the order of the trials.
func unrecordedSubjects(hosts []rundir.FleetHost, trials []Judged) (out []string) {
	for _, t := range trials {
		if p := t.Placed; p != nil && !slices.Contains(out, p.Agent) && !slices.ContainsFunc(hosts, func(h rundir.FleetHost) bool { return h.Agent == p.Agent }) {
			out = append(out, p.Agent)
		}
	}
	return out
}

// differingSites are the facts in which the hosts of two subjects differ.
func differingSites(there, here rundir.FleetHost) []rundir.Difference {
	out := rundir.DifferingHosts(there.Host, here.Host)
	add := func(what, a, b string) {
		if a != b {
			out = append(out, rundir.Difference{What: what, There: a, Here: b})
		}
	}
	add("version of sweetspot", there.Version, here.Version)
	names := maps.Clone(there.Versions)
	if names == nil {
		names = map[string]string{}
	}
	maps.Copy(names, here.Versions)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		add("version of "+name, there.Versions[name], here.Versions[name])
	}
	add(rundir.CPUSets, setsText(there.Sets), setsText(here.Sets))
	return out
}

func setsText(c *rundir.CPUs) string {
	if c == nil {
		return ""
	}
	return c.String()
}
