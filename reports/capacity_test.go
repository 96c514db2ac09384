package reports

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"sweetspot/analysis"
	"sweetspot/scenarios"
)

// sampleCapacity is a plan with all that one can have.
func sampleCapacity() Capacity {
	day := func(s string) time.Time {
		t, err := time.Parse(time.DateOnly, s)
		if err != nil {
			panic(err)
		}
		return t
	}
	ms := func(v, low, high float64) *analysis.Figure {
		return &analysis.Figure{Value: v / 1000, Low: low / 1000, High: high / 1000, N: 8}
	}
	return Capacity{
		Plan: &analysis.Plan{
			Demand:   analysis.Demand{Rate: 3000, Headroom: 0.3, Objective: &scenarios.Objective{Class: scenarios.All, Metric: "p99", Limit: 250 * time.Millisecond}},
			Cell:     &analysis.Cell{Planned: scenarios.Planned{Cell: scenarios.Cell{Server: "gunicorn-gthread", Proxy: "nginx", Workers: 4, Threads: 2}}, Cores: 2},
			Sustains: &analysis.Figure{Value: 412, Low: 398, High: 426, N: 5}, Usable: 288.4,
			Measured: &analysis.Figure{Value: 412, Low: 398, High: 426, N: 5}, Twice: &analysis.Figure{Value: 1.79, Low: 1.71, High: 1.86, N: 1000},
			Machines: 11, Low: 11, High: 11, Each: 272.7, Doubled: 21,
			Latency: map[string]*analysis.Figure{"p50": ms(12.3, 11, 14), "p95": ms(48, 44, 53)},
			Unknown: map[string]string{"p99": "273 requests/s on a machine are beyond the 280 to 420 that were measured"},
		},
		Growth: &analysis.Growth{Peaks: 90, First: day("2026-01-01"), Last: day("2026-03-31"), PerYear: &analysis.Figure{Value: 1.5, Low: 1.31, High: 1.72, N: 90}},
		Full:   analysis.Full{Day: day("2026-10-04"), Low: day("2026-08-20"), High: day("2027-01-09"), Beyond: 187},
	}
}

// sampleCores is a plan for other cores than were measured.
func sampleCores() Capacity {
	c := sampleCapacity()
	p := c.Plan
	c.Scaled, c.Growth = sampleScaling(p.Cell.Cell, 0.5, 1, 1.5, 2, 3), nil
	p.Cell.Cores, p.Demand.Cores = 2, 4
	p.Ratio = &analysis.Figure{Value: 1.79, Low: 1.71, High: 1.86, N: 1000}
	p.Twice, p.NoTwice = nil, "8 cores are more than twice the largest number of cores measured (3); measure on 4 or more"
	p.Sustains, p.Usable = &analysis.Figure{Value: 737, Low: 699, High: 777, N: 5}, 515.9
	p.Machines, p.Low, p.High, p.Doubled, p.Each = 6, 6, 7, 12, 500
	why := "they were measured on 2 cores only; with others a queue is another at the same share of the load"
	p.Latency, p.Unknown = nil, map[string]string{"p50": why, "p95": why, "p99": why}
	return c
}

func TestCapacityText(t *testing.T) {
	golden(t, "testdata/capacity.txt", CapacityText(sampleCapacity()))
	golden(t, "testdata/capacity-cores.txt", CapacityText(sampleCores()))
	pod := sampleCores()
	pod.Plan.Cell.Pod, pod.Plan.Demand.Cores, pod.Scaled.Crowded = true, 1, []float64{2, 3}
	golden(t, "testdata/capacity-pod.txt", CapacityText(pod))
	bare := sampleCapacity()
	bare.Growth, bare.Plan.Demand.Objective, bare.Plan.Low, bare.Plan.High = nil, nil, 10, 12
	bare.Plan.Sustains = &analysis.Figure{Value: 412, N: 1, AtLeast: true}
	golden(t, "testdata/capacity-bare.txt", CapacityText(bare))
}

func TestCapacityGrowthTexts(t *testing.T) {
	for name, full := range map[string]analysis.Full{
		"11 machines are full already.":               {Already: true},
		"11 machines are not full within five years.": {},
	} {
		c := sampleCapacity()
		c.Full = full
		if got := c.growth(); len(got) < len(name) || got[len(got)-len(name):] != name {
			t.Errorf("%q does not end with %q", got, name)
		}
	}
}

func TestCapacityJSON(t *testing.T) {
	b, err := CapacityJSON(sampleCapacity())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/capacity.json", b)
	if b, err = CapacityJSON(sampleCores()); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/capacity-cores.json", b)
	if !json.Valid(b) {
		t.Error("it is not JSON")
	}
}

func TestCapacityPlot(t *testing.T) {
	for ext, begins := range map[string]string{"svg": "<?xml", "png": "\x89PNG"} {
		b, err := CapacityPlot(sampleCores().Scaled, ext)
		if err != nil || !strings.HasPrefix(string(b), begins) {
			t.Errorf("%s: %v, %.20q", ext, err, b)
		}
	}
	for _, tt := range []struct {
		name string
		of   *analysis.Scaling
		ext  string
		want string
	}{
		{"nothing measured", nil, "svg", "add search.cores"},
		{"no such picture", sampleCores().Scaled, "pdf", "neither svg nor png"},
	} {
		if _, err := CapacityPlot(tt.of, tt.ext); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}
