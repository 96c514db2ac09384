package analysis

import (
	"fmt"
	"maps"
	"slices"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// What can limit a cell.
const (
	LimitAppCPU    = "application CPU"
	LimitQuota     = "CPU quota"
	LimitLock      = "one core per worker process"
	LimitWaiting   = "workers all waiting"
	LimitDatabase  = "database connections"
	LimitServices  = "CPU of the services"
	LimitShared    = "something that all workers wait for"
	LimitProxy     = "proxy"
	LimitGenerator = "generator"
	LimitUnknown   = "unknown"
)

// saturated is the share of a resource from which it counts as used up.
const saturated = 0.85

// burst is what the saturation bursts of a cell had in the mean: there every
// slot has work, so that whatever is used up is the limit.
type burst struct {
	cell                        scenarios.Cell
	cores, appCores             int
	quota                       float64 // cores of the application's control group; 0: it has none
	periods, throttled          uint64  // of that group
	app, proxy, generator, busy float64 // CPUs
	services                    float64 // CPUs
	inFlight                    float64
	goodput                     float64 // requests/s
	overflows                   uint64  // connections dropped at a full listen queue
	databases                   map[string]rundir.ServiceUse
	loop                        bool // an event loop: it works on more requests at once than it has slots

	larger *burst // the best of the same server and proxy with more slots; nil for none
	alone  *burst // the smallest of the same server and proxy, where nothing contends; nil for none
}

// burstsOf sums up the bursts of a cell that passed; ok is false for none.
func burstsOf(c scenarios.Cell, trials []Judged) (b burst, ok bool) {
	b = burst{cell: c, databases: map[string]rundir.ServiceUse{}}
	var wall, span float64
	for _, t := range trials {
		if t.Step.Cell != c || t.Step.Phase != rundir.Saturation || t.Step.Class != "" || t.Verdict.Kind != Passed {
			continue
		}
		u := t.Usage
		wall += u.Wall.Seconds()
		span += t.Load.Span.Seconds()
		b.cores, b.appCores, b.quota = u.Cores, u.AppCores, u.Quota
		b.periods += u.AppPeriods
		b.throttled += u.AppThrottled
		b.app += u.App.CPUSeconds
		b.proxy += u.Proxy.CPUSeconds
		b.services += u.Services.CPUSeconds
		b.generator += u.Generator.CPUSeconds
		b.busy += u.BusySeconds
		b.inFlight += t.Load.InFlight * t.Load.Span.Seconds()
		b.goodput += float64(t.Load.Classes[scenarios.All].Good)
		b.overflows += u.ListenOverflows
		b.loop = b.loop || t.Effective.Peak != nil && t.Effective.Peak.Want == 0
		for name, use := range u.Databases {
			use.Connections = max(use.Connections, b.databases[name].Connections)
			b.databases[name] = use
		}
	}
	if wall <= 0 || span <= 0 {
		return b, false
	}
	for _, v := range []*float64{&b.app, &b.proxy, &b.services, &b.generator, &b.busy} {
		*v /= wall
	}
	b.inFlight /= span
	b.goodput /= span
	return b, true
}

// limitOf names what keeps a cell from more.
func limitOf(c scenarios.Cell, trials []Judged) Limit {
	b, ok := burstsOf(c, trials)
	if !ok {
		return Limit{What: LimitUnknown, Evidence: []string{"no saturation burst of the cell counts"}}
	}
	b.beside(trials)
	l := b.limit()
	l.Seen = b.seen()
	return l
}

// limit weighs who used which share of the cores.
func (b burst) limit() Limit {
	if b.cell.Server == scenarios.TargetServer && b.generator <= saturated {
		return Limit{What: LimitUnknown, Evidence: []string{"the processes of a target that was running already are not watched"}}
	}
	busy := b.busy / float64(b.cores)
	processes := min(b.cell.Processes(), b.appCores)
	l := Limit{Evidence: []string{
		fmt.Sprintf("at saturation, %.0f requests/s with %.1f in flight on %d slots", b.goodput, b.inFlight, b.cell.Slots()),
		fmt.Sprintf("CPUs busy: application %.2f of %d, proxy %.2f, generator %.2f; machine %.0f %% busy", b.app, b.appCores, b.proxy, b.generator, 100*busy),
	}}
	if b.goodput > 0 {
		l.Evidence = append(l.Evidence, b.demand())
	}
	if b.quota > 0 && b.periods > 0 {
		l.Evidence = append(l.Evidence, fmt.Sprintf("throttled in %.0f %% of the periods of its quota of %g cores", 100*float64(b.throttled)/float64(b.periods), b.quota))
	}
	database := b.database()
	switch {
	case busy > saturated && b.services > max(b.app, b.proxy, b.generator):
		l.What = LimitServices
		l.Evidence = append(l.Evidence, fmt.Sprintf("the services beside the application used %.2f CPUs, more than all else", b.services))
	case b.generator > saturated || (busy > saturated && b.generator > b.app && b.generator > b.proxy):
		l.What = LimitGenerator
	case b.rationed():
		l.What = LimitQuota
	case b.app/float64(b.appCores) > saturated || (busy > saturated && b.app >= b.proxy):
		l.What = LimitAppCPU
	case b.app > saturated*float64(processes):
		l.What = LimitLock
		l.Evidence = append(l.Evidence, b.lock(processes))
	case busy > saturated:
		l.What = LimitProxy
	case database != "" && !b.moreHelps():
		l.What = LimitDatabase
		l.Evidence = append(l.Evidence, database)
	case b.loop || b.taken() < saturated*float64(b.cell.Slots()):
		l.What = LimitUnknown
	case b.stuck():
		l.What = LimitShared
		l.Evidence = append(l.Evidence, b.larger.noMore())
	default:
		l.What = LimitWaiting
		l.Evidence = append(l.Evidence, fmt.Sprintf("every slot had a request while the CPUs had room: a request took %.1f ms (Little's law), of which %.1f ms on a CPU", 1000*b.residence(), 1000*b.app/b.goodput))
	}
	if b.overflows > 0 {
		l.Evidence = append(l.Evidence, fmt.Sprintf("%d connections were dropped at a full listen queue", b.overflows))
	}
	return l
}

// demand is the utilisation law: throughput is at most cores over CPU time a
// request.
func (b burst) demand() string {
	text := fmt.Sprintf("a request takes %.2f ms of the application's CPU", 1000*b.app/b.goodput)
	if b.cell.Proxy != scenarios.Direct {
		text += fmt.Sprintf(" and %.2f ms of the proxy's", 1000*b.proxy/b.goodput)
	}
	if b.quota > 0 && b.app > 0 {
		return text + fmt.Sprintf(": a quota of %g cores does at most %.0f a second (utilisation law)", b.quota, b.quota*b.goodput/b.app)
	}
	if used := b.app + b.proxy; used > 0 {
		text += fmt.Sprintf(": %d cores do at most %.0f a second (utilisation law)", b.cores, float64(b.cores)*b.goodput/used)
	}
	return text
}

// lock says why a few processes cannot use more cores.
func (b burst) lock(processes int) string {
	text := fmt.Sprintf("%d worker processes used %.2f of the %d cores that they can keep busy", b.cell.Processes(), b.app, processes)
	if b.cell.Threads > 1 {
		text += ": threads of one take turns at Python's lock"
	}
	return text
}

// taken is how many slots had a request in the mean.
func (b burst) taken() float64 { return min(b.inFlight, float64(b.cell.Slots())) }

// residence is how long a request kept a slot, in seconds: slots taken over
// throughput.
func (b burst) residence() float64 { return b.taken() / b.goodput }

// database says which database had nearly all the connections that it takes,
// with more slots than that waiting for them; empty when none had.
func (b burst) database() string {
	for _, name := range slices.Sorted(maps.Keys(b.databases)) {
		use := b.databases[name]
		if use.Limit > 0 && use.Connections*10 >= use.Limit*9 && b.cell.Slots()*10 >= use.Limit*9 {
			return fmt.Sprintf("%s had %d of at most %d connections", name, use.Connections, use.Limit)
		}
	}
	return ""
}
