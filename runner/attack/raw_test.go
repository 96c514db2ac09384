package attack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"net/http"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"sweetspot/scenarios"
)

// smooth answers hit n after 1 ms to some 60 ms, exponentially distributed;
// some hits get another status.
func smooth(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(path.Base(r.URL.Path))
	u := math.Mod(float64(n)*0.6180339887498949, 1) // evenly spread
	time.Sleep(time.Millisecond + time.Duration(-math.Log(1-u)*float64(6*time.Millisecond)))
	switch {
	case n%100 == 7:
		w.WriteHeader(http.StatusServiceUnavailable)
	case n%100 == 8:
		panic(http.ErrAbortHandler)
	}
	_, _ = io.WriteString(w, "yes")
}

// rawRun attacks smooth on virtual time and returns the raw results too.
func rawRun(t *testing.T) (r Result, raw []byte) {
	var file bytes.Buffer
	order := scenarios.Request{Name: "order", Class: scenarios.Dynamic, Method: "POST", Path: "/order/", Body: "item=1",
		Expect: scenarios.Expect{Status: 200}}
	virtual(t, smooth, func(t *testing.T, run func(context.Context, Spec) Result) {
		r = run(t.Context(), Spec{
			Arrivals: scenarios.Poisson, Rate: 1000, Warmup: time.Second, Duration: 20 * time.Second,
			Timeout: time.Second, Seed: 3, Raw: &file,
		}.requests(order))
	})
	return r, file.Bytes()
}

func TestRaw(t *testing.T) {
	r, raw := rawRun(t)
	t.Run("holds every measured hit", func(t *testing.T) { checkRaw(t, r, raw) })
	t.Run("is read by vegeta", func(t *testing.T) { checkReport(t, r, raw) })
}

func checkRaw(t *testing.T, r Result, raw []byte) {
	decode := vegeta.NewDecoder(bytes.NewReader(raw))
	statuses, faults := map[string]uint64{}, map[string]uint64{}
	var latencies []time.Duration
	var in uint64
	for {
		var hit vegeta.Result
		if err := decode(&hit); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		statuses[strconv.Itoa(int(hit.Code))]++
		if hit.Error != "" {
			faults[hit.Error]++
		}
		latencies = append(latencies, hit.Latency)
		in += hit.BytesIn
		if want := "http://pipe/order/" + strconv.FormatUint(hit.Seq, 10); hit.Method != "POST" || hit.URL != want || hit.BytesOut != 6 {
			t.Fatalf("%s %s, %d bytes out, want POST %s, 6", hit.Method, hit.URL, hit.BytesOut, want)
		}
	}
	c := r.Load.Classes[scenarios.All]
	if uint64(len(latencies)) != r.Load.Sent || !maps.Equal(statuses, c.Statuses) || !maps.Equal(faults, c.Faults) || in != c.Bytes {
		t.Errorf("raw: %d hits, %v, %v, %d bytes; want %d, %v, %v, %d",
			len(latencies), statuses, faults, in, r.Load.Sent, c.Statuses, c.Faults, c.Bytes)
	}
	slices.Sort(latencies)
	near(t, "p50", c.Service.P50, rank(latencies, .50))
	near(t, "p95", c.Service.P95, rank(latencies, .95))
	near(t, "p99", c.Service.P99, rank(latencies, .99))
	near(t, "max", c.Service.Max, latencies[len(latencies)-1])
}

func checkReport(t *testing.T, r Result, raw []byte) {
	cmd := exec.CommandContext(t.Context(), "go", "tool", "vegeta", "report", "-type=json")
	cmd.Stdin = bytes.NewReader(raw)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("vegeta report: %v\n%s", err, stderr.String())
	}
	var got struct {
		Latencies struct {
			P50 time.Duration `json:"50th"`
			P95 time.Duration `json:"95th"`
			P99 time.Duration `json:"99th"`
			Max time.Duration `json:"max"`
		} `json:"latencies"`
		Requests    uint64            `json:"requests"`
		StatusCodes map[string]uint64 `json:"status_codes"`
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	c := r.Load.Classes[scenarios.All]
	if got.Requests != c.Sent || !maps.Equal(got.StatusCodes, c.Statuses) {
		t.Errorf("vegeta: %d requests, %v; want %d, %v", got.Requests, got.StatusCodes, c.Sent, c.Statuses)
	}
	for _, q := range []struct {
		name      string
		got, want time.Duration
	}{
		{"p50", got.Latencies.P50, c.Service.P50},
		{"p95", got.Latencies.P95, c.Service.P95},
		{"p99", got.Latencies.P99, c.Service.P99},
		{"max", got.Latencies.Max, c.Service.Max},
	} {
		if off := math.Abs(float64(q.got)/float64(q.want) - 1); off > 0.01 {
			t.Errorf("vegeta's %s = %v, ours %v: off by %.2f %%", q.name, q.got, q.want, off*100)
		}
	}
}
