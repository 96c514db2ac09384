package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sweetspot/scenarios"
)

// Every engine counts what the server counts, and what it keeps.
func TestEnginesCountWhatTheServerCounts(t *testing.T) {
	var served atomic.Uint64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		served.Add(1)
		_, _ = io.WriteString(w, "page")
	}))
	defer server.Close()
	raw := filepath.Join(t.TempDir(), rawName)
	for _, tt := range []struct {
		name string
		spec engineSpec
	}{
		{"sweetspot, open loop", engineSpec{Engine: sweetspotEngine, Rate: 300, Arrivals: scenarios.Poisson, Seed: 1, Raw: raw}},
		{"sweetspot, closed loop", engineSpec{Engine: sweetspotEngine, Connections: 4, MaxHits: 2000, Raw: raw, Every: time.Millisecond}},
		{"sweetspot, judged", engineSpec{Engine: sweetspotEngine, Rate: 300, Arrivals: scenarios.Constant, Raw: raw, Judge: &judgeSpec{}}},
		{"vegeta, open loop", engineSpec{Engine: vegetaEngine, Rate: 300}},
		{"vegeta, closed loop", engineSpec{Engine: vegetaEngine, Connections: 4}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			served.Store(0)
			tt.spec.Address, tt.spec.Path = strings.TrimPrefix(server.URL, "http://"), pagePath
			tt.spec.Duration = 300 * time.Millisecond
			if tt.spec.MaxHits > 0 {
				tt.spec.Duration = time.Minute // it ends by its hits
			}
			argument, err := json.Marshal(tt.spec)
			if err != nil {
				t.Fatal(err)
			}
			var stdout strings.Builder
			if err := runEngine(t.Context(), string(argument), &stdout); err != nil {
				t.Fatal(err)
			}
			r, err := parseReport([]byte(stdout.String()))
			if err != nil {
				t.Fatal(err)
			}
			if r.Reading.Requests != served.Load() || r.Reading.Requests == 0 || r.Reading.Errors != 0 {
				t.Errorf("%d requests with %d errors, the server counted %d", r.Reading.Requests, r.Reading.Errors, served.Load())
			}
			// At its end vegeta drops what is late, sweetspot sends it.
			if sent := r.Reading.Requests; tt.spec.Rate > 0 && (sent > r.Planned || sent < r.Planned && tt.spec.Engine == sweetspotEngine) {
				t.Errorf("%d planned, %d sent", r.Planned, r.Reading.Requests)
			}
			for _, q := range quantiles {
				if r.Reading.Quantiles[q.name] <= 0 {
					t.Errorf("no %s: %v", q.name, r.Reading.Quantiles)
				}
			}
			if tt.spec.Raw != "" {
				if kept, err := countFile(raw); err != nil || kept != served.Load() {
					t.Errorf("%d results kept, %v; the server counted %d", kept, err, served.Load())
				}
			}
			if tt.spec.Every > 0 && (len(r.Points) == 0 || r.Points[0].Goroutines == 0 || r.Points[0].Descriptors == 0 || r.Points[0].Resident == 0) {
				t.Errorf("points %+v", r.Points)
			}
			if tt.spec.Judge != nil && (r.Verdict == "" || r.Trial == nil || r.Trial.Usage.Wall <= 0) {
				t.Errorf("verdict %q on %+v", r.Verdict, r.Trial)
			}
		})
	}
}

func TestAnUnknownEngineIsRefused(t *testing.T) {
	if err := runEngine(t.Context(), `{"Engine":"steam"}`, io.Discard); err == nil {
		t.Error("no error")
	}
}
