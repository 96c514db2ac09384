package analysis

import (
	"slices"
	"testing"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// answerTo returns the check of that name, ok false when it did not arise.
func answerTo(checks []Check, name string) (Check, bool) {
	i := slices.IndexFunc(checks, func(c Check) bool { return c.Name == name })
	if i < 0 {
		return Check{}, false
	}
	return checks[i], true
}

func faulty(fault string, n uint64) func(*rundir.Trial) {
	return func(t *rundir.Trial) {
		c := t.Load.Classes[scenarios.All]
		c.Faults = map[string]uint64{fault: n, "timeout": 7}
		t.Load.Classes = map[string]rundir.Class{scenarios.All: c}
	}
}

func TestChecks(t *testing.T) {
	const ms = time.Millisecond
	slow := func(p99, lag time.Duration) func(*rundir.Trial) {
		return func(t *rundir.Trial) {
			c := t.Load.Classes[scenarios.All]
			c.Response.P99 = p99
			t.Load.Classes = map[string]rundir.Class{scenarios.All: c}
			t.Load.StarveLag.P99 = lag
		}
	}
	apart := func(change func(*rundir.Trial)) func(*rundir.Trial) {
		return func(t *rundir.Trial) {
			t.Usage.OwnCores = 1
			change(t)
		}
	}
	sent := func(n, busy uint64) func(*rundir.Trial) {
		return func(t *rundir.Trial) { t.Load.Sent, t.Load.LateBusy = n, busy }
	}
	cpu := func(seconds float64, class string) func(*rundir.Trial) {
		return func(t *rundir.Trial) { t.Usage.Generator.CPUSeconds, t.Step.Class = seconds, class }
	}
	waited := func(d time.Duration) func(*rundir.Trial) {
		return func(t *rundir.Trial) { t.Usage.Generator.WaitTime = d }
	}
	few := func(sent uint64, d time.Duration) func(*rundir.Trial) {
		return func(t *rundir.Trial) { t.Load.Sent, t.Usage.Generator.WaitTime = sent, d }
	}
	paused := func(total, longest time.Duration) func(*rundir.Trial) {
		return func(t *rundir.Trial) { t.Usage.GC = &rundir.Pauses{Count: 20, Max: longest, Total: total} }
	}
	ports := func(waiting, all int) func(*rundir.Trial) {
		return func(t *rundir.Trial) {
			t.Usage.Ports, t.Usage.PortsWaiting, t.Usage.TimeWaitBefore, t.Usage.TimeWait = all, waiting, 12, 30000
		}
	}
	intruders := func(seconds float64) func(*rundir.Trial) {
		return apart(func(t *rundir.Trial) { t.Usage.IntruderSeconds = seconds })
	}
	away := func(change func(*rundir.Trial)) func(*rundir.Trial) {
		return func(t *rundir.Trial) {
			t.Usage.OwnCores, t.Usage.IntruderSeconds, t.Usage.Generator.CPUSeconds = 1, 9, 9
			t.Placed = &rundir.Placed{Agent: "subject", Generators: []rundir.Shooter{{Agent: "a", CPUSeconds: 3}, {Agent: "b", CPUSeconds: 7.2}, {Agent: "c", CPUSeconds: 1}}}
			change(t)
		}
	}
	itself := func(t *rundir.Trial) { t.Placed.Generators[0].Agent, t.Usage.OwnCores = "subject", 0 }
	ceiling := &rundir.Calibration{Ceiling: 142.8}
	for _, tt := range []struct {
		name   string
		check  string
		trial  rundir.Trial
		change func(*rundir.Trial)
		value  string // empty: the check does not arise, or nothing was recorded
		limit  string
		ok     bool
		reason string
	}{
		{"99 % sent", CheckSent, goodTrial(), sent(990, 0), "99.00 %", "at least 99 %", true, ""},
		{"less sent", CheckSent, goodTrial(), sent(989, 0), "98.90 %", "at least 99 %", false, "generator sent 989 of 1000 planned requests"},
		{"less sent while the subject queued", CheckSent, goodTrial(), sent(900, 3), "", "", false, ""},
		{"less sent before an abort", CheckSent, goodTrial(), func(t *rundir.Trial) { t.Load.Sent, t.Load.Aborted = 300, "too slow" }, "", "", false, ""},
		{"a closed loop plans nothing", CheckSent, burstTrial(), sent(3, 0), "", "", false, ""},

		{"lag at the floor", CheckLag, goodTrial(), slow(12*ms, 5*ms), "5ms", "at most 5ms", true, ""},
		{"lag above the floor", CheckLag, goodTrial(), slow(12*ms, 5010*time.Microsecond), "5.01ms", "at most 5ms", false, "generator late: 5.01ms p99 lag with workers free, at most 5ms"},
		{"lag at a tenth of p99", CheckLag, goodTrial(), slow(200*ms, 20*ms), "20ms", "at most 20ms", true, ""},
		{"lag above a tenth of p99", CheckLag, goodTrial(), slow(200*ms, 20100*time.Microsecond), "20.1ms", "at most 20ms", false, "generator late: 20.1ms p99 lag with workers free, at most 20ms"},
		{"lag at the floor of CPUs of its own", CheckLag, goodTrial(), apart(slow(12*ms, 1500*time.Microsecond)), "1.5ms", "at most 1.5ms", true, ""},
		{"lag above it", CheckLag, goodTrial(), apart(slow(12*ms, 1520*time.Microsecond)), "1.52ms", "at most 1.5ms", false, "generator late: 1.52ms p99 lag with workers free, at most 1.5ms"},
		{"lag at a tenth of p99 on CPUs of its own", CheckLag, goodTrial(), apart(slow(200*ms, 20*ms)), "20ms", "at most 20ms", true, ""},
		{"a closed loop has no schedule", CheckLag, burstTrial(), slow(12*ms, time.Second), "", "", false, ""},

		{"CPU at the bound", CheckCPU, goodTrial(), cpu(7, ""), "70 % of a core", "at most 70 %", true, ""},
		{"CPU above it", CheckCPU, goodTrial(), cpu(7.2, ""), "72 % of a core", "at most 70 %", false, "generator used 72 % of a core, at most 70 %"},
		{"CPU above it with one class", CheckCPU, burstTrial(), cpu(9, scenarios.Static), "90 % of a core", "at most 70 %", false, "the generator was the limit: the throughput is at least this"},
		{"CPU of the busiest of several hosts", CheckCPU, goodTrial(), away(func(*rundir.Trial) {}), "72 % of a core", "at most 70 %", false, "generator used 72 % of a core, at most 70 %"},
		{"CPU of a subject that attacks with them", CheckCPU, goodTrial(), away(itself), "90 % of a core", "at most 70 %", false, "generator used 90 % of a core, at most 70 %"},
		{"lag above the floor of hosts of their own", CheckLag, goodTrial(), away(func(t *rundir.Trial) { t.Usage.OwnCores = 0; slow(12*ms, 1520*time.Microsecond)(t) }), "1.52ms", "at most 1.5ms", false, "generator late: 1.52ms p99 lag with workers free, at most 1.5ms"},
		{"GC on the subject's host", CheckGC, goodTrial(), away(paused(time.Second, time.Second)), "", "", true, ""},
		{"wait on the subject's host", CheckRunQueue, goodTrial(), away(waited(4 * time.Second)), "", "", true, ""},
		{"ports of the subject's host", CheckPorts, goodTrial(), away(ports(910, 1000)), "", "", true, ""},
		{"others on the subject's host", CheckOwn, goodTrial(), away(func(*rundir.Trial) {}), "", "", false, ""},

		{"others at the bound", CheckOwn, goodTrial(), intruders(0.5), "5.0 % of the time", "at most 5 %", true, ""},
		{"others above it", CheckOwn, goodTrial(), intruders(0.52), "5.2 % of the time", "at most 5 %", false, "others used 5.2 % of the generator's own cores, at most 5 %"},
		{"no core of its own", CheckOwn, goodTrial(), func(t *rundir.Trial) { t.Usage.IntruderSeconds = 9 }, "", "", false, ""},

		{"GC at the bound of the time", CheckGC, goodTrial(), paused(100*ms, 30*ms), "1.00 % of the time, longest 30ms", "at most 1 % or 6ms", true, ""},
		{"GC at the bound of a pause", CheckGC, goodTrial(), paused(time.Second, 6*ms), "10.00 % of the time, longest 6ms", "at most 1 % or 6ms", true, ""},
		{"GC above both", CheckGC, goodTrial(), paused(120*ms, 7*ms), "1.20 % of the time, longest 7ms", "at most 1 % or 6ms", false, "garbage collection stopped the generator for 1.2 % of the time, of which at most 1 % may be, and once for 7ms, of at most 6ms"},
		{"GC not recorded", CheckGC, goodTrial(), func(*rundir.Trial) {}, "", "", true, ""},

		{"wait at the bound", CheckRunQueue, goodTrial(), waited(3 * time.Second), "3ms a request, 30 % of the time", "at most 3ms", true, ""},
		{"wait above it", CheckRunQueue, goodTrial(), waited(4 * time.Second), "4ms a request, 40 % of the time", "at most 3ms", false, "the generator waited for a CPU for 4ms a request, at most 3ms"},
		{"wait of few requests at the bound", CheckRunQueue, burstTrial(), few(5, 100*ms), "20ms a request, 1 % of the time", "at most 20ms", true, ""},
		{"wait of few requests above it", CheckRunQueue, burstTrial(), few(5, 105*ms), "21ms a request, 1 % of the time", "at most 20ms", false, "the generator waited for a CPU for 21ms a request, at most 20ms"},
		{"wait in a closed loop", CheckRunQueue, burstTrial(), waited(4 * time.Second), "4ms a request, 40 % of the time", "at most 3ms", false, "the generator waited for a CPU for 4ms a request, at most 3ms"},
		{"wait not recorded", CheckRunQueue, goodTrial(), waited(0), "", "", true, ""},

		{"ports at the bound", CheckPorts, goodTrial(), ports(900, 1000), "90 % of 1000, sockets 12 to 30000", "at most 90 %", true, ""},
		{"ports above it", CheckPorts, goodTrial(), ports(910, 1000), "91 % of 1000, sockets 12 to 30000", "at most 90 %", false, "910 of 1000 ephemeral ports were in TIME_WAIT towards the server, at most 90 %: widen net.ipv4.ip_local_port_range"},
		{"ports not recorded", CheckPorts, goodTrial(), ports(0, 0), "", "", true, ""},

		{"another fault", CheckRefused, goodTrial(), faulty(rundir.FaultNoPort, 0), "0 requests", "none", true, ""},
		{"no port", CheckRefused, goodTrial(), faulty(rundir.FaultNoPort, 1), "1 requests", "none", false, "1 requests failed for want of a local port, 0 for want of a descriptor: widen net.ipv4.ip_local_port_range, or raise ulimit -n"},
		{"no descriptor", CheckRefused, burstTrial(), faulty(rundir.FaultNoFile, 2), "2 requests", "none", false, "0 requests failed for want of a local port, 2 for want of a descriptor: widen net.ipv4.ip_local_port_range, or raise ulimit -n"},

		{"a worker always free", CheckPool, goodTrial(), sent(1000, 0), "0 late requests", "", true, ""},
		{"none free", CheckPool, goodTrial(), sent(1000, 1), "1 late requests", "", false, "1 requests left late because all 0 in flight were unanswered"},
		{"a closed loop is always full", CheckPool, burstTrial(), sent(1000, 1), "", "", false, ""},

		{"room in the listen queue", CheckListen, goodTrial(), func(*rundir.Trial) {}, "0 connections", "", true, ""},
		{"a full one", CheckListen, burstTrial(), func(t *rundir.Trial) { t.Usage.ListenOverflows = 1 }, "1 connections", "", false, "1 connections met a full listen queue"},

		{"70 % of the ceiling and less", CheckCeiling, goodTrial(), func(t *rundir.Trial) { t.Load.Offered = 99.9 }, "70 % of 143 requests/s", "told above 70 %", true, ""},
		{"more than that", CheckCeiling, goodTrial(), func(*rundir.Trial) {}, "70 % of 143 requests/s", "told above 70 %", false, "100 requests/s are 70 % of the most that the generator does on this machine, more than 70 %"},
		{"more than that in a closed loop", CheckCeiling, burstTrial(), func(t *rundir.Trial) { t.Load.Achieved = 142.8 }, "100 % of 143 requests/s", "told above 70 %", false, "143 requests/s are 100 % of the most that the generator does on this machine, more than 70 %"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.change(&tt.trial)
			got, arises := answerTo(Checks(tt.trial, ceiling), tt.check)
			if !arises {
				got = Check{}
			}
			if got.Value != tt.value || got.Limit != tt.limit || got.OK != tt.ok || got.Reason != tt.reason {
				t.Errorf("got %q, limit %q, OK %v, reason %q\nwant %q, limit %q, OK %v, reason %q",
					got.Value, got.Limit, got.OK, got.Reason, tt.value, tt.limit, tt.ok, tt.reason)
			}
			if limited := got.Limit != "" && got.Limit != "none"; limited && got.OK != (got.Share <= 1+1e-9) {
				t.Errorf("share %v of the limit, OK %v", got.Share, got.OK)
			}
		})
	}
}

// What the generator or its machine lacks voids a trial; what the subject is
// too slow for counts against it; what was not recorded says nothing.
func TestChecksAndVerdict(t *testing.T) {
	s := testScenario(time.Minute, "p99 < 250ms")
	for _, tt := range []struct {
		name   string
		trial  rundir.Trial
		change func(*rundir.Trial)
		kind   string
		notes  int
	}{
		{"nothing recorded", goodTrial(), func(*rundir.Trial) {}, Passed, 0},
		{"no port", goodTrial(), faulty(rundir.FaultNoPort, 1), Void, 0},
		{"garbage collection", goodTrial(), func(t *rundir.Trial) { t.Usage.GC = &rundir.Pauses{Count: 1, Max: time.Second, Total: time.Second} }, Void, 0},
		{"run queue", burstTrial(), func(t *rundir.Trial) { t.Usage.Generator.WaitTime = 10 * time.Second }, Void, 0},
		{"ports", goodTrial(), func(t *rundir.Trial) { t.Usage.Ports, t.Usage.PortsWaiting = 100, 95 }, Void, 0},
		{"full listen queue", goodTrial(), func(t *rundir.Trial) { t.Usage.ListenOverflows = 9 }, Passed, 1},
		{"all in flight", goodTrial(), func(t *rundir.Trial) { t.Load.LateBusy = 9 }, Passed, 1},
		{"closed loop of one class", burstTrial(), func(t *rundir.Trial) { t.Step.Class, t.Usage.Generator.CPUSeconds = scenarios.Static, 9.9 }, Passed, 1},
		{"closed loop of the mix", burstTrial(), func(t *rundir.Trial) { t.Usage.Generator.CPUSeconds = 9.9 }, Void, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.change(&tt.trial)
			if got := Judge(s, tt.trial); got.Kind != tt.kind || len(got.Notes) != tt.notes {
				t.Errorf("got %s %q, notes %q, want %s with %d notes", got.Kind, got.Reasons, got.Notes, tt.kind, tt.notes)
			}
		})
	}
}

func TestNothingIsAskedOfATrialWithoutLoad(t *testing.T) {
	trial := goodTrial()
	trial.Failure = "exit status 3"
	if got := Judge(testScenario(time.Minute), trial).Checks; len(got) > 0 {
		t.Errorf("a stack that died is asked %v", got)
	}
	trial.Failure, trial.Load = "", rundir.Load{}
	if got := Checks(trial, nil); len(got) > 0 {
		t.Errorf("a trial that sent nothing is asked %v", got)
	}
}

func TestAnswers(t *testing.T) {
	s := testScenario(time.Minute, "p99 < 250ms")
	trial := func(change func(*rundir.Trial)) rundir.Trial {
		t := goodTrial()
		t.Usage.Generator.WaitTime = 100 * time.Millisecond
		change(&t)
		return t
	}
	trials := []rundir.Trial{
		trial(func(t *rundir.Trial) { t.Usage.Generator.CPUSeconds = 3 }),
		trial(func(t *rundir.Trial) { t.Usage.Generator.CPUSeconds = 9 }),                                     // void: its figures do not count
		trial(func(t *rundir.Trial) { t.Usage.Generator.CPUSeconds, t.Usage.Generator.WaitTime = 5, 0 }),      // wait not recorded
		trial(func(t *rundir.Trial) { t.Usage.ListenOverflows, t.Usage.Generator.WaitTime = 4, time.Second }), // noted
		trial(func(t *rundir.Trial) { t.Failure = "exit status 3" }),
	}
	want := map[string]Answer{
		CheckCPU:      {Check: Check{Value: "50 % of a core"}, Trials: 3, Voided: 1},
		CheckRunQueue: {Check: Check{Value: "1ms a request, 10 % of the time"}, Trials: 2},
		CheckListen:   {Check: Check{Value: "4 connections"}, Trials: 3, Noted: 1},
		CheckGC:       {},
		CheckCeiling:  {},
	}
	all := answers(JudgeAll(s, trials, nil))
	if len(all) != len(checks)-1 { // no trial had a core of its own
		t.Errorf("%d answers, want one for each of %d checks but one", len(all), len(checks))
	}
	for _, got := range all {
		if unseen := got.Name == CheckGC || got.Name == CheckPorts || got.Name == CheckCeiling; got.Recorded == unseen {
			t.Errorf("%s: recorded is %v", got.Name, got.Recorded)
		}
		w, asked := want[got.Name]
		if asked && (got.Value != w.Value || got.Trials != w.Trials || got.Voided != w.Voided || got.Noted != w.Noted) {
			t.Errorf("%s: %q of %d trials, %d void, %d noted; want %q of %d, %d, %d",
				got.Name, got.Value, got.Trials, got.Voided, got.Noted, w.Value, w.Trials, w.Voided, w.Noted)
		}
	}
}
