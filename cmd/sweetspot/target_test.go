package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

const targetScenario = `
name: running
target: %s
matrix: {workers: 3}
traffic:
  requests: [{name: hello, path: /hello, expect: {contains: hello}}]
objectives: [p99 < 500ms]
search: {budget: 20s, trial: 1s, burst: 500ms, warmup: 200ms, finals: 2}
`

// A server that runs already is measured for what it sustains; no workers are
// recommended, and it goes on afterwards.
func TestTarget(t *testing.T) {
	var asked atomic.Int64
	gate := make(chan struct{}, 2) // two requests at once, 5 ms each: 400 a second
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		gate <- struct{}{}
		<-time.After(5 * time.Millisecond)
		<-gate
		_, _ = w.Write([]byte("hello"))
	}))
	defer server.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "running.yaml")
	text := strings.Replace(targetScenario, "%s", server.URL, 1)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s := begin(t, dir, "run", file, "--out", filepath.Join(dir, "out"))
	if code := s.end(); code != exitGood {
		t.Fatalf("exit code %d\n%s\n%s", code, s.out.String(), s.errors.String())
	}
	out := s.out.String()
	if !strings.Contains(out, "The target sustains") || !strings.Contains(out, server.URL) || strings.Contains(out, "Run target") || strings.Contains(out, "folklore (") {
		t.Errorf("the report does not speak of a target's capacity alone:\n%s", out)
	}
	if asked.Load() < 100 {
		t.Errorf("%d requests reached the target, want 100 or more", asked.Load())
	}
	if resp, err := http.Get(server.URL); err != nil || resp.Body.Close() != nil {
		t.Errorf("the target does not answer any more: %v", err)
	}
}

// Load goes to this machine unless another host is named.
func TestAllowed(t *testing.T) {
	for _, tt := range []struct{ target, remote, want string }{
		{"http://127.0.0.1:8000", "", ""},
		{"http://localhost:8000", "", ""},
		{"http://[::1]:8000", "", ""},
		{"http://192.0.2.7:8000", "", "192.0.2.7 is 192.0.2.7, which is not this machine"},
		{"http://192.0.2.7:8000", "192.0.2.8", "name it by --allow-remote 192.0.2.7"},
		{"http://192.0.2.7:8000", "192.0.2.7", ""},
		{"", "192.0.2.7", "the scenario has no target"},
		{"", "", ""},
	} {
		err := allowed(t.Context(), &scenarios.Scenario{Target: tt.target}, tt.remote)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("allowed(%q, %q) = %q, want %q", tt.target, tt.remote, got, tt.want)
		}
	}
}

// The schema in the repository is the one that init writes.
func TestSchemaIsThatOfTheStacks(t *testing.T) {
	want, err := scenarios.Schema(stack.Catalogue())
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../scenarios/scenario.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("scenarios/scenario.schema.json names other servers, proxies, services or fixtures than the stacks have")
	}
}
