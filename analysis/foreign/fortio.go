package foreign

import (
	"fmt"
	"time"
)

// Fortio reads the JSON of fortio, whose times are in seconds.
func Fortio(b []byte) (Single, error) {
	s := Single{
		Tool: "fortio", Loop: Closed, Clock: FromSending,
		ErrorsAre: "answers other than 2xx and 3xx, and requests without an answer",
		Cannot:    []string{"how long requests would have waited during a stall: each thread waits for its answer before it goes on"},
	}
	var said struct {
		URL               string
		ActualQPS         float64
		ActualDuration    int64 // ns
		NumThreads        int
		RetCodes          map[string]uint64
		DurationHistogram struct {
			Count       uint64
			Max         float64
			Percentiles []struct{ Percentile, Value float64 }
		}
	}
	if err := decode(b, &said); err != nil {
		return s, fmt.Errorf("result of fortio: %w", err)
	}
	h := said.DurationHistogram
	var good uint64
	for code, n := range said.RetCodes {
		if n > mostCount {
			return s, fmt.Errorf("result of fortio: %d is no number of requests", n)
		}
		if len(code) == 3 && code >= "200" && code < "400" {
			good += n
		}
	}
	s.Requests, s.Samples, s.Rate = h.Count, h.Count, said.ActualQPS
	s.Errors = h.Count - min(good, h.Count)
	s.Target, s.Connections = said.URL, min(max(said.NumThreads, 0), 1<<20)
	var err error
	if s.Duration, err = seconds(float64(said.ActualDuration) / 1e9); err != nil {
		return s, fmt.Errorf("result of fortio: %w", err)
	}
	s.Quantiles = map[string]time.Duration{}
	if s.Quantiles[most], err = seconds(h.Max); err != nil {
		return s, fmt.Errorf("result of fortio: %w", err)
	}
	for _, p := range h.Percentiles {
		if !(p.Percentile > 0 && p.Percentile < 100) {
			continue
		}
		if s.Quantiles[percentile(p.Percentile)], err = seconds(p.Value); err != nil {
			return s, fmt.Errorf("result of fortio, p%v: %w", p.Percentile, err)
		}
	}
	return s.check()
}
