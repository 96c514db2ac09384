package lint

import (
	"fmt"
	"slices"
	"strings"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// components are the programs behind a server or proxy, where their names
// differ.
var components = map[string]string{
	"gunicorn-sync": "gunicorn", "gunicorn-gthread": "gunicorn", "gunicorn-gevent": "gunicorn", "gunicorn-uvicorn": "gunicorn",
	"mod_wsgi": "apache2", "apache": "apache2", "django-runserver": "django",
}

func versions(f *facts) verdict {
	m := f.Manifest
	if f.Result.Target != "" {
		return fails("the server at %s was running already: nobody asked it for its version", f.Result.Target)
	}
	var wrong []string
	if m.Tool == "" || m.Tool == "devel" {
		wrong = append(wrong, "sweetspot itself was built without a version")
	}
	if !f.placed() {
		missing, told := f.disclosed(m.Host, m.Versions)
		return unless(append(missing, wrong...), holds("sweetspot %s, %s", m.Tool, told))
	}
	subjects := analysis.Subjects(f.Hosts, f.Result.Trials)
	if len(subjects) == 0 {
		return noSubject
	}
	var good []string
	for _, h := range subjects {
		missing, told := f.disclosed(h.Host, h.Versions)
		for _, what := range missing {
			wrong = append(wrong, fmt.Sprintf("at %s (%s) %s", h.Site, h.Agent, what))
		}
		good = append(good, fmt.Sprintf("at %s (%s) sweetspot %s, %s", h.Site, h.Agent, h.Version, told))
	}
	return unless(wrong, verdict{Holds, good})
}

// noSubject is what rules on the hosts of a fleet find without any.
var noSubject = fails("nothing is recorded of the hosts that measured")

// disclosed says what is not recorded of a machine and its programs, and what is.
func (f *facts) disclosed(h rundir.Host, versions map[string]string) (missing []string, told string) {
	for _, x := range []struct{ what, value string }{
		{"the operating system", h.OS}, {"the kernel", h.Kernel}, {"the CPU", h.CPUModel},
	} {
		if x.value == "" {
			missing = append(missing, x.what+" is not recorded")
		}
	}
	var programs []string
	for _, name := range f.components() {
		if v := versions[name]; v != "" {
			programs = append(programs, name+" "+v)
		} else {
			missing = append(missing, "the version of "+name+" is not recorded")
		}
	}
	return missing, fmt.Sprintf("%s; %s, kernel %s, %s", strings.Join(programs, ", "), h.OS, h.Kernel, h.CPUModel)
}

// components are the programs that the run started.
func (f *facts) components() (out []string) {
	add := func(name string) {
		if c := components[name]; c != "" {
			name = c
		}
		if name != scenarios.Direct && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	for _, c := range f.Result.Cells {
		if c.NotApplicable == "" && seen(c) {
			add(c.Cell.Server)
			add(c.Cell.Proxy)
		}
	}
	if f.scenario.App.Interface != scenarios.Embedded {
		add("python")
	}
	for _, s := range f.scenario.Services {
		add(s)
	}
	return out
}

func configs(f *facts) verdict {
	m := f.Manifest
	if f.Result.Target != "" {
		return fails("the server at %s was running already: its configuration is what its user says", f.Result.Target)
	}
	var wrong []string
	for _, x := range []struct {
		what string
		ok   bool
	}{
		{"the scenario", m.Source != "" && m.ScenarioHash != ""},
		{"the command line", len(m.CommandLine) > 0},
		{"the name of the run", m.RunID != ""},
	} {
		if !x.ok {
			wrong = append(wrong, x.what+" is not recorded")
		}
	}
	files := 0
	for _, c := range f.compared {
		why, n := f.configured(c)
		if why != "" {
			wrong = append(wrong, fmt.Sprintf("%v: %s", c.Cell, why))
		}
		files += n
	}
	return unless(wrong, holds("scenario, command line, seed %d, and %d rendered configurations of the %d configurations compared, in the folders of their trials", m.Seed, files, len(f.compared)))
}

// configured says what is missing of a cell's configuration, and counts the
// files that a trial of it keeps. The embedded stack has none.
func (f *facts) configured(c *analysis.Cell) (why string, files int) {
	if f.scenario.App.Interface == scenarios.Embedded {
		return "", 0
	}
	why = "no trial of it counts"
	for _, t := range f.counted {
		if t.Step.Cell != c.Cell {
			continue
		}
		files = 0
		for _, name := range f.Kept(t.ID) {
			if isConfig(name) {
				files++
			}
		}
		switch {
		case len(t.Effective.Argv["app"]) == 0:
			why = "no command line of the application server is recorded"
		case c.Cell.Proxy != scenarios.Direct && files == 0:
			why = "no rendered configuration of the proxy is kept"
		default:
			return "", files
		}
	}
	return why, files
}

// isConfig tells a rendered configuration from what else a trial keeps.
func isConfig(name string) bool {
	switch {
	case name == "trial.json", name == "histograms.json", name == "results.bin.gz":
		return false
	}
	return !strings.HasSuffix(name, ".log")
}

func readBack(f *facts) verdict {
	if f.Result.Target != "" {
		return fails("the server at %s was running already: its workers are what its user says", f.Result.Target)
	}
	if len(f.compared) == 0 {
		return nothingCompared
	}
	var wrong []string
	counted := f.scenario.App.Wait != ""
	for _, c := range f.compared {
		if c.Mismatch != "" {
			wrong = append(wrong, fmt.Sprintf("%v: %s", c.Cell, c.Mismatch))
		}
		if counted && c.Peak == nil {
			wrong = append(wrong, fmt.Sprintf("%v: the requests that it works on at once were not counted, though app.wait names a path", c.Cell))
		}
		for _, t := range f.counted {
			if t.Step.Cell == c.Cell && t.Failure == "" && t.Effective.Workers != c.Cell.Processes() {
				wrong = append(wrong, fmt.Sprintf("trial %d of %v: %d live workers were counted", t.ID, c.Cell, t.Effective.Workers))
			}
		}
	}
	if !counted {
		return unless(wrong, holds("live workers were counted on every start of the %d configurations compared; requests at once were not, for app.wait names no path", len(f.compared)))
	}
	return unless(wrong, holds("live workers and requests at once were counted on every start of the %d configurations compared", len(f.compared)))
}

// cpuSets looks at the sets of the machine, or at those of every site. A
// generator on a host of its own shares no CPU with the stack, whatever numbers
// these have there.
func cpuSets(f *facts) verdict {
	if !f.placed() {
		wrong, how := f.partedSets(f.Manifest.CPUs, false)
		return unless(wrong, holds("%s", how))
	}
	subjects := analysis.Subjects(f.Hosts, f.Result.Trials)
	if len(subjects) == 0 {
		return noSubject
	}
	var wrong, good []string
	for _, h := range subjects {
		at := fmt.Sprintf("at %s (%s): ", h.Site, h.Agent)
		if h.Sets == nil {
			wrong = append(wrong, at+"no CPUs are stated")
			continue
		}
		found, how := f.partedSets(*h.Sets, f.apart(h.Agent))
		for _, w := range found {
			wrong = append(wrong, at+w)
		}
		good = append(good, at+how)
	}
	if shooters := f.shooters(); len(shooters) > 0 {
		good = append(good, "generators on hosts of their own: "+strings.Join(shooters, ", "))
	}
	return unless(wrong, verdict{Holds, good})
}

// partedSets says what is wrong with the CPU sets of a machine, and how they are.
// apart: the generators are on others.
func (f *facts) partedSets(c rundir.CPUs, apart bool) (wrong []string, how string) {
	if len(c.App) == 0 && f.Result.Target == "" {
		wrong = append(wrong, "no CPUs are stated for the application")
	}
	if apart {
		return wrong, fmt.Sprintf("proxy %v, application %v", c.Proxy, c.App)
	}
	if len(c.Generator) == 0 {
		wrong = append([]string{"no CPUs are stated for the generator"}, wrong...)
	}
	overlap := slices.ContainsFunc(c.Generator, func(n int) bool { return slices.Contains(c.App, n) || slices.Contains(c.Proxy, n) })
	if overlap && !c.Shared {
		wrong = append(wrong, fmt.Sprintf("the CPUs of the generator %v overlap with those of application %v and proxy %v, and the report does not say so", c.Generator, c.App, c.Proxy))
	}
	how = "kept apart"
	if c.Shared {
		how = "shared, for the machine is too small, which the report says"
	}
	return wrong, fmt.Sprintf("generator %v, proxy %v, application %v: %s", c.Generator, c.Proxy, c.App, how)
}

// shooters are the generators on hosts of their own of the trials that count,
// with these.
func (f *facts) shooters() (out []string) {
	for _, t := range f.counted {
		if !t.Placed.Apart() {
			continue
		}
		for _, g := range t.Placed.Generators {
			if text := fmt.Sprintf("%s on %s (%d CPUs)", g.Agent, g.Hostname, g.CPUs); !slices.Contains(out, text) {
				out = append(out, text)
			}
		}
	}
	slices.Sort(out)
	return out
}

// sites asks whether what was measured at one site compares with what was at
// another.
func sites(f *facts) verdict {
	if !f.placed() {
		return verdict{}
	}
	subjects := analysis.Subjects(f.Hosts, f.Result.Trials)
	var names []string
	for _, h := range subjects {
		names = append(names, fmt.Sprintf("%s (%s)", h.Site, h.Agent))
	}
	return unless(analysis.SiteDoubts(f.Hosts, f.Result.Trials), holds("measured at %s, with the same facts", strings.Join(names, ", ")))
}
