package main

import (
	"fmt"
	"time"

	"sweetspot/analysis"
)

// promise is one thing that must hold of our engine.
type promise struct {
	what   string
	figure string // empty: it was not measured
	kept   bool
}

// promisesTable has all of them.
func promisesTable(all selection) string {
	t := table{head: []string{"what must hold", "measured", "holds"}}
	for _, of := range []func(selection) []promise{
		throughputPromises, cpuPromises, floodPromises, memoryPromises, latencyPromises, hogPromises, soakPromises,
	} {
		for _, p := range of(all) {
			switch {
			case p.figure == "":
				t.add(p.what, "not measured", "–")
			case p.kept:
				t.add(p.what, p.figure, "yes")
			default:
				t.add(p.what, p.figure, "**no**")
			}
		}
	}
	return t.String()
}

func throughputPromises(all selection) (out []promise) {
	s := all.of(throughput, "")
	for _, p := range []struct {
		tool  string
		least float64
	}{{vegetaLib, 1.9}, {vegetaCLI, 3}, {wrk, 0.95}} {
		r := ratioOf(s.byRound(ours, perSecondOf), s.byRound(p.tool, perSecondOf))
		out = append(out, promise{fmt.Sprintf("1. throughput on one core ≥ %g × %s", p.least, p.tool), r.measured(), r.mean >= p.least})
	}
	return out
}

func cpuPromises(all selection) (out []promise) {
	s := all.of(cpu, perSecond(promisedRate))
	for _, p := range []struct {
		tool string
		most float64
	}{{vegetaCLI, 0.4}, {fortioUniform, 0.5}} {
		r := ratioOf(s.byRound(ours, costOf), s.byRound(p.tool, costOf))
		out = append(out, promise{fmt.Sprintf("2. CPU per request at %s ≤ %g × %s", perSecond(promisedRate), p.most, p.tool), r.measured(), r.mean <= p.most})
	}
	return out
}

// measured is the ratio, or nothing when there is none.
func (r ratio) measured() string {
	if r.pairs == 0 {
		return ""
	}
	return r.String()
}

func floodPromises(all selection) []promise {
	p := promise{what: fmt.Sprintf("2. asked for %s on one core, it sends all", perSecond(floodRate))}
	if m := all.of(flood, "").one(ours); m != nil {
		p.figure, p.kept = fmt.Sprintf("%s of %s", grouped(m.Requests), grouped(m.Planned)), m.Requests == m.Planned
	}
	return []promise{p}
}

func memoryPromises(all selection) []promise {
	p := promise{what: fmt.Sprintf("3. peak memory at %s with raw results: a long attack within 20 %% of a brief one", perSecond(oursRate))}
	brief, long := all.of(memory, memoryBrief).one(oursRaw), all.of(memory, memoryLong).one(oursRaw)
	if brief != nil && long != nil && brief.Peak > 0 {
		grown := float64(long.Peak) / float64(brief.Peak)
		p.figure = fmt.Sprintf("%s %.1f MB, %s %.1f MB: %+.0f %%",
			plain(long.Load.Duration), megabytes(long.Peak), plain(brief.Load.Duration), megabytes(brief.Peak), 100*(grown-1))
		p.kept = grown <= 1.2
	}
	return []promise{p}
}

func latencyPromises(all selection) (out []promise) {
	for _, c := range truthCases {
		p := promise{what: fmt.Sprintf("4. quantiles at %s within 2 %% or 2 ms of the truth, %s", perSecond(truthRate), c.name)}
		if m := all.of(latency, c.name).one(oursConstant); m != nil {
			name, off := m.worst()
			p.figure = fmt.Sprintf("worst: %s, off by %+.1f ms", name, off.Seconds()*1000)
			p.kept = near(m.Quantiles[name], m.Truth[name])
		}
		out = append(out, p)
	}
	return out
}

func hogPromises(all selection) []promise {
	p := promise{what: "5. beside a CPU hog no trial passes with a wrong p99; without one trials pass"}
	var void, failed, right, wrong, clean, alone int
	for _, m := range all.part(hogged) {
		if m.Trial.Hogs == 0 {
			alone++
			if m.Trial.Verdict == analysis.Passed {
				clean++
			}
			continue
		}
		switch {
		case m.Trial.Verdict == analysis.Void:
			void++
		case m.Trial.Verdict != analysis.Passed:
			failed++
		case m.Trial.right():
			right++
		default:
			wrong++
		}
	}
	if void+failed+right+wrong > 0 {
		p.figure = fmt.Sprintf("%d void, %d passed and right, %d passed and wrong; without a hog %d of %d passed", void, right, wrong, clean, alone)
		p.kept = wrong == 0 && failed == 0 && 2*clean > alone
	}
	return []promise{p}
}

func soakPromises(all selection) []promise {
	counts, growth := promise{what: "6. soak: no result is lost"}, promise{what: "6. soak: goroutines, descriptors and memory stay"}
	m := all.part(soak).one(ours)
	if m == nil {
		return []promise{counts, growth}
	}
	counts.figure = fmt.Sprintf("%s served, %s counted, %s kept", grouped(m.Served), grouped(m.Requests), grouped(m.Soak.Kept))
	counts.kept = m.Served == m.Requests && m.Requests == m.Soak.Kept
	if first, last, ok := m.Soak.ends(m.Load.Duration); ok {
		growth.figure = fmt.Sprintf("%s to %s: %d to %d, %d to %d, %.1f to %.1f MB",
			plain(first.At.Round(time.Second)), plain(last.At.Round(time.Second)),
			first.Goroutines, last.Goroutines, first.Descriptors, last.Descriptors, megabytes(first.Resident), megabytes(last.Resident))
		growth.kept = last.Goroutines <= first.Goroutines && last.Descriptors <= first.Descriptors && float64(last.Resident) <= 1.2*float64(first.Resident)
	}
	return []promise{counts, growth}
}
