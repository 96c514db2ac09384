package analysis

import (
	"fmt"
	"math"

	"github.com/montanaflynn/stats"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// What makes equal throughputs one ceiling.
const (
	levelWithin = 0.05 // of the highest: cells of one level
	levelCells  = 3    // of different servers, workers or threads, at least
	levelShare  = 0.5  // of the cells with a proxy, or of those without, at least
	nearBound   = 0.8  // of a bound that a resource may have: near it
	allBusy     = 0.95 // of the machine's CPU time: none is left
	mostlyTheir = 0.75 // of the busy CPU time is the subject's: the cells are equal because they use the machine up
)

// aboveCeiling says how near to the generator's ceiling the recommended rate is,
// when that is nearer than it should be.
func aboveCeiling(w *Cell, c *rundir.Calibration) string {
	if w == nil || w.Sustainable() == nil || !AboveCeiling(c, w.Sustainable().Value) {
		return ""
	}
	rate := w.Sustainable().Value
	return fmt.Sprintf("the rate told below, %.0f requests/s, is %.0f %% of the most that the load generator does on this machine, %.0f requests/s: above %.0f %% the limit may be the generator's as much as the configuration's",
		rate, 100*rate/c.Ceiling, c.Ceiling, 100*MaxCeiling)
}

// saturation is what the closed-loop bursts of one cell come to, in the mean.
type saturation struct {
	cell      scenarios.Cell
	rate      float64 // goodput, requests/s
	generator float64 // CPUs busy
	proxy     float64
	subject   float64 // application and services
	busy      float64 // of the whole machine
	cores     int
}

// sharedCeilings warns where many cells come to the same throughput while
// something that they share is near its limit. Cells are equal, too, because
// they are equally good; so without such a thing nothing is said.
func sharedCeilings(trials []Judged, c *rundir.Calibration) (out []string) {
	for _, proxied := range []bool{false, true} {
		family := saturations(trials, proxied)
		top := level(family)
		if different(top) < levelCells || float64(len(top)) < levelShare*float64(len(family)) {
			continue
		}
		why := sharedCause(top, c)
		if why == "" {
			continue
		}
		with := "without a proxy"
		if proxied {
			with = "behind a proxy"
		}
		low, high := span(top)
		out = append(out, fmt.Sprintf("%d of %d configurations %s end at the same %.0f to %.0f requests/s, whatever their workers, so that what they share may be the limit: %s",
			len(top), len(family), with, low, high, why))
	}
	return out
}

// saturations sums up the bursts of every cell with a proxy, or of every cell
// without one, in order of their first burst.
func saturations(trials []Judged, proxied bool) (out []saturation) {
	index, bursts := map[scenarios.Cell]int{}, []float64{}
	for _, t := range trials {
		if !saturates(t) || (t.Step.Cell.Proxy != scenarios.Direct) != proxied {
			continue
		}
		i, known := index[t.Step.Cell]
		if !known {
			i = len(out)
			index[t.Step.Cell] = i
			out, bursts = append(out, saturation{cell: t.Step.Cell}), append(bursts, 0)
		}
		out[i].add(t)
		bursts[i]++
	}
	for i := range out {
		for _, sum := range []*float64{&out[i].rate, &out[i].generator, &out[i].proxy, &out[i].subject, &out[i].busy} {
			*sum /= bursts[i]
		}
	}
	return out
}

// saturates says whether a trial tells what a cell comes to in a closed loop of
// the whole mix. One that is void for the generator's CPU alone does: that is
// the very ceiling that is looked for.
func saturates(t Judged) bool {
	if t.Step.Phase != rundir.Saturation || t.Step.Class != "" || t.Load.Sent == 0 || t.Usage.Wall <= 0 {
		return false
	}
	return t.Verdict.Kind == Passed || t.Verdict.Kind == Void && len(t.Verdict.Reasons) == 1 && generatorBound(t.Trial)
}

func (s *saturation) add(t Judged) {
	wall := t.Usage.Wall.Seconds()
	s.rate += t.Load.Goodput
	s.generator += t.Usage.Generator.CPUSeconds / wall
	s.proxy += t.Usage.Proxy.CPUSeconds / wall
	s.subject += (t.Usage.App.CPUSeconds + t.Usage.Services.CPUSeconds) / wall
	s.busy += t.Usage.BusySeconds / wall
	s.cores = t.Usage.Cores
}

// level returns the cells that come to as much as the best, or nearly so. What
// some cell exceeds is no ceiling.
func level(family []saturation) (top []saturation) {
	_, high := span(family)
	for _, s := range family {
		if s.rate >= (1-levelWithin)*high {
			top = append(top, s)
		}
	}
	return top
}

func span(all []saturation) (low, high float64) {
	low = math.Inf(1)
	for _, s := range all {
		low, high = min(low, s.rate), max(high, s.rate)
	}
	return low, high
}

// different counts the cells that differ in more than the proxy.
func different(all []saturation) int {
	seen := map[scenarios.Cell]bool{}
	for _, s := range all {
		c := s.cell
		c.Proxy = scenarios.Direct
		seen[c] = true
	}
	return len(seen)
}

// sharedCause names what the cells of a level have in common that is near its
// limit; empty when nothing is.
func sharedCause(top []saturation, c *rundir.Calibration) string {
	mean := func(of func(saturation) float64) float64 {
		values := make([]float64, len(top))
		for i, s := range top {
			values[i] = of(s)
		}
		m, _ := stats.Mean(values)
		return m
	}
	rate := mean(func(s saturation) float64 { return s.rate })
	generator := mean(func(s saturation) float64 { return s.generator })
	proxy := mean(func(s saturation) float64 { return s.proxy })
	subject := mean(func(s saturation) float64 { return s.subject })
	busy := mean(func(s saturation) float64 { return s.busy })
	cores := float64(top[0].cores)
	switch {
	case generator >= nearBound*maxGenerator:
		return fmt.Sprintf("the generator used %.0f %% of a core, of at most %.0f %%; give it a CPU of its own, or measure from another machine", 100*generator, 100*maxGenerator)
	case AboveCeiling(c, rate/nearBound):
		return fmt.Sprintf("that is %.0f %% of the most that the generator does on this machine; measure from another one", 100*rate/c.Ceiling)
	case proxy >= saturated && proxy <= 1/saturated:
		return fmt.Sprintf("the proxy used %.2f CPUs, which is one core; give it more workers or threads", proxy)
	case busy >= allBusy*cores && subject < mostlyTheir*busy:
		return fmt.Sprintf("the machine's %.0f CPUs were all busy, %.0f %% of that with other than the application; measure on more CPUs, or from another machine", cores, 100*(1-subject/busy))
	}
	return ""
}
