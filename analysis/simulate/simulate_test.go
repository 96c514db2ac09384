package simulate

import (
	"math"
	"reflect"
	"testing"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

const ms = time.Millisecond

func cell(workers, threads int) scenarios.Cell {
	return scenarios.Cell{Server: server, Proxy: scenarios.Direct, Workers: workers, Threads: threads}
}

// quiet is a trial on a machine without noise.
func quiet(w *World, step rundir.Step) rundir.Trial {
	return NewMachine(w, &scenarios.Scenario{}, Noise{}, 1).Trial(step)
}

// Open loops give the response times of queueing theory.
func TestQueues(t *testing.T) {
	exponential := func(mean time.Duration) Time { return Time{Mean: mean, Exponential: true} }
	for _, tt := range []struct {
		name      string
		world     World
		cell      scenarios.Cell
		rate      float64
		mean, p99 float64 // ms; 0: not looked at
	}{
		{"M/M/1", World{Cores: 1, Wait: exponential(10 * ms)}, cell(1, 1), 80, 50, 230.3},
		{"M/M/4", World{Cores: 1, Wait: exponential(10 * ms)}, cell(1, 4), 320, 17.46, 68.9},
		{"M/M/8", World{Cores: 1, Wait: exponential(10 * ms)}, cell(2, 4), 720, 18.77, 70.9},
		{"M/D/1", World{Cores: 1, Wait: Time{Mean: 10 * ms}}, cell(1, 1), 80, 30, 0},
		{"M/M/1-PS: processes share a core", World{Cores: 1, CPU: exponential(10 * ms)}, cell(80, 1), 80, 50, 0},
		{"M/G/1-PS is insensitive to the distribution", World{Cores: 1, CPU: Time{Mean: 10 * ms, Sigma: 1}}, cell(80, 1), 80, 50, 0},
		{"a database of 4 connections is M/M/4", World{Cores: 1, Database: exponential(10 * ms), Connections: 4}, cell(1, 80), 320, 17.46, 68.9},
	} {
		t.Run(tt.name, func(t *testing.T) {
			trial := quiet(&tt.world, rundir.Step{Cell: tt.cell, Rate: tt.rate, Warmup: 10 * time.Second, Duration: seconds(400_000 / tt.rate)})
			got := trial.Load.Classes[scenarios.All].Response
			if off := got.Mean.Seconds()*1000/tt.mean - 1; math.Abs(off) > 0.04 {
				t.Errorf("mean response %v, theory has %.2f ms", got.Mean, tt.mean)
			}
			if off := got.P99.Seconds()*1000/tt.p99 - 1; tt.p99 > 0 && math.Abs(off) > 0.06 {
				t.Errorf("99th percentile %v, theory has %.1f ms", got.P99, tt.p99)
			}
			// Little's law.
			if off := trial.Load.InFlight/(tt.rate*tt.mean/1000) - 1; math.Abs(off) > 0.05 {
				t.Errorf("%.2f in flight, λ·R is %.2f", trial.Load.InFlight, tt.rate*tt.mean/1000)
			}
		})
	}
}

// Closed loops give the throughput of arithmetic, or of mean value analysis.
func TestThroughput(t *testing.T) {
	for _, tt := range []struct {
		name  string
		world World
		cell  scenarios.Cell
		want  float64 // requests/s
	}{
		{"one worker of 5 ms", World{Cores: 1, CPU: Time{Mean: 5 * ms}}, cell(1, 1), 200},
		{"Python's lock: eight threads of one process", World{Cores: 4, CPU: Time{Mean: 10 * ms}}, cell(1, 8), 100},
		{"cores bound processes", World{Cores: 2, CPU: Time{Mean: 10 * ms}}, cell(8, 1), 200},
		{"slots bound waiting", World{Cores: 2, CPU: Time{Mean: 1 * ms}, Wait: Time{Mean: 49 * ms}}, cell(2, 2), 80},
		{"the database bounds", World{Cores: 4, CPU: Time{Mean: 1 * ms}, Database: Time{Mean: 20 * ms}, Connections: 3}, cell(4, 8), 150},
		{"mean value analysis of 4 customers", World{Cores: 1, CPU: Time{Mean: 10 * ms, Exponential: true}, Wait: Time{Mean: 50 * ms, Exponential: true}}, cell(4, 1), 60.17},
		{"mean value analysis of 16 customers", World{Cores: 1, CPU: Time{Mean: 10 * ms, Exponential: true}, Wait: Time{Mean: 50 * ms, Exponential: true}}, cell(16, 1), 100},
	} {
		t.Run(tt.name, func(t *testing.T) {
			trial := quiet(&tt.world, rundir.Step{Cell: tt.cell, Connections: 2 * tt.cell.Slots(), Warmup: 5 * time.Second, Duration: 300 * time.Second})
			if off := trial.Load.Goodput/tt.want - 1; math.Abs(off) > 0.02 {
				t.Errorf("%.1f requests/s, want %.1f", trial.Load.Goodput, tt.want)
			}
			cpu := trial.Usage.App.CPUSeconds / float64(trial.Load.Sent)
			if off := cpu/tt.world.CPU.Mean.Seconds() - 1; math.Abs(off) > 0.02 {
				t.Errorf("%.2f ms of CPU a request, want %v", 1000*cpu, tt.world.CPU.Mean)
			}
		})
	}
}

// A seed gives the same trials, and noise spreads them as much as it says.
func TestNoise(t *testing.T) {
	w := NewWorld("mixed", 3)
	step := rundir.Step{Cell: cell(2, 2), Connections: 8, Warmup: 5 * time.Second, Duration: 20 * time.Second}
	trials := func(seed uint64) (rates []float64) {
		m := NewMachine(w, w.Scenario(1), NewNoise(0.05), seed)
		for i := range 40 {
			step.Start = i
			rates = append(rates, m.Trial(step).Load.Goodput)
		}
		return rates
	}
	a := trials(1)
	if !reflect.DeepEqual(a, trials(1)) {
		t.Error("the same seed gave other trials")
	}
	var sum, squares float64
	for _, r := range a {
		sum, squares = sum+math.Log(r), squares+math.Log(r)*math.Log(r)
	}
	n := float64(len(a))
	sd := math.Sqrt((squares - sum*sum/n) / (n - 1))
	// √(0.05²/4 + 0.015² + drift) is 3 to 4 %, and requests differ.
	if sd < 0.02 || sd > 0.06 {
		t.Errorf("throughputs spread by %.1f %%, want 3 to 4 %%", 100*sd)
	}
}

func TestClock(t *testing.T) {
	c := &clock{speeds: []float64{1, 0.5, 2}, ends: []float64{5, 7.5, 17.5}}
	for wall, machine := range map[float64]float64{0: 0, 3: 3, 5: 5, 7: 6, 10: 7.5, 11: 9.5, 20: 27.5} {
		if got := c.machine(wall); math.Abs(got-machine) > 1e-9 {
			t.Errorf("machine(%g) = %g, want %g", wall, got, machine)
		}
		if got := c.wall(machine); math.Abs(got-wall) > 1e-9 {
			t.Errorf("wall(%g) = %g, want %g", machine, got, wall)
		}
	}
}

// An overloaded trial is cut short, a light one is not.
func TestAbort(t *testing.T) {
	w := NewWorld("cpu", 1)
	c := cell(w.Cores, 1)
	x := w.Saturation(c)
	m := NewMachine(w, w.Scenario(1), Noise{}, 1)
	step := rundir.Step{Cell: c, Rate: 1.3 * x, Warmup: 5 * time.Second, Duration: time.Minute}
	if over := m.Trial(step); over.Load.Aborted == "" || over.Load.Span >= step.Duration {
		t.Errorf("at 1.3 of its throughput: aborted %q after %v", over.Load.Aborted, over.Load.Span)
	}
	step.Rate = 0.5 * x
	if under := m.Trial(step); under.Load.Aborted != "" || under.Load.Span != step.Duration {
		t.Errorf("at half of its throughput: aborted %q after %v", under.Load.Aborted, under.Load.Span)
	}
}

func BenchmarkTrial(b *testing.B) {
	w := NewWorld("mixed", 1)
	m := NewMachine(w, w.Scenario(1), NewNoise(0.05), 1)
	sent := uint64(0)
	for b.Loop() {
		sent += m.Trial(rundir.Step{Cell: cell(4, 4), Connections: 32, Warmup: time.Second, Duration: time.Minute}).Load.Sent
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(sent), "ns/request")
}
