package main

import (
	"fmt"
	"time"

	"sweetspot/analysis"
	"sweetspot/runner/attack"
	"sweetspot/runner/rundir"
	"sweetspot/runner/sample"
	"sweetspot/scenarios"
)

// judgeSpec makes an engine judge its attack as a run judges a trial.
type judgeSpec struct {
	OwnCPUs []int // the generator's own
	Groups  []int // process groups that count as the application's
	Prefer  bool  // ask for the nice value that a run asks for
}

// judged is an attack that is watched for its verdict.
type judged struct {
	sampler *sample.Sampler
	began   time.Time
}

func startJudging(s judgeSpec) (j judged, err error) {
	if s.Prefer {
		if _, err := sample.PreferSelf(); err != nil {
			return j, err
		}
	}
	j.began = time.Now()
	if j.sampler, err = sample.Start(sample.Roles{App: s.Groups}, sample.Options{OwnCPUs: s.OwnCPUs}); err != nil {
		return j, fmt.Errorf("sample: %w", err)
	}
	return j, nil
}

// judge completes the report with the trial and its verdict. Of the stack it
// says that it is what it should be, for that is not what is to be judged.
func (j judged) judge(report *engineReport, spec attack.Spec, res attack.Result) error {
	usage, err := j.sampler.Stop()
	if err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	cell := scenarios.Cell{Server: "truth", Proxy: scenarios.Direct, Workers: 1, Threads: 1}
	trial := rundir.Trial{
		ID: 1, Began: j.began,
		Step:      rundir.Step{Cell: cell, Rate: spec.Rate, Duration: spec.Duration},
		Effective: rundir.Effective{Workers: cell.Processes()},
		Load:      res.Load, Usage: usage,
	}
	verdict := analysis.Judge(&scenarios.Scenario{}, trial)
	report.Trial, report.Verdict, report.Reasons = &trial, verdict.Kind, verdict.Reasons
	return nil
}
