package analysis

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// The distribution and the summary of one merge name the same percentiles, and
// those of the starts lie about them.
func TestDistribution(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	starts, all := map[int]*hdr.Histogram{}, rundir.NewHistogram()
	for start, slower := range []float64{1, 1.2, 0.9} {
		h := rundir.NewHistogram()
		for range 40000 {
			if err := h.RecordValue(int64(1000 * slower * rng.ExpFloat64())); err != nil {
				t.Fatal(err)
			}
		}
		starts[start] = h
		rundir.Merge(all, h)
	}
	d, l := distribution(all, starts), rundir.Summary(all)
	if d.Count != 120000 || d.Starts != 3 || d.Max != l.Max {
		t.Errorf("%d responses of %d starts, at most %v; want 120000 of 3, at most %v", d.Count, d.Starts, d.Max, l.Max)
	}
	for share, want := range map[float64]time.Duration{0.5: l.P50, 0.75: l.P75, 0.9: l.P90, 0.95: l.P95, 0.99: l.P99, 0.999: l.P999, 0.9999: l.P9999} {
		q, ok := d.At(share)
		if !ok || q.Value != want {
			t.Errorf("the quantile of %v is %v, the summary's %v", share, q.Value, want)
		}
		if claimed := share < 0.9975; claimed != (q.Low > 0) || claimed && (q.Low >= q.Value || q.High <= q.Value) {
			t.Errorf("the starts' quantile of %v is %v to %v about %v", share, q.Low, q.High, q.Value)
		}
		if got, want := d.Claimed(share), share < 0.9992; got != want {
			t.Errorf("the quantile of %v is claimed: %v", share, got)
		}
	}
	if !slices.IsSortedFunc(d.Points, func(a, b Quantile) int { return int(a.Value - b.Value) }) {
		t.Error("the quantiles do not rise")
	}
	if last := d.Points[len(d.Points)-1].Share; last < 0.99998 || last > 1-1.0/120000 {
		t.Errorf("the last share is %v of 120000 responses", last)
	}
}

func TestDistributionOfFew(t *testing.T) {
	h := rundir.NewHistogram()
	for _, us := range []int64{900, 1100} {
		if err := h.RecordValue(us); err != nil {
			t.Fatal(err)
		}
	}
	d := distribution(h, map[int]*hdr.Histogram{4: h})
	if q, ok := d.At(0.5); !ok || q.Value != 900*time.Microsecond || q.Low != 0 || d.Claimed(0.5) {
		t.Errorf("of two responses the median is %+v, claimed: %v", q, d.Claimed(0.5))
	}
	if q, ok := d.At(0.9); ok {
		t.Errorf("of two responses p90 is %+v", q)
	}
}

// What a worker takes comes from the trials at the sustainable rate alone, a
// start being the replicate; memory is that of the fullest processes seen.
func TestCostOfAWorker(t *testing.T) {
	c := &Cell{Final: &Figure{Value: 100, N: 2}}
	c.Cell = goodTrial().Step.Cell
	var trials []Judged
	for i, cpu := range []float64{6, 8, 40} {
		tr := goodTrial()
		tr.Step.Start, tr.Step.Rate, tr.Load.Offered = i, 100, 100
		if i == 2 {
			tr.Step.Rate = 50
		}
		tr.Effective.Workers = 2
		tr.Load.Classes = map[string]rundir.Class{scenarios.All: {Sent: 1000, Good: 1000}}
		tr.Usage.Wall, tr.Usage.App = 10*time.Second, rundir.Group{CPUSeconds: cpu, PSSBytes: 90e6 + uint64(i)*3e6, Processes: 3}
		trials = append(trials, Judged{Trial: tr, Verdict: Verdict{Kind: Passed}})
	}
	for _, tr := range trials {
		c.count(tr)
	}
	c.costs(trials)
	if f := c.WorkerCPU; f == nil || f.N != 2 || f.Value < 0.3499 || f.Value > 0.3501 || !(f.Low < 0.35 && f.High > 0.35) {
		t.Errorf("a worker keeps %+v CPUs busy, want 0.35 on 2 starts", f)
	}
	if c.ProcessMemory != 32e6 {
		t.Errorf("a process has %d bytes, want 32 MB", c.ProcessMemory)
	}
}
