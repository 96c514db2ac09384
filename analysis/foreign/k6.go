package foreign

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// k6Summary is a summary of k6 in any of its forms: what --summary-export
// writes, what handleSummary gets, and what either is with
// --new-machine-readable-summary.
type k6Summary struct {
	metrics map[string]map[string]float64 // numbers by name of the metric and of the number
	took    time.Duration                 // 0 when it is not told
}

// isK6 tells a summary of k6, or its metrics alone.
func isK6(in *input) bool {
	top := in.top()
	if _, ok := top["http_reqs"]; ok {
		return true
	}
	var metrics map[string]json.RawMessage
	if json.Unmarshal(top["metrics"], &metrics) == nil && len(metrics) > 0 {
		return true
	}
	var newer struct {
		Version string `json:"k6_version"`
	}
	return json.Unmarshal(top["metadata"], &newer) == nil && newer.Version != ""
}

// K6 reads k6's summary. Its latencies are in milliseconds.
func K6(b []byte) (Single, error) {
	s := Single{
		Tool: "k6", Clock: FromSending,
		ErrorsAre: "requests that k6 takes for failed: other than 2xx and 3xx unless the script says otherwise, and those without an answer",
		Cannot:    []string{"waiting for a connection: http_req_duration has none of it"},
	}
	said, err := k6Metrics(b)
	if err != nil {
		return s, fmt.Errorf("summary of k6: %w", err)
	}
	requests, ok := said.metrics["http_reqs"]
	if !ok {
		return s, errors.New("summary of k6: it has no http_reqs: the script made no HTTP request")
	}
	if s.Requests, err = whole64(requests["count"], "http_reqs"); err != nil {
		return s, err
	}
	failed := said.metrics["http_req_failed"]
	if s.Errors, err = whole64(max(failed["passes"], failed["matches"]), "http_req_failed"); err != nil {
		return s, err
	}
	s.Rate, s.Samples, s.Duration = requests["rate"], s.Requests, said.took
	switch {
	case s.Duration > 0 && s.Rate == 0:
		s.Rate = float64(s.Requests) / s.Duration.Seconds()
	case s.Duration == 0 && s.Rate > 0:
		if s.Duration, err = seconds(float64(s.Requests) / s.Rate); err != nil {
			return s, err
		}
	}
	if s.Quantiles, err = k6Quantiles(said.metrics["http_req_duration"]); err != nil {
		return s, err
	}
	if dropped := said.metrics["dropped_iterations"]["count"]; dropped > 0 {
		s.Loop = Open
		s.Cannot = append(s.Cannot, fmt.Sprintf("the latency of %.0f iterations that its schedule had and that no free VU could make (dropped_iterations)", dropped))
	} else {
		s.Cannot = append(s.Cannot, "whether it was an open loop: the summary does not name the executor")
	}
	return s.check()
}

func k6Metrics(b []byte) (k6Summary, error) {
	out := k6Summary{metrics: map[string]map[string]float64{}}
	var top map[string]json.RawMessage
	if err := decode(b, &top); err != nil {
		return out, err
	}
	if text, ok := top["results"]; ok {
		return k6Newer(top["config"], text)
	}
	if text, ok := top["state"]; ok {
		var state struct{ TestRunDurationMs float64 }
		err := decode(text, &state)
		if err == nil {
			out.took, err = seconds(state.TestRunDurationMs / 1000)
		}
		if err != nil {
			return out, fmt.Errorf("state: %w", err)
		}
	}
	all := top
	if text, ok := top["metrics"]; ok {
		all = nil
		if err := decode(text, &all); err != nil {
			return out, fmt.Errorf("metrics: %w", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		var m map[string]json.RawMessage
		if json.Unmarshal(all[name], &m) != nil {
			continue // not one
		}
		if text, ok := m["values"]; ok {
			m = nil
			if err := decode(text, &m); err != nil {
				return out, fmt.Errorf("%q: %w", name, err)
			}
		}
		out.metrics[name] = numbers(m)
	}
	return out, nil
}

// k6Newer reads the parts of the newer form.
func k6Newer(config, results json.RawMessage) (k6Summary, error) {
	out := k6Summary{metrics: map[string]map[string]float64{}}
	var c struct{ Duration float64 }
	var r struct {
		Metrics []struct {
			Name   string
			Values map[string]json.RawMessage
		}
	}
	if err := decode(results, &r); err != nil {
		return out, fmt.Errorf("results: %w", err)
	}
	if config != nil {
		if err := decode(config, &c); err != nil {
			return out, fmt.Errorf("config: %w", err)
		}
	}
	for _, m := range r.Metrics {
		out.metrics[m.Name] = numbers(m.Values)
	}
	var err error
	out.took, err = seconds(c.Duration)
	return out, err
}

// numbers keeps the values that are numbers.
func numbers(m map[string]json.RawMessage) map[string]float64 {
	out := map[string]float64{}
	for key, text := range m {
		var x float64
		if json.Unmarshal(text, &x) == nil {
			out[key] = x
		}
	}
	return out
}

// k6Quantiles takes those that summaryTrendStats asked for, as p(95) or p95.
func k6Quantiles(trend map[string]float64) (map[string]time.Duration, error) {
	out := map[string]time.Duration{}
	for key, ms := range trend {
		name := key
		switch {
		case key == "med":
			name = "p50"
		case key == most:
		case strings.HasPrefix(key, "p"):
			p, err := strconv.ParseFloat(strings.Trim(key[1:], "()"), 64)
			if err != nil || !(p > 0 && p < 100) {
				continue
			}
			name = percentile(p)
		default:
			continue
		}
		d, err := seconds(ms / 1000)
		if err != nil {
			return nil, fmt.Errorf("http_req_duration, %s: %w", key, err)
		}
		out[name] = d
	}
	return out, nil
}
