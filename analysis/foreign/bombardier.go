package foreign

import (
	"fmt"
	"strconv"
	"time"
)

// Bombardier reads the JSON of bombardier, whose latencies are in microseconds.
// It gives no p99.9.
func Bombardier(b []byte) (Single, error) {
	s := Single{
		Tool: "bombardier", Loop: Closed, Clock: FromSending,
		ErrorsAre: "answers other than 2xx and 3xx, and requests without an answer",
		Cannot:    []string{"how long requests would have waited during a stall: each connection waits for its answer before it goes on"},
	}
	var said struct {
		Spec struct {
			NumberOfConnections int
			URL                 string
		}
		Result struct {
			TimeTakenSeconds                               float64
			Req1xx, Req2xx, Req3xx, Req4xx, Req5xx, Others uint64
			Latency                                        struct {
				Max         float64
				Percentiles map[string]float64
			}
		}
	}
	if err := decode(b, &said); err != nil {
		return s, fmt.Errorf("result of bombardier: %w", err)
	}
	r := said.Result
	for _, n := range []uint64{r.Req1xx, r.Req2xx, r.Req3xx, r.Req4xx, r.Req5xx, r.Others} {
		if n > mostCount {
			return s, fmt.Errorf("result of bombardier: %d is no number of requests", n)
		}
	}
	good := r.Req2xx + r.Req3xx
	s.Errors = r.Req1xx + r.Req4xx + r.Req5xx + r.Others
	s.Requests, s.Samples = good+s.Errors, good+s.Errors
	s.Target, s.Connections = said.Spec.URL, min(max(said.Spec.NumberOfConnections, 0), 1<<20)
	var err error
	if s.Duration, err = seconds(r.TimeTakenSeconds); err != nil {
		return s, fmt.Errorf("result of bombardier: %w", err)
	}
	if s.Duration > 0 {
		s.Rate = float64(good) / s.Duration.Seconds()
	}
	s.Quantiles = map[string]time.Duration{}
	if s.Quantiles[most], err = seconds(r.Latency.Max / 1e6); err != nil {
		return s, fmt.Errorf("result of bombardier: %w", err)
	}
	for key, us := range r.Latency.Percentiles {
		p, err := strconv.ParseFloat(key, 64)
		if err != nil || !(p > 0 && p < 100) {
			continue
		}
		if s.Quantiles[percentile(p)], err = seconds(us / 1e6); err != nil {
			return s, fmt.Errorf("result of bombardier, %s: %w", key, err)
		}
	}
	return s.check()
}
