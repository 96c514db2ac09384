package main

import (
	"slices"
	"testing"
	"time"
)

const ms = time.Millisecond

func TestRelease(t *testing.T) {
	s := stall{Every: 5 * time.Second, Length: 500 * ms, Phase: 4 * time.Second}
	for _, tt := range []struct {
		name    string
		s       stall
		at, out time.Duration
	}{
		{"no stalls", stall{}, 3 * time.Second, 3 * time.Second},
		{"before the first", s, 999 * ms, 999 * ms},
		{"at its beginning", s, 1000 * ms, 1500 * ms},
		{"within it", s, 1400 * ms, 1500 * ms},
		{"at its end", s, 1500 * ms, 1500 * ms},
		{"within the second", s, 6001 * ms, 6500 * ms},
	} {
		if got := tt.s.release(tt.at); got != tt.out {
			t.Errorf("%s: %v is served from %v, want %v", tt.name, tt.at, got, tt.out)
		}
	}
}

func TestResponseTimes(t *testing.T) {
	once := stall{Every: time.Hour, Length: 10 * ms, Phase: time.Hour - 20*ms} // from 20 to 30 ms
	for _, tt := range []struct {
		name        string
		arrivals    []time.Duration
		connections int
		s           stall
		want        []time.Duration
	}{
		{"alone", []time.Duration{0, 5 * ms}, 0, stall{}, []time.Duration{ms, ms}},
		{"all at once, without a bound", []time.Duration{0, 0, 0}, 0, stall{}, []time.Duration{ms, ms, ms}},
		{"all at once, two connections", []time.Duration{0, 0, 0, 0, 0}, 2, stall{}, []time.Duration{ms, ms, 2 * ms, 2 * ms, 3 * ms}},
		{"a stall, without a bound", []time.Duration{19 * ms, 20 * ms, 25 * ms, 30 * ms}, 0, once, []time.Duration{ms, 11 * ms, 6 * ms, ms}},
		{"a stall, one connection", []time.Duration{19 * ms, 20 * ms, 25 * ms, 30 * ms}, 1, once, []time.Duration{ms, 11 * ms, 7 * ms, 3 * ms}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := responseTimes(tt.arrivals, tt.connections, ms, tt.s); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// Six stalls hit 100 of 6,800 requests each, the first 2.5 ms late, and six at
// a time wait 5 ms less: 68 requests lie above the p99 and 7 above the p99.9, so
// that these are the twelfth and the second longest wait of a stall. With four
// connections a stall leaves 96 requests to be sent at its end, four each
// millisecond, while another comes every 5 ms.
func TestTruthOfTheLatencyPart(t *testing.T) {
	l := load{Rate: truthRate, Duration: 34 * time.Second}
	got := truth(l, ms, truthStall)
	want := map[string]time.Duration{"p50": ms, "p90": ms, "p99": 443500 * time.Microsecond, "p99.9": 493500 * time.Microsecond, "max": 498500 * time.Microsecond}
	for name, w := range want {
		if got[name] != w {
			t.Errorf("%s is %v, want %v", name, got[name], w)
		}
	}
	l.Connections = 4
	four := truth(l, ms, truthStall)
	for name, w := range want {
		if off := four[name] - w; off < 0 || off > 3*ms {
			t.Errorf("%s with 4 connections is %v, want %v to 3 ms more", name, four[name], w)
		}
	}
}

// No quantile that is compared may hang on one request more or less, nor on
// whether a request met the stall.
func TestTruthDoesNotHangOnARequest(t *testing.T) {
	for _, c := range truthCases {
		l := load{Rate: truthRate, Connections: c.connections, Duration: 34 * time.Second}
		exact := truth(l, ms, truthStall)
		for _, shift := range []time.Duration{-2 * ms, 2 * ms} {
			s := truthStall
			s.Phase += shift
			s.Length += shift
			for name, d := range truth(l, 1500*time.Microsecond, s) {
				if name != "max" && (d-exact[name]).Abs() > 5*ms {
					t.Errorf("%s: %s is %v, with another phase %v", c.name, name, exact[name], d)
				}
			}
		}
	}
}

func TestQuantilesOf(t *testing.T) {
	for _, tt := range []struct {
		n                       int
		p50, p90, p99, p999, mx time.Duration
	}{
		{0, 0, 0, 0, 0, 0},
		{1, 1, 1, 1, 1, 1},
		{10, 5, 9, 10, 10, 10},
		{1000, 500, 900, 990, 999, 1000},
	} {
		sorted := make([]time.Duration, tt.n)
		for i := range sorted {
			sorted[i] = time.Duration(i + 1)
		}
		got := quantilesOf(sorted)
		want := map[string]time.Duration{"p50": tt.p50, "p90": tt.p90, "p99": tt.p99, "p99.9": tt.p999, "max": tt.mx}
		for name, w := range want {
			if got[name] != w {
				t.Errorf("%d values: %s is %d, want %d", tt.n, name, got[name], w)
			}
		}
	}
}
