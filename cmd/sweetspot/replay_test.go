package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const replayScenario = `
name: replay
target: %s
traffic:
  arrivals: replay
  shape: {file: access.log}
  requests: [{name: hello, path: /hello, expect: {contains: hello}}]
objectives: [p99 < 2s]
search: {budget: 8s, trial: 300ms, burst: 200ms, warmup: 100ms, finals: 1}
`

const replayLog = `::1 - - [10/Oct/2025:13:55:36 +0000] "GET / HTTP/1.1" 200 12
::1 - - [10/Oct/2025:13:55:36 +0000] "GET / HTTP/1.1" 200 12
::1 - - [10/Oct/2025:13:55:38 +0000] "GET / HTTP/1.1" 200 12
::1 - - [10/Oct/2025:13:55:39 +0000] "GET / HTTP/1.1" 200 12
`

// A run keeps what it replays: it goes on without the log, says the speed of
// every trial, and refuses another recording.
func TestReplayIsKept(t *testing.T) {
	gate := make(chan struct{}, 2) // two requests at once, 10 ms each: 200 a second
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		gate <- struct{}{}
		<-time.After(10 * time.Millisecond)
		<-gate
		_, _ = w.Write([]byte("hello"))
	}))
	defer server.Close()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// run runs a command, which has to end with a code and print the texts.
	run := func(code int, args []string, texts ...string) {
		t.Helper()
		s := begin(t, dir, args...)
		got := s.end()
		all := s.out.String() + s.errors.String()
		if got != code {
			t.Fatalf("%v: exit code %d, want %d\n%s", args, got, code, all)
		}
		for _, text := range texts {
			if !strings.Contains(all, text) {
				t.Errorf("%v does not say %q:\n%s", args, text, all)
			}
		}
	}
	write("replay.yaml", strings.Replace(replayScenario, "%s", server.URL, 1))
	write("access.log", replayLog)
	run(exitGood, []string{"run", "replay.yaml", "--out", "out"}, "replays 4 times recorded within", "× the recorded speed")
	run(exitGood, []string{"report", "out", "--format", "json"}, `"arrivals": "replay"`, `"replay_speed": `, "Every trial replays what was recorded in")

	if err := os.Remove(filepath.Join(dir, "access.log")); err != nil {
		t.Fatal(err)
	}
	run(exitGood, []string{"run", "--resume", "out"}, "replays 4 times recorded within")
	write("access.log", "0.0\n1.5\n")
	run(exitBadInput, []string{"run", "replay.yaml", "--resume", "out"}, "recorded arrivals, SHA-256: ", "start a new run instead")
	write("out/arrivals.txt", "0.0\n1.5\n")
	run(exitBadInput, []string{"run", "--resume", "out"}, "arrivals.txt has changed since the run began; start a new run")
}
