package analysis

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// Bounds beyond which a trial is void, beside those of the generator. On a clean
// machine the statistics stay well below them; a trial beyond one of them
// measured something else than its cell.
const (
	maxLittle      = 0.05 // closed loop: in flight against the connections held
	maxDrift       = 0.10 // closed loop: last third of the trial against the first
	minDriftWindow = 9    // seconds below which drift is not judged
	maxGrowth      = 0.02 // open loop: response time gained a second

)

// Judge says whether a trial passed, failed or is void. The rules are those of
// the project's rules of measurement: a late generator, foreign load or a
// stack that is not the cell's make it void, whatever its latencies.
func Judge(s *scenarios.Scenario, t rundir.Trial) Verdict { return judge(s, t, nil) }

// judge is Judge with what the calibration of the generator tells.
func judge(s *scenarios.Scenario, t rundir.Trial, c *rundir.Calibration) Verdict {
	if t.Broken != "" {
		return Verdict{Kind: Void, Reasons: []string{t.Broken}}
	}
	if t.Failure != "" {
		return Verdict{Kind: Failed, Reasons: []string{t.Failure}}
	}
	v := Verdict{Checks: Checks(t, c)}
	v.Reasons = voidReasons(t, v.Checks)
	if len(v.Reasons) > 0 {
		v.Kind = Void
		return v
	}
	v.Notes = notes(t, v.Checks)
	v.Reasons = misses(s, t)
	v.Kind = Passed
	if len(v.Reasons) > 0 {
		v.Kind = Failed
	}
	return v
}

// JudgeAll judges every trial, in order. A nil calibration is one that was not
// made.
func JudgeAll(s *scenarios.Scenario, trials []rundir.Trial, c *rundir.Calibration) []Judged {
	out := make([]Judged, len(trials))
	for i, t := range trials {
		out[i] = Judged{Trial: t, Verdict: judge(s, t, c)}
	}
	return out
}

// voidReasons says what else than its cell a trial measured: another stack, the
// generator, which the checks have asked for, or the machine.
func voidReasons(t rundir.Trial, checks []Check) (out []string) {
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if why := mismatch(t); why != "" {
		out = append(out, why)
	}
	for _, c := range checks {
		if !c.OK && c.Voids {
			out = append(out, c.Reason)
		}
	}
	l, u := t.Load, t.Usage
	machine := u.Wall.Seconds() * float64(u.Cores)
	if machine <= 0 {
		return out
	}
	if share := u.StealSeconds / machine; share > rundir.MaxSteal {
		add("%.1f %% of the CPU time was stolen by the hypervisor, at most %.0f %%", 100*share, 100*rundir.MaxSteal)
	}
	// A target's own processes are not known, and may be on this machine.
	if share := u.ForeignSeconds / machine; share > rundir.MaxForeign && t.Step.Cell.Server != scenarios.TargetServer {
		add("other processes used %.1f %% of the machine, at most %.0f %%", 100*share, 100*rundir.MaxForeign)
	}
	if l.Offered == 0 && l.Sent > 0 {
		out = append(out, closedLoopDoubts(t)...)
	}
	return out
}

// mismatch says where the stack that ran was not the cell, with both numbers;
// empty when it was.
func mismatch(t rundir.Trial) string {
	e, cell := t.Effective, t.Step.Cell
	switch {
	case t.Failure != "" || t.Broken != "":
		return ""
	case e.Workers != cell.Processes():
		return fmt.Sprintf("the stack runs %d workers, the cell has %d", e.Workers, cell.Processes())
	case e.Peak != nil && e.Peak.Want > 0 && e.Peak.Seen != e.Peak.Want:
		return fmt.Sprintf("the stack works on %d requests at once, the cell has %d workers × %d threads = %d",
			e.Peak.Seen, cell.Processes(), cell.Threads, e.Peak.Want)
	}
	return ""
}

// closedLoopDoubts checks a saturation burst by Little's law, N = X·R, and for
// drift.
func closedLoopDoubts(t rundir.Trial) (out []string) {
	n := float64(t.Step.Connections)
	// A generator at its limit spends time between an answer and the next request.
	if off := math.Abs(t.Load.InFlight/n - 1); n > 0 && off > maxLittle && !(t.Step.Class != "" && generatorBound(t)) {
		out = append(out, fmt.Sprintf("Little's law is off by %.0f %%: %.2f in flight on average, %g connections", 100*off, t.Load.InFlight, n))
	}
	if drift, noise, ok := drift(t.Load.Windows); ok && math.Abs(drift) > max(maxDrift, 3*noise) {
		out = append(out, fmt.Sprintf("throughput drifted by %+.0f %% from the first to the last third: lengthen the warm-up", 100*drift))
	}
	return out
}

// drift compares the goodput of the last third of the windows with the
// first's. The last window is left out, for it is rarely whole. noise is by how
// much the two differ by counting alone, as a standard deviation.
func drift(windows []rundir.Window) (by, noise float64, ok bool) {
	if len(windows) < minDriftWindow+1 {
		return 0, 0, false
	}
	windows = windows[:len(windows)-1]
	third := len(windows) / 3
	first, last := good(windows[:third]), good(windows[len(windows)-third:])
	if first == 0 {
		return 0, 0, false
	}
	return last/first - 1, math.Sqrt((1 + last/first) / first), true
}

func good(windows []rundir.Window) (n float64) {
	for _, w := range windows {
		n += float64(w.Good)
	}
	return n
}

// growth returns by how much the response time rose a second, between the first
// third and the last. A queue that is offered a share more than is answered
// keeps everybody waiting that share of the time longer: dW/dt = λ/X − 1.
func growth(windows []rundir.Window) (float64, bool) {
	if len(windows) < minDriftWindow+1 {
		return 0, false
	}
	windows = windows[:len(windows)-1]
	third := len(windows) / 3
	gained := medianMean(windows[len(windows)-third:]) - medianMean(windows[:third])
	return gained / float64(len(windows)-third), true
}

// medianMean is the mean of the windows' median response times, in seconds.
func medianMean(windows []rundir.Window) float64 {
	sum := 0.0
	for _, w := range windows {
		sum += w.P50.Seconds()
	}
	return sum / float64(len(windows))
}

// notes are doubts that leave the verdict as it is.
func notes(t rundir.Trial, checks []Check) (out []string) {
	if n := t.Usage.Throttled; n > 0 {
		out = append(out, fmt.Sprintf("throttled in %d scheduler periods by a CPU quota", n))
	}
	for _, name := range slices.Sorted(maps.Keys(t.Usage.Databases)) {
		if use := t.Usage.Databases[name]; use.Limit > 0 && use.Connections*10 >= use.Limit*9 {
			out = append(out, fmt.Sprintf("%s had %d connections of at most %d", name, use.Connections, use.Limit))
		}
	}
	for _, c := range checks {
		if !c.OK && !c.Voids {
			out = append(out, c.Reason)
		}
	}
	if n := t.Load.Resent; n > 0 {
		out = append(out, fmt.Sprintf("%d requests were sent again, because the server closed their kept connection before it answered", n))
	}
	return out
}

// misses says which objectives a trial missed. A closed loop is only asked to
// answer well: its latencies are no claim.
func misses(s *scenarios.Scenario, t rundir.Trial) (out []string) {
	l := t.Load
	if l.Aborted != "" {
		return []string{l.Aborted}
	}
	if l.Offered > 0 && l.Unsent > 0 && float64(l.Sent) < minAchieved*float64(l.Planned) {
		out = append(out, fmt.Sprintf("%d of %d planned requests could not be sent: all %d in flight were unanswered", l.Unsent, l.Planned, l.Workers))
	}
	if by, ok := growth(l.Windows); ok && l.Offered > 0 && by > maxGrowth && s.Traffic.Steady() {
		out = append(out, fmt.Sprintf("the queue grew all along, for the load was about %.0f %% more than is answered: response times rose by %.0f ms a second", 100*by, 1000*by))
	}
	for _, o := range s.Objectives {
		class, ok := l.Classes[o.Class]
		if !ok || class.Sent == 0 {
			continue
		}
		if o.Metric == scenarios.Errors {
			if ratio := float64(class.Errors()) / float64(class.Sent); ratio >= o.Ratio {
				out = append(out, fmt.Sprintf("%.2f %% errors (%d of %d%s), objective %v", 100*ratio, class.Errors(), class.Sent, worstFault(class), o))
			}
			continue
		}
		if l.Offered == 0 {
			continue
		}
		if got := metric(class.Response, o.Metric); got >= o.Limit {
			out = append(out, fmt.Sprintf("%s %s %v, objective %v", o.Class, o.Metric, got.Round(100*time.Microsecond), o))
		}
	}
	return out
}

func worstFault(c rundir.Class) string {
	var worst string
	for fault, n := range c.Faults {
		if worst == "" || n > c.Faults[worst] || n == c.Faults[worst] && fault < worst {
			worst = fault
		}
	}
	if worst == "" {
		return ""
	}
	return ", mostly: " + worst
}

// metric returns the named statistic of a latency.
func metric(l rundir.Latency, name string) time.Duration {
	switch name {
	case scenarios.Mean:
		return l.Mean
	case scenarios.Max:
		return l.Max
	case "p50":
		return l.P50
	case "p75":
		return l.P75
	case "p90":
		return l.P90
	case "p95":
		return l.P95
	case "p99":
		return l.P99
	case "p99.9":
		return l.P999
	case "p99.99":
		return l.P9999
	}
	panic("analysis: a validated scenario has no metric " + name)
}
