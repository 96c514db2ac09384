package main

import (
	"math"
	"slices"
	"time"
)

// stall is how a server stops: all requests that come to it in the first
// Length of each period of Every wait for the end of that time.
type stall struct {
	Every  time.Duration // 0: it never stops
	Length time.Duration
	Phase  time.Duration // place within a period at which the first request comes
}

// release returns when a request that comes to the server at t, from the first
// request on, begins to be served.
func (s stall) release(t time.Duration) time.Duration {
	if s.Every == 0 {
		return t
	}
	if place := (t + s.Phase) % s.Every; place < s.Length {
		return t + s.Length - place
	}
	return t
}

// constantArrivals is n scheduled times at a rate per second, the first at 0.
func constantArrivals(rate float64, n int) []time.Duration {
	out := make([]time.Duration, n)
	for k := range out {
		out[k] = seconds(float64(k) / rate)
	}
	return out
}

// responseTimes returns how long each request takes from its scheduled time to
// its answer, when the server takes service for each as soon as it is not
// stalled. Of connections requests can be on their way at once, the others
// wait for the first to be answered, in order; 0 means any number.
func responseTimes(arrivals []time.Duration, connections int, service time.Duration, s stall) []time.Duration {
	out := make([]time.Duration, len(arrivals))
	free := make([]time.Duration, connections) // when each connection is
	for i, due := range arrivals {
		sent, first := due, 0
		for c := range free {
			if free[c] < free[first] {
				first = c
			}
		}
		if connections > 0 {
			sent = max(due, free[first])
		}
		answered := s.release(sent) + service
		if connections > 0 {
			free[first] = answered
		}
		out[i] = answered - due
	}
	return out
}

// quantilesOf returns the latencies that are compared, of values in rising
// order: the value of rank ⌊q·n + ½⌋, as HdrHistogram counts.
func quantilesOf(sorted []time.Duration) map[string]time.Duration {
	out := map[string]time.Duration{}
	if len(sorted) == 0 {
		return out
	}
	for _, q := range quantiles {
		rank := int(math.Floor(q.share*float64(len(sorted)) + 0.5))
		out[q.name] = sorted[min(max(rank, 1), len(sorted))-1]
	}
	return out
}

// truth returns the latencies of a load with a constant rate, as a tool would
// measure them that sends each request when it is due, or as soon after as a
// connection is free.
func truth(l load, service time.Duration, s stall) map[string]time.Duration {
	arrivals := constantArrivals(l.Rate, int(l.Rate*l.Duration.Seconds()+0.5))
	took := responseTimes(arrivals, l.Connections, service, s)
	slices.Sort(took)
	return quantilesOf(took)
}
