package analysis

import (
	"math"
	"slices"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// forecast guesses the throughput of cells that were not measured from those
// that were. It guides a search and backs no claim.
type forecast struct {
	cores    int
	capacity float64 // cores that the application can keep busy
	known    []known
}

// known is a measured cell.
type known struct {
	cell       scenarios.Cell
	rate       float64 // saturation throughput, requests/s
	app, total float64 // CPU s a request: of the application, and with the proxy's
	share      float64 // of the cell's ceiling that the rate is, at most 1; 0: it has no ceiling
}

// forecast rests on the starts of the first round, once.
func (g *grid) forecast() forecast {
	const end = 1
	f, known := g.forecasts[end]
	if !known {
		f = newForecast(g)
		g.forecasts[end] = f
	}
	return f
}

// newForecast takes what the starts of the first round told.
func newForecast(g *grid) forecast {
	f := forecast{}
	for _, c := range g.cells {
		v := g.visits[visitKey{c.Cell, 0}]
		if v == nil {
			continue
		}
		b := v.last(rundir.Saturation)
		if b == nil || b.Load.Goodput <= 0 {
			continue
		}
		good := float64(b.Load.Classes[scenarios.All].Good)
		k := known{cell: c.Cell, rate: b.Load.Goodput}
		if good > 0 {
			k.app = b.Usage.App.CPUSeconds / good
			k.total = k.app + b.Usage.Proxy.CPUSeconds/good
		}
		f.cores, f.capacity = b.Usage.AppCores, b.Usage.AppCapacity()
		f.known = append(f.known, k)
	}
	f.shares()
	return f
}

// shares fills in what the known cells reach of their ceilings.
func (f *forecast) shares() {
	for i := range f.known {
		k := &f.known[i]
		// What bounds the smallest cell is not known but by itself.
		if f.slots(k.cell) < math.Inf(1) {
			k.share = min(k.rate/f.ceiling(k.cell), 1)
		}
	}
}

// family says whether two cells differ in their workers and threads only.
func family(a, b scenarios.Cell) bool {
	a.Workers, a.Threads = b.Workers, b.Threads
	return a == b
}

// ceiling bounds the throughput of a cell by the measured cells of its family:
//
//   - a slot does no more where there are more of them, so that the throughput
//     is at most that of a cell with no more workers and no more threads, times
//     the ratio of their slots (Little's law);
//   - a process keeps one core busy at most, and all of them no more than there
//     are, or their quota has: utilisation is throughput × CPU time a request.
//
// It is +Inf when nothing of the family was measured.
func (f *forecast) ceiling(c scenarios.Cell) float64 {
	top := f.slots(c)
	var app, total []float64
	for _, k := range f.known {
		if family(k.cell, c) {
			app, total = append(app, k.app), append(total, k.total)
		}
	}
	if len(app) == 0 {
		return top
	}
	if d := quarter(app); d > 0 {
		top = min(top, float64(c.Processes())/d)
		if f.capacity > 0 {
			top = min(top, f.capacity/d)
		}
	}
	if d := quarter(total); d > 0 && f.cores > 0 {
		top = min(top, float64(f.cores)/d)
	}
	return top
}

// slots is the part of the ceiling that Little's law tells.
func (f *forecast) slots(c scenarios.Cell) float64 {
	top := math.Inf(1)
	for _, k := range f.known {
		if family(k.cell, c) && k.cell != c && k.cell.Workers <= c.Workers && k.cell.Threads <= c.Threads {
			top = min(top, k.rate*float64(c.Slots())/float64(k.cell.Slots()))
		}
	}
	return top
}

// quarter returns the first quartile, for the least of noisy figures would be
// too low. It sorts them.
func quarter(values []float64) float64 {
	slices.Sort(values)
	return values[(len(values)-1)/4]
}

// guess returns the ceiling of a cell times what measured cells reach of
// theirs, those of like workers and threads before others.
func (f *forecast) guess(c scenarios.Cell) float64 {
	ceiling := f.ceiling(c)
	if math.IsInf(ceiling, 1) {
		return ceiling
	}
	sum, weights := 0.0, 0.0
	for _, k := range f.known {
		if k.cell == c {
			return k.rate
		}
		if k.share == 0 {
			continue
		}
		d := distance(k.cell, c)
		w := 1 / (0.05 + d*d)
		sum += w * math.Log(k.share)
		weights += w
	}
	if weights == 0 {
		return ceiling
	}
	return ceiling * math.Exp(sum/weights)
}

// distance is in doublings of workers and threads; another proxy, server or
// number of instances is as far as one doubling. It is a Euclidean one.
func distance(a, b scenarios.Cell) float64 {
	d := math.Hypot(math.Log2(float64(a.Workers)/float64(b.Workers)), math.Log2(float64(a.Threads)/float64(b.Threads)))
	if !family(a, b) {
		return math.Hypot(d, 1)
	}
	return d
}
