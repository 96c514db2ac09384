package stack

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"sweetspot/scenarios"
)

func newTestSlot(t *testing.T, c embeddedConfig, worker, number int) *slot {
	t.Helper()
	s, err := newSlot(c, worker, number)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.timer.Close() })
	return s
}

func TestWorkChoosesTheLongestRoute(t *testing.T) {
	s := newTestSlot(t, embeddedConfig{
		Ready:  "/health/",
		Routes: []scenarios.Route{{Path: "/api/", Bytes: 1}, {Path: "/api/slow/", Bytes: 2}},
	}, 0, 0)
	for _, tt := range []struct {
		path           string
		status, length int
	}{
		{"/api/x", http.StatusOK, 1},
		{"/api/slow/x", http.StatusOK, 2},
		{"/health/", http.StatusOK, 0},
		{"/else", http.StatusNotFound, 0},
	} {
		if status, length := s.work(tt.path); status != tt.status || length != tt.length {
			t.Errorf("work(%s) = %d, %d, want %d, %d", tt.path, status, length, tt.status, tt.length)
		}
	}
}

// A busy machine may always be slower, so these are lower bounds.
func TestWorkTakesWhatTheRouteDeclares(t *testing.T) {
	const declared = 20 * time.Millisecond
	s := newTestSlot(t, embeddedConfig{Routes: []scenarios.Route{
		{Path: "/wait", Wait: scenarios.Duration(declared)},
		{Path: "/cpu", CPU: scenarios.Duration(declared)},
	}}, 0, 0)
	for _, path := range []string{"/wait", "/cpu"} {
		began := monotonic()
		s.work(path)
		if took := time.Duration(monotonic() - began); took < declared {
			t.Errorf("%s took %v, want at least %v", path, took, declared)
		}
	}
}

func TestStalled(t *testing.T) {
	stall := &scenarios.Stall{Every: scenarios.Duration(time.Hour), For: scenarios.Duration(time.Minute)}
	s := newTestSlot(t, embeddedConfig{}, 0, 0)
	for _, tt := range []struct {
		name      string
		since     time.Duration // start of the first period
		low, high time.Duration
	}{
		{"in the first stall", 10 * time.Second, 20 * time.Second, 50 * time.Second},
		{"after it", 2 * time.Minute, 0, 0},
		{"in the third", 2*time.Hour + 10*time.Second, 20 * time.Second, 50 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.config.Epoch = monotonic() - int64(tt.since)
			if got := s.stalled(stall); got < tt.low || got > tt.high {
				t.Errorf("stalled = %v, want %v to %v", got, tt.low, tt.high)
			}
		})
	}
	if got := s.stalled(nil); got != 0 {
		t.Errorf("without a stall: %v, want 0", got)
	}
}

func TestDraw(t *testing.T) {
	const n, mean = 20000, 10 * time.Millisecond
	c := embeddedConfig{Seed: "1", Trial: "a"}
	s := newTestSlot(t, c, 0, 0)
	same, other, again := newTestSlot(t, c, 0, 0), newTestSlot(t, c, 1, 0), newTestSlot(t, embeddedConfig{Seed: "1", Trial: "b"}, 0, 0)
	var sum float64
	differs, fresh := false, false
	for range n {
		d := s.draw(mean, exponential)
		if same.draw(mean, exponential) != d {
			t.Fatal("the same seed draws other times")
		}
		differs = differs || other.draw(mean, exponential) != d
		fresh = fresh || again.draw(mean, exponential) != d
		sum += float64(d)
	}
	if !differs || !fresh {
		t.Errorf("another worker differs: %v; another trial differs: %v; want both", differs, fresh)
	}
	// The seed is fixed, so this cannot fail by chance; 3 standard errors.
	if got := sum / n; math.Abs(got-float64(mean)) > 3*float64(mean)/math.Sqrt(n) {
		t.Errorf("mean of %d draws = %v, want about %v", n, time.Duration(got), mean)
	}
	if got := s.draw(mean, ""); got != mean {
		t.Errorf("constant draw = %v, want %v", got, mean)
	}
}

// A connection serves one request, says so, and is closed.
func TestEmbeddedClosesEveryConnection(t *testing.T) {
	st := start(t, config(t, embeddedApp(t), "server=embedded/proxy=direct/workers=1/threads=1"))
	kept := &http.Client{Transport: &http.Transport{}}
	for _, tt := range []struct {
		method, path, body string
		status             int
		length             int64
	}{
		{http.MethodGet, "/io/1", "", http.StatusOK, 2},
		{http.MethodHead, "/io/1", "", http.StatusOK, 2},
		{http.MethodPost, "/io/1", strings.Repeat("x", 100_000), http.StatusOK, 2},
		{http.MethodGet, "/", "", http.StatusOK, 0},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tt.method, "http://"+st.Address+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := kept.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		if resp.StatusCode != tt.status || resp.ContentLength != tt.length || !resp.Close {
			t.Errorf("%s %s: %s, %d bytes, closes %v; want %d, %d, true", tt.method, tt.path, resp.Status, resp.ContentLength, resp.Close, tt.status, tt.length)
		}
	}
}
