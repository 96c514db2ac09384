package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sweetspot/analysis"
	"sweetspot/reports"
	"sweetspot/scenarios"
)

// capacityFlags are the flags of the capacity command.
type capacityFlags struct {
	rate     float64
	limits   map[string]*time.Duration // by metric
	headroom string
	cores    float64
	growth   string
	cell     string
	plot     string
	json     bool
}

// limited are the statistics of the response time that a plan can limit.
var limited = []string{scenarios.Mean, "p50", "p95", "p99"}

func newCapacity() *cobra.Command {
	f := capacityFlags{limits: map[string]*time.Duration{}}
	c := &cobra.Command{
		Use:   "capacity RUN_DIR --rate REQUESTS_PER_SECOND",
		Short: "Say how many machines a load needs, by what a run measured",
		Long: `Capacity turns a run into a plan: how many machines like the measured one hold a
load, what its next doubling costs, and which latency to expect. It interpolates
between measured loads and never extrapolates. Without a latency of its own the
plan keeps the objectives of the run.

With --cores it plans machines on which the application has another number of
cores, by the scalability law of a run that measured several (search.cores of
the scenario). Where the data do not carry that, it says why and what to measure.

With --growth it reads daily peaks, lines of a date and requests/s, and says
when the planned machines are full.`,
		Example: `  sweetspot capacity runs/django-shop-20260102T030405Z --rate 3000
  sweetspot capacity runs/django-shop-20260102T030405Z --rate 3000 --p99 250ms --headroom 30%
  sweetspot capacity runs/django-shop-20260102T030405Z --rate 3000 --cores 8 --plot capacity.svg
  sweetspot capacity runs/django-shop-20260102T030405Z --rate 3000 --growth peaks.csv --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(c.Flags().Changed("cores")); err != nil {
				return err
			}
			return f.plan(args[0], c.OutOrStdout())
		},
	}
	c.Flags().Float64Var(&f.rate, "rate", 0, "requests/s at the peak, over all machines")
	for _, m := range limited {
		f.limits[m] = c.Flags().Duration(m, 0, "limit of the response time's "+m+" (default the run's objectives)")
	}
	c.Flags().StringVar(&f.headroom, "headroom", "", "share of what a machine sustains that is to stay free (default the scenario's limits.headroom)")
	c.Flags().Float64Var(&f.cores, "cores", 0, "cores of the application on each machine, whole or not (default those of the run)")
	c.Flags().StringVar(&f.growth, "growth", "", "CSV file of daily peaks: date as 2026-01-31, requests/s")
	c.Flags().StringVar(&f.cell, "cell", "", "the configuration to plan with (default the recommended one)")
	c.Flags().StringVar(&f.plot, "plot", "", "write throughput against cores to this file, .svg or .png")
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	return c
}

// check refuses flags that ask for nothing.
func (f *capacityFlags) check(withCores bool) error {
	switch {
	case !(f.rate > 0) || math.IsInf(f.rate, 0):
		return badInputf("--rate is missing: give the requests/s to plan for, as --rate 3000")
	case withCores && (!(f.cores > 0) || math.IsInf(f.cores, 0)):
		return badInputf("--cores %g: want a number above 0, as 8 or 1.5", f.cores)
	case f.plot != "" && plotKind(f.plot) == "":
		return badInputf("--plot %s: name a file that ends with .svg or .png", f.plot)
	}
	return nil
}

// plotKind is svg or png by the name of a file; empty for others.
func plotKind(name string) string {
	switch ext := filepath.Ext(name); ext {
	case ".svg", ".png":
		return ext[1:]
	}
	return ""
}

// plan is the straight line from a run to its plan.
func (f *capacityFlags) plan(dir string, w io.Writer) error {
	run, err := readRun(dir)
	if err != nil {
		return err
	}
	demand, err := f.demand(run.Manifest.Scenario.Limits.Headroom)
	if err != nil {
		return err
	}
	res, err := judged(run, "")
	if err != nil {
		return err
	}
	cell, err := f.chosen(res)
	if err != nil {
		return err
	}
	out := reports.Capacity{Scaled: scalingOf(res, cell)}
	if out.Plan, err = analysis.NewPlan(cell, out.Scaled, demand); err != nil {
		return exitError{exitInconclusive, fmt.Errorf("plan by %s: %w", dir, err)}
	}
	if err := f.forecast(&out); err != nil {
		return err
	}
	if err := f.draw(out.Scaled); err != nil {
		return err
	}
	return f.print(out, w)
}

// scalingOf is how the throughput of a cell goes with its cores; nil for a cell
// other than the one that was measured on several.
func scalingOf(res *analysis.Result, cell *analysis.Cell) *analysis.Scaling {
	if cell != res.Winner {
		return nil
	}
	return res.Scaling
}

// forecast reads the daily peaks, if any, and says when the planned machines
// are full.
func (f *capacityFlags) forecast(c *reports.Capacity) error {
	if f.growth == "" {
		return nil
	}
	peaks, err := readPeaks(f.growth)
	if err != nil {
		return badInput(err)
	}
	if c.Growth, err = analysis.FitGrowth(peaks); err != nil {
		return badInputf("%s: %w", f.growth, err)
	}
	c.Full = c.Growth.Full(float64(c.Plan.Machines) * c.Plan.Usable)
	return nil
}

// draw writes the plot, if it is asked for.
func (f *capacityFlags) draw(s *analysis.Scaling) error {
	if f.plot == "" {
		return nil
	}
	b, err := reports.CapacityPlot(s, plotKind(f.plot))
	if err != nil {
		return exitError{exitInconclusive, err}
	}
	return os.WriteFile(f.plot, b, 0o644)
}

func (f *capacityFlags) print(c reports.Capacity, w io.Writer) error {
	b := reports.CapacityText(c)
	if f.json {
		var err error
		if b, err = reports.CapacityJSON(c); err != nil {
			return err
		}
	}
	_, err := w.Write(b)
	return err
}

// demand reads the flags. Without one of its own the headroom is the
// scenario's.
func (f *capacityFlags) demand(headroom scenarios.Share) (analysis.Demand, error) {
	d := analysis.Demand{Rate: f.rate, Cores: f.cores, Headroom: float64(headroom)}
	if f.headroom != "" {
		v, err := scenarios.ParseShare(f.headroom)
		if err != nil || v < 0 || v >= 1 {
			return d, badInputf("--headroom %s: want a share from 0%% to less than 100%%, as 30%% or 0.3", f.headroom)
		}
		d.Headroom = float64(v)
	}
	for _, metric := range limited {
		limit := f.limits[metric]
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
