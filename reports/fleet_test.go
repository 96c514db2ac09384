package reports

import (
	"encoding/json"
	"fmt"
	"html"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// place makes a run one of a fleet: of the site east, whose subject two
// generators attack, and of west, whose only host does both and has another
// kernel. Trials alternate between them.
func place(in *Input) {
	host := func(name, kernel string) rundir.Host {
		h := sampleManifest().Host
		h.Hostname, h.Kernel = name, kernel
		return h
	}
	alone := rundir.CPUs{Proxy: []int{0, 1}, App: []int{0, 1}}
	shared := rundir.CPUs{Generator: []int{0, 1}, Proxy: []int{0, 1}, App: []int{0, 1}, Shared: true}
	versions := map[string]string{"gunicorn": "20.1.0", "nginx": "1.22.1"}
	us := time.Microsecond
	in.Hosts = []rundir.FleetHost{
		{Agent: "e1", Site: "east", Role: "subject", Version: "v0.1.0", CPUs: []int{0, 1}, Offset: -3100 * us, Bound: 180 * us, Host: host("bench-1", "6.18.5"), Versions: versions, Sets: &alone},
		{Agent: "e2", Site: "east", Role: "generator", Version: "v0.1.0", CPUs: []int{0, 1, 2, 3}, Offset: 4 * time.Second, Bound: 210 * us, Host: host("load-1", "6.1.0")},
		{Agent: "e3", Site: "east", Role: "generator", Version: "v0.1.0", CPUs: []int{0, 1, 2, 3}, Bound: 190 * us, Host: host("load-2", "6.1.0")},
		{Agent: "w1", Site: "west", Role: "both", Version: "v0.1.0", CPUs: []int{0, 1}, Offset: 17 * us, Bound: 240 * us, Host: host("bench-2", "6.18.9"), Versions: versions, Sets: &shared},
	}
	in.Result.Sites = []analysis.Site{
		{Name: "east", Visits: 6, Speed: &analysis.Figure{Value: 1.004, Low: 0.99, High: 1.018, N: 6}},
		{Name: "west", Visits: 5, Speed: &analysis.Figure{Value: 0.996, Low: 0.982, High: 1.01, N: 5}},
	}
	for i := range in.Result.Trials {
		t := &in.Result.Trials[i].Trial
		t.Usage.Wall = t.Step.Duration
		t.Placed = &rundir.Placed{Site: "west", Agent: "w1", Token: 7, Delivery: 1, Visit: fmt.Sprintf("nginx-4x1_%d", i/2), Number: i % 2}
		if i%2 == 1 {
			continue
		}
		t.Placed.Site, t.Placed.Agent, t.Placed.Token, t.Placed.Delivery = "east", "e1", 4, 1+i/4
		for shard, h := range in.Hosts[1:3] {
			t.Placed.Generators = append(t.Placed.Generators, rundir.Shooter{
				Agent: h.Agent, Hostname: h.Host.Hostname, Shard: shard, Sent: t.Load.Sent / 2, Lag: sampleLatency(time.Duration(40+10*shard)*us, 2, int64(t.Load.Sent/2)),
				CPUSeconds: 1.3 + float64(i)/10, CPUs: len(h.CPUs), Offset: h.Offset + 3100*us, Bound: time.Duration(200+10*i) * us,
			})
		}
	}
}

// sampleFleet is a run of one configuration that two sites measured.
func sampleFleet() Input {
	in := sampleSingle()
	c := in.Result.Winner.Cell
	in.Result.Trials = sampleTrials(c, c, c)
	place(&in)
	return in
}

// toldFleet is what the JSON report says of the hosts.
type toldFleet struct {
	Warnings []string
	Sites    []struct {
		Site  string
		Speed *toldFigure `json:"speed_over_mean"`
	}
	Hosts []struct {
		Agent, Site, Role, Sweetspot string
		Offset                       float64 `json:"clock_offset_ms"`
		Bound                        float64 `json:"clock_bound_ms"`
		Host                         struct {
			Hostname, Kernel, Arch string
			CPU                    string  `json:"cpu_model"`
			Cores                  int     `json:"usable_cpus"`
			Online                 int     `json:"online_cpus"`
			Memory                 float64 `json:"memory_bytes"`
		}
	}
	Trials []struct {
		ID      int
		Verdict string
		Placed  *struct {
			Site, Agent string
			Generators  []struct {
				Agent, Hostname string
				Sent            uint64
				CPUSeconds      float64 `json:"cpu_seconds"`
				Lag             struct {
					P99 float64 `json:"p99_ms"`
					Max float64 `json:"max_ms"`
				}
			}
		}
	}
}

// Every format tells the same of the hosts, of the generators, of the trials that
// do not simply count, and of what the sites differ in.
func TestEveryFormatStatesTheFleet(t *testing.T) {
	in := sampleFleet()
	var doc toldFleet
	if err := json.Unmarshal(render(t, "json", in), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Hosts) != 4 || doc.Trials[0].Placed == nil {
		t.Fatalf("JSON tells %d hosts, want 4, and of the first trial that it was made at %v", len(doc.Hosts), doc.Trials[0].Placed)
	}
	texts := fleetTexts(t, in)
	said := func(want, of string, formats ...string) {
		t.Helper()
		for _, format := range formats {
			if !strings.Contains(texts[format], want) {
				t.Errorf("%s does not say %q of %s", format, want, of)
			}
		}
	}
	all := []string{"text", "markdown", "html", "junit", "bench"}
	people := all[:3]
	for _, h := range doc.Hosts {
		ms := func(v float64) time.Duration { return time.Duration(math.Round(v * 1e6)) }
		row := []string{h.Agent, h.Site, h.Role, h.Host.Hostname, h.Host.Kernel + " " + h.Host.Arch, h.Host.CPU, h.Sweetspot,
			fmt.Sprintf("%d of %d", h.Host.Cores, h.Host.Online), size(h.Host.Memory), clockText(ms(h.Offset), ms(h.Bound))}
		said(strings.Join(row, " "), h.Agent, people...)
		said(fmt.Sprintf("Host of the fleet: %s: cores %s, memory %s, clock ms %s", strings.Join(row[:7], ", "), row[7], row[8], row[9]), h.Agent, all[3:]...)
	}
	said("may not compare; kernel: 6.18.5 at east (e1), 6.18.9 at west (w1)", "the sites", "text", "markdown", "html", "junit")
	if !slices.ContainsFunc(doc.Warnings, func(w string) bool { return strings.Contains(w, "6.18.9 at west (w1)") }) {
		t.Errorf("JSON has the warnings %q, none of which tells that the sites have other kernels", doc.Warnings)
	}
	for _, s := range doc.Sites {
		said(ratio(s.Speed.figure()), "the speed of "+s.Site, people...)
	}
	if len(doc.Sites) != 2 {
		t.Errorf("JSON tells %d sites, want 2", len(doc.Sites))
	}
	sent, lag, longest := map[string]uint64{}, map[string]float64{}, map[string]float64{}
	for _, x := range doc.Trials {
		switch {
		case x.Verdict == analysis.Void:
			said(fmt.Sprintf("%d of site %s", x.ID, x.Placed.Site), "a void trial", people...)
			continue
		case x.Verdict == analysis.Failed:
			said(fmt.Sprintf("%d of site %s", x.ID, x.Placed.Site), "a failed trial", people...)
		}
		for _, g := range x.Placed.Generators {
			sent[g.Agent] += g.Sent
			lag[g.Agent], longest[g.Agent] = max(lag[g.Agent], g.Lag.P99), max(longest[g.Agent], g.Lag.Max)
		}
	}
	if len(sent) != 2 {
		t.Fatalf("JSON tells the generators %v, want 2", sent)
	}
	for agent, n := range sent {
		said(fmt.Sprintf("%s %s %s", count(int(n)), number(lag[agent]), number(longest[agent])), "generator "+agent, people...)
	}
}

// fleetTexts are the formats without markup, blanks between words made one.
func fleetTexts(t *testing.T, in Input) map[string]string {
	t.Helper()
	texts := map[string]string{"text": string(Text(in, false, 400))}
	for _, format := range []string{"markdown", "html", "junit", "bench"} {
		texts[format] = string(render(t, format, in))
	}
	marks := regexp.MustCompile(`<[^>]*>|\\| \|`)
	for format, text := range texts {
		texts[format] = strings.Join(strings.Fields(html.UnescapeString(marks.ReplaceAllString(text, " "))), " ")
	}
	return texts
}

func TestFleetTables(t *testing.T) {
	in := sampleFleet()
	for _, tb := range fleetTables {
		b, err := csvBytes(append([][]string{tb.head}, tb.rows(newModel(in))...))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join("testdata", "fleet", tb.name+".csv"), b)
	}
	for _, tt := range []struct {
		name string
		in   Input
		want int
	}{{"a fleet", in, len(fleetTables)}, {"one machine", sampleSingle(), 0}} {
		dir := t.TempDir()
		if _, err := Write(tt.in, dir); err != nil {
			t.Fatal(err)
		}
		var found int
		for _, tb := range fleetTables {
			files, _ := filepath.Glob(filepath.Join(dir, "tables", tb.name+".csv"))
			found += len(files)
		}
		if found != tt.want {
			t.Errorf("a run of %s has %d tables of a fleet, want %d", tt.name, found, tt.want)
		}
	}
}

// Without generators of its own, a site's subject is the one that attacked.
func TestShootings(t *testing.T) {
	m := newModel(sampleFleet())
	var got []string
	for _, g := range m.shootings() {
		got = append(got, fmt.Sprintf("%s %s %s, %d CPUs: %d trials", g.site, g.Agent, g.Hostname, g.CPUs, g.trials))
	}
	want := []string{"east e2 load-1, 4 CPUs: 6 trials", "east e3 load-2, 4 CPUs: 6 trials", "west w1 bench-2, 2 CPUs: 4 trials"}
	if !slices.Equal(got, want) {
		t.Errorf("generators %q, want %q", got, want)
	}
	w1 := m.shooters(rundir.Trial{Placed: &rundir.Placed{Agent: "w1"}, Load: rundir.Load{Sent: 5, Classes: map[string]rundir.Class{scenarios.All: {Lag: rundir.Latency{P99: time.Second}}}}})[0]
	if w1.Sent != 5 || w1.Lag.P99 != time.Second {
		t.Errorf("a subject that attacks its own stack is told as %+v", w1)
	}
}

func TestClockText(t *testing.T) {
	for _, tt := range []struct {
		offset, bound time.Duration
		want          string
	}{
		{0, 200 * time.Microsecond, "0 ± 0.20"},
		{4 * time.Second, 210 * time.Microsecond, "+4,000 ± 0.21"},
		{-3100 * time.Microsecond, 2 * time.Millisecond, "−3.10 ± 2.00"},
	} {
		if got := clockText(tt.offset, tt.bound); got != tt.want {
			t.Errorf("clockText(%v, %v) = %q, want %q", tt.offset, tt.bound, got, tt.want)
		}
	}
}
