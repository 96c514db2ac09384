package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"sweetspot/runner/rundir"
)

const (
	truthCommand = "truth"
	truthPath    = "/work"
	truthStats   = "/stats"
)

// truthSpec is a server whose latencies can be computed.
type truthSpec struct {
	Address string
	Service time.Duration // that each request takes
	Stall   stall         // its clock starts with the first request
}

// truthServed is what the server measured of itself.
type truthServed struct {
	Requests uint64
	Service  rundir.Latency // of requests that met no stall, from their arrival to their answer
}

// serveTruth serves until ctx is done.
func serveTruth(ctx context.Context, argument string) error {
	var spec truthSpec
	if err := json.Unmarshal([]byte(argument), &spec); err != nil {
		return fmt.Errorf("truth server: %w", err)
	}
	t := &truthServer{spec: spec, service: rundir.NewHistogram()}
	t.timers.New = func() any { return newTimer() }
	mux := http.NewServeMux()
	mux.HandleFunc(truthPath, t.work)
	mux.HandleFunc(truthStats, t.stats)
	server := &http.Server{Addr: spec.Address, Handler: mux}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("truth server: %w", err)
	}
	return nil
}

type truthServer struct {
	spec   truthSpec
	timers sync.Pool // of *timer

	mu       sync.Mutex
	began    time.Time // when the first request came
	requests uint64
	service  *hdr.Histogram
}

// work answers when the request has been served.
func (t *truthServer) work(w http.ResponseWriter, _ *http.Request) {
	came := time.Now()
	since := t.count(came)
	from := t.spec.Stall.release(since)
	timer := t.timers.Get().(*timer)
	err := timer.sleepUntil(came.Add(from - since + t.spec.Service))
	t.timers.Put(timer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if from == since {
		t.served(time.Since(came))
	}
	_, _ = io.WriteString(w, "done\n")
}

// count returns the time since the first request.
func (t *truthServer) count(came time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.requests == 0 {
		t.began = came
	}
	t.requests++
	return came.Sub(t.began)
}

func (t *truthServer) served(took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = t.service.RecordValue(min(took, time.Hour).Microseconds()) // in range
}

func (t *truthServer) stats(w http.ResponseWriter, _ *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = json.NewEncoder(w).Encode(truthServed{Requests: t.requests, Service: rundir.Summary(t.service)}) // the reader sees what is missing
}
