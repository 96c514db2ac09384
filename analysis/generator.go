package analysis

import (
	"fmt"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// Bounds of the generator, and of what it needs of the machine. Clean trials
// stay well below them: figures in brackets are of 2,135 trials of the Django
// shop on a machine of two cores, which generator, proxy and application share.
const (
	// Lag p99 with workers free: at most the larger of share and floor (95 % of
	// the trials: 5.7 ms or less, with a response p99 of 120 ms). Apart is the
	// floor on CPUs of its own: Go's timers alone make it 1.1 ms there, a stranger
	// that keeps the CPU busy 2.2 ms or more.
	maxLagShare = 0.10 // of the response time's p99
	maxLagFloor = 5 * time.Millisecond
	maxLagApart = 1500 * time.Microsecond

	// Of the time, garbage collection: below, fewer than 1 % of the requests fell
	// due in a pause, so that p99 is not made of pauses (75 trials of a second on
	// the embedded stack beside strangers: 0.5 % or less in all but two, which had
	// a pause of 15 and of 50 ms).
	maxPaused = 0.01

	minAchieved  = 0.99 // sent of planned, unless the subject queued
	maxGenerator = 0.70 // of a core, generator's CPU in an open loop (99 %: 0.69)
	maxPorts     = 0.90 // of the ephemeral ports, in TIME_WAIT towards the server

	// MaxCeiling is the share of the generator's calibrated ceiling beyond which
	// a rate is told as doubtful.
	MaxCeiling = 0.70
)

// Check is one answer to the question whether the generator was the limit of a
// trial.
type Check struct {
	Name   string
	Value  string  // as measured; empty: not recorded
	Limit  string  // what it may be; empty: nothing voids, for it counts against the cell
	Share  float64 // how much of the limit was used, above 1 is too much; where Limit is none or empty, how often it happened
	OK     bool    // within the limit, or not recorded
	Voids  bool    // when not OK, the trial is void; else it is noted
	Reason string  // when not OK: what there is to say of the trial
}

// Names of the checks, in the order of Checks.
const (
	CheckSent     = "requests sent"
	CheckLag      = "send lag p99"
	CheckCPU      = "generator CPU"
	CheckOwn      = "others on its cores"
	CheckGC       = "GC pauses"
	CheckRunQueue = "run-queue wait"
	CheckPorts    = "ports in TIME_WAIT"
	CheckRefused  = "no port or descriptor"
	CheckPool     = "all in flight"
	CheckListen   = "full listen queue"
	CheckCeiling  = "calibrated ceiling"
)

// checks are all checks. Each answers false when its question does not arise,
// as that of lag in a closed loop.
//
// What the generator, its process or its machine lack makes a trial void: no
// cell can help it. The last but one two count against the cell: all requests in
// flight are unanswered, and a listen queue is full, when the subject answers
// or accepts too slowly; the wait for both is in the response times, as it is
// for its users.
var checks = []struct {
	name  string
	check func(rundir.Trial, *rundir.Calibration) (Check, bool)
}{
	{CheckSent, checkSent},
	{CheckLag, checkLag},
	{CheckCPU, checkCPU},
	{CheckOwn, checkOwn},
	{CheckGC, checkGC},
	{CheckRunQueue, checkRunQueue},
	{CheckPorts, checkPorts},
	{CheckRefused, checkRefused},
	{CheckPool, checkPool},
	{CheckListen, checkListen},
	{CheckCeiling, checkCeiling},
}

// Checks asks a trial whether the generator was its limit. Questions that do
// not arise are left out, which is all when nothing was sent; what an older run
// did not record is in the list without a value, and so is what is known of the
// subject's host alone where the generators have hosts of their own. A nil
// calibration is one that was not made.
func Checks(t rundir.Trial, c *rundir.Calibration) (out []Check) {
	if t.Load.Sent == 0 {
		return nil
	}
	for _, q := range checks {
		if answer, arises := q.check(t, c); arises {
			answer.Name = q.name
			out = append(out, answer)
		}
	}
	return out
}

// unrecorded is the answer of a trial that does not hold what was asked for.
var unrecorded = Check{OK: true}

// bounded is an answer with a limit: share is how much of it was used.
func bounded(value, limit string, share float64) Check {
	return Check{Value: value, Limit: limit, Share: share, OK: !(share > 1), Voids: true}
}

// because says why a check failed, when it did.
func (c Check) because(format string, args ...any) Check {
	if !c.OK {
		c.Reason = fmt.Sprintf(format, args...)
	}
	return c
}

// checkSent does not arise when the subject left every worker waiting: then
// that is why requests were not sent, and it counts against the cell.
func checkSent(t rundir.Trial, _ *rundir.Calibration) (Check, bool) {
	l := t.Load
	if l.Offered == 0 || l.Aborted != "" || l.LateBusy > 0 || l.Planned == 0 {
		return Check{}, false
	}
	sent := float64(l.Sent) / float64(l.Planned)
	c := bounded(fmt.Sprintf("%.2f %%", 100*sent), fmt.Sprintf("at least %.0f %%", 100*minAchieved), (1-sent)/(1-minAchieved))
	c.OK = sent >= minAchieved
	return c.because("generator sent %d of %d planned requests", l.Sent, l.Planned), true
}

// lagLimit is how late the generator may be: little beside the latency that the
// trial claims. Lag is part of the response time, so that what stays below makes
// a cell look a little worse, never better. Objectives play no part: a p99 of
// 20 ms that is half lag is wrong, whatever the limit on it.
func lagLimit(t rundir.Trial) time.Duration {
	floor := maxLagFloor
	if t.Usage.OwnCores > 0 || t.Placed.Apart() {
		floor = maxLagApart
	}
	return max(floor, time.Duration(maxLagShare*float64(t.Load.Classes[scenarios.All].Response.P99)))
}

func checkLag(t rundir.Trial, _ *rundir.Calibration) (Check, bool) {
	if t.Load.Offered == 0 {
		return Check{}, false
	}
	lag, limit := t.Load.StarveLag.P99, lagLimit(t)
	c := bounded(short(lag), "at most "+short(limit), float64(lag)/float64(limit))
	return c.because("generator late: %s p99 lag with workers free, at most %s", short(lag), short(limit)), true
}

// checkCPU voids no closed loop of one class: static requests alone often
// exhaust the generator, so that it tells what the stack does at least, and is
// told as that.
func checkCPU(t rundir.Trial, _ *rundir.Calibration) (Check, bool) {
	wall := t.Usage.Wall.Seconds()
	if wall <= 0 {
		return Check{}, false
	}
	used := generatorSeconds(t) / wall
	c := bounded(fmt.Sprintf("%.0f %% of a core", 100*used), fmt.Sprintf("at most %.0f %%", 100*maxGenerator), used/maxGenerator)
	if t.Step.Class != "" {
		c.Voids = false
		return c.because("the generator was the limit: the throughput is at least this"), true
	}
	return c.because("generator used %.0f %% of a core, at most %.0f %%", 100*used, 100*maxGenerator), true
}

// generatorSeconds is the CPU time of the generator; of several it is that of
// the one that used the most.
func generatorSeconds(t rundir.Trial) (most float64) {
	if !t.Placed.Apart() {
		most = t.Usage.Generator.CPUSeconds
	}
	if t.Placed != nil {
		for _, g := range t.Placed.Generators {
			most = max(most, g.CPUSeconds)
		}
	}
	return most
}

// checkOwn arises where the generator has cores of its own. Whoever else runs
// there, if only for a per cent of the requests, delays the reading of their
// answers by milliseconds that no lag shows.
func checkOwn(t rundir.Trial, _ *rundir.Calibration) (Check, bool) {
	u := t.Usage
	cores := u.Wall.Seconds() * float64(u.OwnCores)
	if cores <= 0 || t.Placed.Apart() {
		return Check{}, false
	}
	share := u.IntruderSeconds / cores
	c := bounded(fmt.Sprintf("%.1f %% of the time", 100*share), fmt.Sprintf("at most %.0f %%", 100*rundir.MaxForeign), share/rundir.MaxForeign)
	return c.because("others used %.1f %% of the generator's own cores, at most %.0f %%", 100*share, 100*rundir.MaxForeign), true
}

// checkGC voids when both hold: p99 may be made of pauses, and the longest is
// longer than lag may be. Many short ones are harmless, and so is a rare long one.
func checkGC(t rundir.Trial, _ *rundir.Calibration) (Check, bool) {
	gc, wall := t.Usage.GC, t.Usage.Wall
	if gc == nil || wall <= 0 || t.Placed.Apart() {
		return unrecorded, true
	}
	paused, limit := gc.Total.Seconds()/wall.Seconds(), lagLimit(t)
	value := fmt.Sprintf("%.2f %% of the time, longest %s", 100*paused, short(gc.Max))
	c := bounded(value, fmt.Sprintf("at most %.0f %% or %s", 100*maxPaused, short(limit)), min(paused/maxPaused, float64(gc.Max)/float64(limit)))
	return c.because("garbage collection stopped the generator for %.1f %% of the time, of which at most %.0f %% may be, and once for %s, of at most %s", 100*paused, 100*maxPaused, short(gc.Max), short(limit)), true
}

// checkRunQueue bounds how long the generator's threads were ready and had no
// CPU: what a request waits for in it is in its response time, at sending,
// which is lag, and at reading the answer, which nothing else shows. So the mean
// over the requests may be half of what the p99 of lag may be (all trials:
// 1.75 ms or less, 99 %: 1.1 ms; with strangers at two thirds of the machine,
// 2.6 ms; on a CPU of its own 0.15 ms, with a stranger on it 0.4 to 0.8 ms).
// The share of the time is told and has no limit: on shared cores the
// threads of a clean trial waited for up to 1.4 s a second between them. At a
// few requests a second it is mostly sampling and collecting garbage that wait:
// 1 % of the time is theirs.
func checkRunQueue(t rundir.Trial, _ *rundir.Calibration) (Check, bool) {
	waited, wall := t.Usage.Generator.WaitTime, t.Usage.Wall
	if waited == 0 || wall <= 0 || t.Placed.Apart() {
		return unrecorded, true // some thread always waits for a moment
	}
	sent := time.Duration(t.Load.Sent)
	each, limit := waited/sent, max(lagLimit(t)/2, wall/100/sent)
	value := fmt.Sprintf("%s a request, %.0f %% of the time", short(each), 100*waited.Seconds()/wall.Seconds())
	c := bounded(value, "at most "+short(limit), float64(each)/float64(limit))
	return c.because("the generator waited for a CPU for %s a request, at most %s", short(each), short(limit)), true
}

// checkPorts bounds the ports that no new connection to the server can have.
// Above it connections soon fail, or wait for the kernel to find a port.
func checkPorts(t rundir.Trial, _ *rundir.Calibration) (Check, bool) {
	u := t.Usage
	if u.Ports == 0 || t.Placed.Apart() {
		return unrecorded, true
	}
	taken := float64(u.PortsWaiting) / float64(u.Ports)
	value := fmt.Sprintf("%.0f %% of %d, sockets %d to %d", 100*taken, u.Ports, u.TimeWaitBefore, u.TimeWait)
	c := bounded(value, fmt.Sprintf("at most %.0f %%", 100*maxPorts), taken/maxPorts)
	return c.because("%d of %d ephemeral ports were in TIME_WAIT towards the server, at most %.0f %%: widen net.ipv4.ip_local_port_range", u.PortsWaiting, u.Ports, 100*maxPorts), true
}

// checkRefused allows no request that failed because the generator's own
// process or machine had no port or descriptor for it: the server never saw it.
func checkRefused(t rundir.Trial, _ *rundir.Calibration) (Check, bool) {
	faults := t.Load.Classes[scenarios.All].Faults
	ports, files := faults[rundir.FaultNoPort], faults[rundir.FaultNoFile]
	n := ports + files
	c := Check{Value: fmt.Sprintf("%d requests", n), Limit: "none", Share: float64(n), OK: n == 0, Voids: true}
	return c.because("%d requests failed for want of a local port, %d for want of a descriptor: widen net.ipv4.ip_local_port_range, or raise ulimit -n", ports, files), true
}

func checkPool(t rundir.Trial, _ *rundir.Calibration) (Check, bool) {
	l := t.Load
	if l.Offered == 0 {
		return Check{}, false
	}
	c := Check{Value: fmt.Sprintf("%d late requests", l.LateBusy), Share: float64(l.LateBusy), OK: l.LateBusy == 0}
	return c.because("%d requests left late because all %d in flight were unanswered", l.LateBusy, l.Workers), true
}

func checkListen(t rundir.Trial, _ *rundir.Calibration) (Check, bool) {
	n := t.Usage.ListenOverflows
	c := Check{Value: fmt.Sprintf("%d connections", n), Share: float64(n), OK: n == 0}
	return c.because("%d connections met a full listen queue", n), true
}

// checkCeiling voids nothing: the trial's own figures say whether the generator
// kept up. Near its ceiling it takes CPU that a machine of its own would leave
// to the subject, which the reader is to know.
func checkCeiling(t rundir.Trial, c *rundir.Calibration) (Check, bool) {
	if c == nil || c.Ceiling <= 0 {
		return unrecorded, true
	}
	rate := t.Load.Offered
	if rate == 0 {
		rate = t.Load.Achieved
	}
	share := rate / c.Ceiling
	answer := bounded(fmt.Sprintf("%.0f %% of %.0f requests/s", 100*share, c.Ceiling), fmt.Sprintf("told above %.0f %%", 100*MaxCeiling), share/MaxCeiling)
	answer.Voids = false
	return answer.because("%.0f requests/s are %.0f %% of the most that the generator does on this machine, more than %.0f %%", rate, 100*share, 100*MaxCeiling), true
}

// AboveCeiling says whether a rate, requests/s, asks more of the generator than
// its calibration lets pass without a word.
func AboveCeiling(c *rundir.Calibration, rate float64) bool {
	return c != nil && c.Ceiling > 0 && rate > MaxCeiling*c.Ceiling
}

// generatorBound says whether the generator used too much CPU for a throughput
// to be the subject's.
func generatorBound(t rundir.Trial) bool {
	c, arises := checkCPU(t, nil)
	return arises && !c.OK
}

// short writes a duration with three digits or so.
func short(d time.Duration) string {
	if d >= 10*time.Millisecond {
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

// Answer is one check over the trials of a run.
type Answer struct {
	Check         // the worst of the trials that count; without a value when none of them recorded it
	Recorded bool // in some trial, be it void
	Trials   int  // that count and recorded it
	Voided   int  // void trials that it made so, with others or alone
	Noted    int  // trials that it is noted of
}

// answers sums up the checks over trials, in the order of Checks. A check that
// arose in no trial is left out.
func answers(trials []Judged) (out []Answer) {
	for _, q := range checks {
		a := Answer{Check: Check{Name: q.name, OK: true}}
		arose := false
		for _, t := range trials {
			for _, c := range t.Verdict.Checks {
				if c.Name == q.name {
					arose = true
					a.add(c, t.Verdict.Kind != Void)
				}
			}
		}
		if arose {
			out = append(out, a)
		}
	}
	return out
}

func (a *Answer) add(c Check, counts bool) {
	if c.Value == "" {
		return
	}
	a.Recorded = true
	switch {
	case !c.OK && c.Voids:
		a.Voided++
	case !c.OK:
		a.Noted++
	}
	if !counts {
		return
	}
	if a.Trials == 0 || c.Share > a.Share {
		a.Check = c
	}
	a.Trials++
}
