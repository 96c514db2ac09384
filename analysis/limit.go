package analysis

import (
	"fmt"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// What can limit a cell.
const (
	LimitAppCPU    = "application CPU"
	LimitWaiting   = "workers all waiting"
	LimitProxy     = "proxy"
	LimitGenerator = "generator"
	LimitUnknown   = "unknown"
)

// saturated is the share of a resource from which it counts as used up.
const saturated = 0.85

// limitOf names what keeps a cell from more, by its saturation bursts: there
// every slot has work, so that whatever is used up is the limit.
func limitOf(c *Cell, trials []Judged) Limit {
	var u rundir.Usage
	var in, service, good float64 // sums over bursts: in flight × s, good
	n := 0
	for _, t := range trials {
		if t.Step.Cell != c.Cell || t.Step.Phase != rundir.Saturation || t.Step.Class != "" || t.Verdict.Kind != Passed {
			continue
		}
		n++
		u.Wall += t.Usage.Wall
		u.Cores, u.AppCores = t.Usage.Cores, t.Usage.AppCores
		u.App.CPUSeconds += t.Usage.App.CPUSeconds
		u.Proxy.CPUSeconds += t.Usage.Proxy.CPUSeconds
		u.Generator.CPUSeconds += t.Usage.Generator.CPUSeconds
		u.BusySeconds += t.Usage.BusySeconds
		class := t.Load.Classes[scenarios.All]
		in += t.Load.InFlight * t.Load.Span.Seconds()
		service += t.Load.Span.Seconds()
		good += float64(class.Good)
	}
	if n == 0 || u.Wall <= 0 {
		return Limit{What: LimitUnknown, Evidence: []string{"no saturation burst of the cell counts"}}
	}
	return limitFrom(c.Cell, u, in/service, good/service)
}

// limitFrom weighs one saturated stretch: who used which share of the cores.
func limitFrom(cell scenarios.Cell, u rundir.Usage, inFlight, goodput float64) Limit {
	wall := u.Wall.Seconds()
	app, proxy, gen := u.App.CPUSeconds/wall, u.Proxy.CPUSeconds/wall, u.Generator.CPUSeconds/wall
	busy := u.BusySeconds / (wall * float64(u.Cores))
	l := Limit{Evidence: []string{
		fmt.Sprintf("at saturation, %.0f requests/s with %.1f in flight on %d slots", goodput, inFlight, cell.Slots()),
		fmt.Sprintf("CPUs busy: application %.2f of %d, proxy %.2f, generator %.2f; machine %.0f %% busy", app, u.AppCores, proxy, gen, 100*busy),
	}}
	switch {
	case gen > saturated || (busy > saturated && gen > app && gen > proxy):
		l.What = LimitGenerator
	case cell.Server == scenarios.TargetServer:
		l = Limit{What: LimitUnknown, Evidence: []string{"the processes of a target that was running already are not watched"}}
	case app/float64(u.AppCores) > saturated || (busy > saturated && app >= proxy):
		l.What = LimitAppCPU
	case app > saturated*float64(min(cell.Processes(), u.AppCores)):
		l.What = LimitAppCPU
		l.Evidence = append(l.Evidence, fmt.Sprintf("%d worker processes can keep at most %d cores busy", cell.Processes(), cell.Processes()))
	case busy > saturated:
		l.What = LimitProxy
	case inFlight >= saturated*float64(cell.Slots()):
		l.What = LimitWaiting
		l.Evidence = append(l.Evidence, "every slot had a request while the CPUs had room: requests wait for something that is not CPU")
	default:
		l.What = LimitUnknown
	}
	return l
}
