package main

import (
	"math"
	"testing"
	"time"
)

func TestRatioOf(t *testing.T) {
	for _, tt := range []struct {
		name            string
		a, b            map[int]float64
		mean, low, high float64
		pairs           int
		text            string
	}{
		{"nothing", nil, nil, 0, 0, 0, 0, "–"},
		{"no common round", map[int]float64{1: 5}, map[int]float64{2: 5}, 0, 0, 0, 0, "–"},
		{"one pair", map[int]float64{1: 6}, map[int]float64{1: 4}, 1.5, math.NaN(), math.NaN(), 1, "1.50"},
		{"what a round did to both cancels", map[int]float64{1: 6, 2: 60}, map[int]float64{1: 4, 2: 40}, 1.5, 1.5, 1.5, 2, "1.50 [1.50–1.50]"},
		// Logs 0, ln 2, 2 ln 2: mean ln 2, standard error ln 2 / √3, t = 4.3027.
		{"three pairs", map[int]float64{1: 1, 2: 2, 3: 4}, map[int]float64{1: 1, 2: 1, 3: 1}, 2, 0.3575, 11.190, 3, "2.00 [0.36–11.19]"},
		{"a round without a figure", map[int]float64{1: 6, 2: 0}, map[int]float64{1: 4, 2: 40}, 1.5, math.NaN(), math.NaN(), 1, "1.50"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ratioOf(tt.a, tt.b)
			if got.pairs != tt.pairs || !same(got.mean, tt.mean) || !same(got.low, tt.low) || !same(got.high, tt.high) {
				t.Errorf("got %+v, want %v, %v to %v from %d", got, tt.mean, tt.low, tt.high, tt.pairs)
			}
			if got.String() != tt.text {
				t.Errorf("got %q, want %q", got, tt.text)
			}
		})
	}
}

func same(a, b float64) bool {
	return math.Abs(a-b) < 1e-3*math.Max(1, math.Abs(b)) || math.IsNaN(a) && math.IsNaN(b)
}

func TestCPUOf100kRequests(t *testing.T) {
	for _, tt := range []struct {
		name string
		m    measurement
		want float64
	}{
		{"without starting", measurement{reading: reading{Requests: 12_000}, CPU: 1500 * ms, StartRequests: 2000, StartCPU: 500 * ms}, 10},
		{"no more than starting", measurement{reading: reading{Requests: 12_000}, CPU: 500 * ms, StartRequests: 2000, StartCPU: 500 * ms}, 0},
		{"not measured", measurement{Error: "broken", CPU: time.Second}, 0},
	} {
		if got := tt.m.cpuPer100k(); !same(got, tt.want) {
			t.Errorf("%s: %v s, want %v", tt.name, got, tt.want)
		}
	}
}

func TestMiscounted(t *testing.T) {
	for _, tt := range []struct {
		name           string
		served, counts uint64
		want           bool
	}{
		{"alike", 10_000, 10_000, false},
		{"a few at the end", 10_000, 10_060, false},
		{"the tool counts more", 10_000, 10_200, true},
		{"the server counts more", 10_200, 10_000, true},
		{"the server was not asked", 0, 10_000, false},
	} {
		m := measurement{Load: load{Connections: 32}, reading: reading{Requests: tt.counts}, Served: tt.served}
		if got := m.miscounted(); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestNear(t *testing.T) {
	for _, tt := range []struct {
		name      string
		got, want time.Duration
		is        bool
	}{
		{"2 ms of little", 3 * ms, ms, true},
		{"more than 2 ms of little", 3100 * time.Microsecond, ms, false},
		{"2 % of much", 490 * ms, 500 * ms, true},
		{"more than 2 % of much", 489 * ms, 500 * ms, false},
	} {
		if is := near(tt.got, tt.want); is != tt.is {
			t.Errorf("%s: %v, want %v", tt.name, is, tt.is)
		}
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}
