package reports

import (
	"encoding/json"
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
			Cell:     &analysis.Cell{Planned: scenarios.Planned{Cell: scenarios.Cell{Server: "gunicorn-gthread", Proxy: "nginx", Workers: 4, Threads: 2}}},
			Sustains: &analysis.Figure{Value: 412, Low: 398, High: 426, N: 5}, Usable: 288.4,
			Machines: 11, Low: 11, High: 11, Each: 272.7, Doubled: 21,
			Latency: map[string]*analysis.Figure{"p50": ms(12.3, 11, 14), "p95": ms(48, 44, 53)},
			Unknown: map[string]string{"p99": "273 requests/s on a machine are beyond the 280 to 420 that were measured"},
		},
		Growth: &analysis.Growth{Peaks: 90, First: day("2026-01-01"), Last: day("2026-03-31"), PerYear: &analysis.Figure{Value: 1.5, Low: 1.31, High: 1.72, N: 90}},
		Full:   analysis.Full{Day: day("2026-10-04"), Low: day("2026-08-20"), High: day("2027-01-09"), Beyond: 187},
	}
}

func TestCapacityText(t *testing.T) {
	golden(t, "testdata/capacity.txt", CapacityText(sampleCapacity()))
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
	if !json.Valid(b) {
		t.Error("it is not JSON")
	}
}
