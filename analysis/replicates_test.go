package analysis

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

func TestReplicates(t *testing.T) {
	cell, other := cellsOf([2]int{2, 1})[0], cellsOf([2]int{4, 1})[0]
	var done []rundir.Trial
	for i := range 2 {
		start := finalStart + i
		burst := burstTrial()
		burst.Step = rundir.Step{Cell: cell.Cell, Start: start, Phase: rundir.Saturation, Connections: 4, Duration: 10 * time.Second}
		burst.Fresh, burst.StartTime = true, time.Duration(i+1)*time.Second
		burst.Load.Goodput = 500 + float64(i)
		below := goodTrial()
		below.Step = rundir.Step{Cell: cell.Cell, Start: start, Phase: rundir.Curve, Rate: 300, Duration: 10 * time.Second}
		walked := measuredAt(cell.Cell, 200e6, 400)[3:]
		for k := range walked {
			walked[k].Step.Start = start
		}
		for _, trial := range slices.Concat([]rundir.Trial{burst}, walked, []rundir.Trial{below}) {
			trial.Usage.App.CPUSeconds, trial.Usage.Proxy.CPUSeconds = 3, 1
			classes := map[string]rundir.Class{}
			for name, sent := range map[string]uint64{scenarios.All: 4000, scenarios.Static: 1000} {
				classes[name] = rundir.Class{Sent: sent, Good: sent, Response: rundir.Latency{Count: int64(sent),
					P50: 10 * time.Millisecond, P95: 20 * time.Millisecond, P99: 30 * time.Millisecond}}
			}
			trial.Load.Classes = classes
			trial.Load.Requests = map[string]rundir.Class{"home": {Sent: 3000, Good: 2985, Response: rundir.Latency{Count: 3000, P50: 11 * time.Millisecond, P95: 21 * time.Millisecond}}}
			done = append(done, trial)
		}
	}
	in := Input{Scenario: testScenario(time.Hour, "p99 < 250ms"), Cells: []scenarios.Planned{cell, other}, Trials: done}
	want := []string{
		"sustainable  requests/s true", "throughput  requests/s true [500 501]", "cpu  ms/request false [1 1]", "memory  MB false [200 200]", "startup  s false [1 2]",
		"errors  % false [0]", "errors home % false [0.5]", "errors static % false [0]",
		"p50  ms false [10]", "p50 home ms false [11]", "p50 static ms false [10]", "p95  ms false [20]", "p95 home ms false [21]",
	}
	var got []string
	for _, m := range Replicates(in, cell.Cell) {
		line := fmt.Sprint(m.Name, " ", m.Scope, " ", m.Unit, " ", m.Higher)
		if m.Name == "sustainable" {
			if len(m.Values) != 2 || m.Values[0] < 380 || m.Values[0] > 420 {
				t.Errorf("sustainable %v, want two of about 400", m.Values)
			}
		} else {
			line += fmt.Sprint(" ", m.Values)
		}
		got = append(got, line)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
	if got := Replicates(in, other.Cell); len(got) != 0 {
		t.Errorf("of a cell that was not measured: %v", got)
	}
}
