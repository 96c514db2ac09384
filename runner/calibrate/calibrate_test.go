package calibrate

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"

	"sweetspot/runner/process"
	"sweetspot/runner/sample"
)

func TestMain(m *testing.M) {
	process.Main()
	Main()
	os.Exit(m.Run())
}

func config(t *testing.T, pairs int) Config {
	cpus, err := sample.Allowed()
	if err != nil {
		t.Fatal(err)
	}
	return Config{CPUs: cpus, Procs: 1, Dir: t.TempDir(), RunID: "calibrate-test", Pairs: pairs}
}

func TestRun(t *testing.T) {
	c, err := Run(t.Context(), config(t, 2))
	if err != nil {
		t.Fatal(err)
	}
	if c.Ceiling < 100 || c.CPUPerRequest <= 0 || c.Took <= 0 {
		t.Errorf("ceiling %v/s, %v of CPU a request, took %v", c.Ceiling, c.CPUPerRequest, c.Took)
	}
	if len(c.Lags) != len(shares) {
		t.Fatalf("%d lags, want %d", len(c.Lags), len(shares))
	}
	for i, l := range c.Lags {
		if l.Share != shares[i] || l.Rate != l.Share*c.Ceiling || l.P50 > l.P99 || l.P99 > l.Max || l.Max == 0 {
			t.Errorf("lag %+v of the ceiling %v", l, c.Ceiling)
		}
	}
	if len(c.Observing) != 2 {
		t.Fatalf("%d pairs, want 2", len(c.Observing))
	}
	for _, p := range c.Observing {
		if p.Rate != observed*c.Ceiling || p.With.CPUPerRequest <= 0 || p.Without.CPUPerRequest <= 0 || p.With.P50 == 0 || p.Without.P50 == 0 {
			t.Errorf("pair %+v", p)
		}
	}
}

func TestBriefRun(t *testing.T) {
	brief := config(t, 2)
	brief.Brief = true
	c, err := Run(t.Context(), brief)
	if err != nil {
		t.Fatal(err)
	}
	if c.Ceiling < 100 || c.CPUPerRequest <= 0 || len(c.Lags) > 0 || len(c.Observing) > 0 {
		t.Errorf("%+v, want the ceiling only", c)
	}
}

func TestRunIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, config(t, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

// The null server answers what comes in parts, and many requests at once.
func TestNullServer(t *testing.T) {
	p, address, err := startNull(t.Context(), config(t, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	for _, tt := range []struct {
		name    string
		writes  []string
		answers int
	}{
		{"one", []string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n"}, 1},
		{"in parts", []string{"GET / HTTP/1.1\r\nHo", "st: a\r\n\r", "\n"}, 1},
		{"pipelined", []string{"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET /", " HTTP/1.1\r\n\r\n"}, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for _, w := range tt.writes {
				if _, err := io.WriteString(c, w); err != nil {
					t.Fatal(err)
				}
			}
			in := bufio.NewReader(c)
			for range tt.answers {
				got := make([]byte, len(nullAnswer))
				if _, err := io.ReadFull(in, got); err != nil || string(got) != nullAnswer {
					t.Fatalf("answer %q, %v", got, err)
				}
			}
		})
	}
}
