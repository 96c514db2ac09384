package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sweetspot/analysis"
	"sweetspot/reports"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// capacityFlags are the flags of the capacity command.
type capacityFlags struct {
	rate     float64
	limits   map[string]*time.Duration // by metric
	headroom string
	growth   string
	cell     string
	json     bool
}

func newCapacity() *cobra.Command {
	f := capacityFlags{limits: map[string]*time.Duration{}}
	c := &cobra.Command{
		Use:   "capacity RUN_DIR --rate REQUESTS_PER_SECOND",
		Short: "Say how many machines a load needs, by what a run measured",
		Long: `Capacity turns a run into a plan: how many machines like the measured one hold a
load, what its next doubling costs, and which latency to expect. It interpolates
between measured loads and never extrapolates. Without a latency of its own the
plan keeps the objectives of the run.

With --growth it reads daily peaks, lines of a date and requests/s, and says
when the planned machines are full.`,
		Example: `  sweetspot capacity runs/django-shop-20260102T030405Z --rate 3000
  sweetspot capacity runs/django-shop-20260102T030405Z --rate 3000 --p99 250ms --headroom 30%
  sweetspot capacity runs/django-shop-20260102T030405Z --rate 3000 --growth peaks.csv --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return f.plan(args[0], c.OutOrStdout()) },
	}
	c.Flags().Float64Var(&f.rate, "rate", 0, "requests/s at the peak, over all machines")
	for _, m := range []string{"p50", "p95", "p99"} {
		f.limits[m] = c.Flags().Duration(m, 0, "limit of the response time's "+m+" (default the run's objectives)")
	}
	c.Flags().StringVar(&f.headroom, "headroom", "30%", "share of what a machine sustains that is to stay free")
	c.Flags().StringVar(&f.growth, "growth", "", "CSV file of daily peaks: date as 2026-01-31, requests/s")
	c.Flags().StringVar(&f.cell, "cell", "", "the configuration to plan with (default the recommended one)")
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	return c
}

// plan is the straight line from a run to its plan.
func (f *capacityFlags) plan(dir string, w io.Writer) error {
	demand, err := f.demand()
	if err != nil {
		return err
	}
	var peaks []analysis.Peak
	if f.growth != "" {
		if peaks, err = readPeaks(f.growth); err != nil {
			return badInput(err)
		}
	}
	run, err := rundir.Read(dir)
	if err != nil {
		return badInput(err)
	}
	res, err := judged(run, "")
	if err != nil {
		return err
	}
	cell, err := f.chosen(res)
	if err != nil {
		return err
	}
	out := reports.Capacity{}
	if out.Plan, err = analysis.NewPlan(cell, demand); err != nil {
		return exitError{exitInconclusive, fmt.Errorf("plan by %s: %w", dir, err)}
	}
	if len(peaks) > 0 {
		if out.Growth, err = analysis.FitGrowth(peaks); err != nil {
			return badInputf("%s: %w", f.growth, err)
		}
		out.Full = out.Growth.Full(float64(out.Plan.Machines) * out.Plan.Usable)
	}
	if !f.json {
		_, err = w.Write(reports.CapacityText(out))
		return err
	}
	b, err := reports.CapacityJSON(out)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

// demand reads the flags.
func (f *capacityFlags) demand() (analysis.Demand, error) {
	d := analysis.Demand{Rate: f.rate}
	if f.rate <= 0 {
		return d, badInputf("--rate is missing: give the requests/s to plan for, as --rate 3000")
	}
	text, isPercent := strings.CutSuffix(strings.TrimSpace(f.headroom), "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if isPercent {
		v /= 100
	}
	if err != nil || v < 0 || v >= 1 {
		return d, badInputf("--headroom %s: want a share from 0%% to less than 100%%, as 30%% or 0.3", f.headroom)
	}
	d.Headroom = v
	for metric, limit := range f.limits {
		switch {
		case *limit == 0:
		case *limit < 0:
			return d, badInputf("--%s %v: want a time above 0, as 250ms", metric, *limit)
		case d.Objective != nil:
			return d, badInputf("--%s and --%s: give one limit; a run's objectives may be several", d.Objective.Metric, metric)
		default:
			d.Objective = &scenarios.Objective{Class: scenarios.All, Metric: metric, Limit: *limit}
		}
	}
	return d, nil
}

// chosen returns the cell to plan with.
func (f *capacityFlags) chosen(res *analysis.Result) (*analysis.Cell, error) {
	if f.cell == "" {
		if res.Winner == nil {
			return nil, exitError{exitInconclusive, fmt.Errorf("the run recommends no configuration to plan with: %s; name one with --cell", res.Because)}
		}
		return res.Winner, nil
	}
	names := []string{}
	for _, c := range res.Cells {
		if c.Cell.String() == f.cell {
			return c, nil
		}
		names = append(names, c.Cell.String())
	}
	return nil, badInputf("--cell %s: the run has no such configuration; it has\n  %s", f.cell, strings.Join(names, "\n  "))
}

// readPeaks reads daily peaks. A first line without a date is a heading.
func readPeaks(name string) (peaks []analysis.Peak, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	r := csv.NewReader(file)
	r.FieldsPerRecord, r.TrimLeadingSpace, r.Comment = 2, true, '#'
	for {
		record, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read daily peaks: %s: %w: write lines such as 2026-01-31,1250", name, err)
		}
		line, _ := r.FieldPos(0)
		day, err := time.Parse(time.DateOnly, record[0])
		if err != nil && len(peaks) == 0 && line == 1 {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %q is no date: write it as 2026-01-31", name, line, record[0])
		}
		rate, err := strconv.ParseFloat(strings.TrimSpace(record[1]), 64)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %q is no rate: write requests/s as 1250", name, line, record[1])
		}
		peaks = append(peaks, analysis.Peak{Day: day, Rate: rate})
	}
	if len(peaks) == 0 {
		return nil, fmt.Errorf("%s: it holds no daily peaks: write lines such as 2026-01-31,1250", name)
	}
	return peaks, nil
}
