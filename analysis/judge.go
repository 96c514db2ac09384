package analysis

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/montanaflynn/stats"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// Bounds beyond which a trial is void. On a clean machine the statistics stay
// well below them; a trial beyond one of them measured something else than its
// cell.
const (
	maxLagFloor    = 5 * time.Millisecond // lag p99 with workers free: at most the largest of this,
	maxLagShare    = 0.10                 // this share of the tightest latency limit, and this of the response time's p99
	minAchieved    = 0.99                 // sent of planned, unless the subject queued
	maxGenerator   = 0.70                 // generator's CPU over the cores it may use
	maxSteal       = 0.01                 // of the machine
	maxForeign     = 0.05                 // of the machine
	maxLittle      = 0.05                 // closed loop: in flight against the connections held
	maxDrift       = 0.10                 // closed loop: last third of the trial against the first
	minDriftWindow = 9                    // seconds below which drift is not judged
)

// Judge says whether a trial passed, failed or is void. The rules are those of
// the project's rules of measurement: a late generator, foreign load or a
// stack that is not the cell's make it void, whatever its latencies.
func Judge(s *scenarios.Scenario, t rundir.Trial) Verdict {
	if t.Broken != "" {
		return Verdict{Kind: Void, Reasons: []string{t.Broken}}
	}
	if t.Failure != "" {
		return Verdict{Kind: Failed, Reasons: []string{t.Failure}}
	}
	var v Verdict
	v.Reasons = voidReasons(s, t)
	if len(v.Reasons) > 0 {
		v.Kind = Void
		return v
	}
	v.Notes = notes(t)
	v.Reasons = misses(s, t)
	v.Kind = Passed
	if len(v.Reasons) > 0 {
		v.Kind = Failed
	}
	return v
}

// JudgeAll judges every trial, in order.
func JudgeAll(s *scenarios.Scenario, trials []rundir.Trial) []Judged {
	out := make([]Judged, len(trials))
	for i, t := range trials {
		out[i] = Judged{Trial: t, Verdict: Judge(s, t)}
	}
	return out
}

func voidReasons(s *scenarios.Scenario, t rundir.Trial) (out []string) {
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	l, u := t.Load, t.Usage
	wall := u.Wall.Seconds()

	if why := mismatch(t); why != "" {
		out = append(out, why)
	}
	if lag, limit := l.StarveLag.P99, lagLimit(s, t); lag > limit {
		add("generator late: %v p99 lag with workers free, at most %v", lag.Round(10*time.Microsecond), limit)
	}
	if l.Offered > 0 && l.Aborted == "" && l.LateBusy == 0 && float64(l.Sent) < minAchieved*float64(l.Planned) {
		add("generator sent %d of %d planned requests", l.Sent, l.Planned)
	}
	if wall <= 0 {
		return out
	}
	// A closed loop of static requests alone often exhausts the generator: it
	// tells what the stack does at least, and is told as that.
	if share := u.Generator.CPUSeconds / wall; share > maxGenerator && t.Step.Class == "" {
		add("generator used %.0f %% of a core, at most %.0f %%", 100*share, 100*maxGenerator)
	}
	machine := wall * float64(u.Cores)
	if share := u.StealSeconds / machine; share > maxSteal {
		add("%.1f %% of the CPU time was stolen by the hypervisor, at most %.0f %%", 100*share, 100*maxSteal)
	}
	// A target's own processes are not known, and may be on this machine.
	if share := u.ForeignSeconds / machine; share > maxForeign && t.Step.Cell.Server != scenarios.TargetServer {
		add("other processes used %.1f %% of the machine, at most %.0f %%", 100*share, 100*maxForeign)
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

// lagLimit is how late the generator may be: little beside the latencies that
// are claimed and bounded. Lag is part of the response time, so that what stays
// below makes a cell look a little worse, never better.
func lagLimit(s *scenarios.Scenario, t rundir.Trial) time.Duration {
	tightest := time.Duration(math.MaxInt64)
	for _, o := range s.Objectives {
		if o.Limit > 0 {
			tightest = min(tightest, o.Limit)
		}
	}
	if tightest == math.MaxInt64 {
		tightest = 0
	}
	beside := max(tightest, t.Load.Classes[scenarios.All].Response.P99)
	return max(maxLagFloor, time.Duration(maxLagShare*float64(beside)))
}

// closedLoopDoubts checks a saturation burst by Little's law, N = X·R, and for
// drift.
func closedLoopDoubts(t rundir.Trial) (out []string) {
	n := float64(t.Step.Connections)
	// A generator at its limit spends time between an answer and the next request.
	if off := math.Abs(t.Load.InFlight/n - 1); n > 0 && off > maxLittle && !(t.Step.Class != "" && generatorBound(t)) {
		out = append(out, fmt.Sprintf("Little's law is off by %.0f %%: %.2f in flight on average, %g connections", 100*off, t.Load.InFlight, n))
	}
	if drift, ok := drift(t.Load.Windows); ok && math.Abs(drift) > maxDrift {
		out = append(out, fmt.Sprintf("throughput drifted by %+.0f %% from the first to the last third: lengthen the warm-up", 100*drift))
	}
	return out
}

// drift compares the goodput of the last third of the windows with the
// first's. The last window is left out, for it is rarely whole.
func drift(windows []rundir.Window) (float64, bool) {
	if len(windows) < minDriftWindow+1 {
		return 0, false
	}
	windows = windows[:len(windows)-1]
	third := len(windows) / 3
	first, last := goodMean(windows[:third]), goodMean(windows[len(windows)-third:])
	if first == 0 {
		return 0, false
	}
	return last/first - 1, true
}

func goodMean(windows []rundir.Window) float64 {
	good := make([]float64, len(windows))
	for i, w := range windows {
		good[i] = float64(w.Good)
	}
	mean, _ := stats.Mean(good)
	return mean
}

// notes are doubts that leave the verdict as it is.
func notes(t rundir.Trial) (out []string) {
	if n := t.Usage.Throttled; n > 0 {
		out = append(out, fmt.Sprintf("throttled in %d scheduler periods by a CPU quota", n))
	}
	if n := t.Usage.ListenOverflows; n > 0 {
		out = append(out, fmt.Sprintf("%d connections met a full listen queue", n))
	}
	for _, name := range slices.Sorted(maps.Keys(t.Usage.Databases)) {
		if use := t.Usage.Databases[name]; use.Limit > 0 && use.Connections*10 >= use.Limit*9 {
			out = append(out, fmt.Sprintf("%s had %d connections of at most %d", name, use.Connections, use.Limit))
		}
	}
	if generatorBound(t) {
		out = append(out, "the generator was the limit: the throughput is at least this")
	}
	if n := t.Load.Resent; n > 0 {
		out = append(out, fmt.Sprintf("%d requests were sent again, because the server closed their kept connection before it answered", n))
	}
	if n := t.Load.LateBusy; n > 0 {
		out = append(out, fmt.Sprintf("%d requests left late because all %d in flight were unanswered", n, t.Load.Workers))
	}
	return out
}

// generatorBound says whether the generator used too much CPU for a throughput
// to be the subject's.
func generatorBound(t rundir.Trial) bool {
	wall := t.Usage.Wall.Seconds()
	return wall > 0 && t.Usage.Generator.CPUSeconds/wall > maxGenerator
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
