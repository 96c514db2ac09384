package main

import (
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

func TestAStoreKeepsWhatWasMeasured(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	s, err := openStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	m := measurement{
		Part: cpu, Case: "500/s", Tool: wrk, Round: 1, Began: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Load:    load{Address: "127.0.0.1:8000", Path: pagePath, Rate: 500, Duration: time.Second},
		reading: reading{Requests: 500, Quantiles: map[string]time.Duration{"p50": ms}},
	}
	broken := measurement{Part: cpu, Case: "500/s", Tool: "hey", Round: 1, Load: m.Load, Error: "no luck"}
	if err := s.put(m, broken); err != nil {
		t.Fatal(err)
	}
	again, err := openStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again.held, s.held) {
		t.Errorf("read %+v, want %+v", again.held, s.held)
	}
	elsewhere, longer, next := m, m, m
	elsewhere.Load.Address = "127.0.0.1:9000"
	longer.Load.Duration = time.Minute
	next.Round = 2
	for _, tt := range []struct {
		name string
		m    measurement
		want bool
	}{
		{"the same", m, true},
		{"the same at another port", elsewhere, true},
		{"longer", longer, false},
		{"another round", next, false},
		{"without success", broken, false},
	} {
		if got := again.has(tt.m); got != tt.want {
			t.Errorf("%s: has is %v, want %v", tt.name, got, tt.want)
		}
	}
	if err := again.put(longer); err != nil {
		t.Fatal(err)
	}
	if n := len(again.held.Measurements); n != 2 {
		t.Errorf("%d measurements, want that of another length in the place of the first: 2", n)
	}
}
