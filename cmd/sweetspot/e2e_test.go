package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"sweetspot/runner/process"
	"sweetspot/runner/rundir"
)

// waitScenario is a small matrix on the embedded stack; its trials are short.
const waitScenario = `
name: wait
app:
  interface: embedded
  routes: [{path: /, wait: 5ms}]
matrix: {servers: [embedded], proxies: [direct, embedded], workers: [1, 2], threads: [2]}
traffic:
  requests: [{name: io, path: /}]
objectives: [p99 < 500ms]
search: {budget: 40s, trial: 1s, burst: 500ms, warmup: 200ms, finals: 1}
`

// session is a sweetspot process under test.
type session struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    bytes.Buffer
	errors bytes.Buffer
}

func begin(t *testing.T, dir string, args ...string) *session {
	t.Helper()
	s := &session{t: t, cmd: exec.Command("sweetspot", args...)}
	s.cmd.Dir = dir
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.errors
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	return s
}

// end waits for the process and returns its exit code; -1 for a signal.
func (s *session) end() int {
	s.t.Helper()
	err := s.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return s.cmd.ProcessState.ExitCode()
}

// committed waits until a run has at least n trials and one more under way.
func (s *session) committed(run string, n int) {
	s.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		done, _ := filepath.Glob(filepath.Join(run, "trials", "[0-9][0-9][0-9][0-9]"))
		pending, _ := filepath.Glob(filepath.Join(run, "trials", "*.part"))
		if len(done) >= n && len(pending) > 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.t.Fatalf("no %d trials in a minute; stderr:\n%s", n, s.errors.String())
}

// marked returns the processes that carry the mark of a run.
func marked(t *testing.T, run string) []string {
	t.Helper()
	r, err := rundir.Read(run)
	if err != nil {
		t.Fatal(err)
	}
	found, err := process.Marked(r.Manifest.RunID)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// nothingLeft asserts that a run has no process left. The kernel takes a moment
// to bury what was killed.
func nothingLeft(t *testing.T, run string) {
	t.Helper()
	var pids []string
	for range 500 {
		if pids = marked(t, run); len(pids) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("processes left: %v", pids)
}

func scenarioFile(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "wait.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The generator is killed in mid-trial. Its children end, what was committed
// stays, and the run goes on to a report with every cell. vegeta itself reads the
// raw results of a trial.
func TestKilledRunIsResumed(t *testing.T) {
	dir := t.TempDir()
	run := filepath.Join(dir, "out")
	scenarioFile(t, dir, waitScenario)
	s := begin(t, dir, "run", "wait.yaml", "--out", "out", "--budget", "25s")
	s.committed(run, 3)
	if err := s.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.end()
	nothingLeft(t, run)
	before := trialFiles(t, run)
	if len(before) < 3 {
		t.Fatalf("%d trials committed, want at least 3", len(before))
	}

	again := begin(t, dir, "run", "--resume", "out")
	if code := again.end(); code != exitGood && code != exitInconclusive {
		t.Fatalf("resume: exit code %d\n%s", code, again.errors.String())
	}
	after := trialFiles(t, run)
	for name, content := range before {
		if after[name] != content {
			t.Errorf("trial %s changed or was lost", name)
		}
	}
	if parts, _ := filepath.Glob(filepath.Join(run, "trials", "*.part")); len(parts) > 0 {
		t.Errorf("unfinished trials are left: %v", parts)
	}
	// Two cells and the folklore ones of this machine, behind two proxies.
	cells := reportedCells(t, run)
	for _, want := range []string{"direct/workers=1/threads=2", "direct/workers=2/threads=2", "embedded/workers=1/threads=2", "embedded/workers=2/threads=2"} {
		if !slices.Contains(cells, "server=embedded/proxy="+want) {
			t.Errorf("the report lacks %s; it has %v", want, cells)
		}
	}
	nothingLeft(t, run)
	t.Run("vegeta reads raw results", func(t *testing.T) { vegetaReads(t, run) })
}

// trialFiles returns the committed trials by folder.
func trialFiles(t *testing.T, run string) map[string]string {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(run, "trials", "[0-9][0-9][0-9][0-9]", "trial.json"))
	out := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(filepath.Dir(f))] = string(b)
	}
	return out
}

// reportedCells returns the names of the cells in report.json that have
// trials.
func reportedCells(t *testing.T, run string) (cells []string) {
	t.Helper()
	for _, trial := range reportedTrials(t, run) {
		if !slices.Contains(cells, trial.Cell) {
			cells = append(cells, trial.Cell)
		}
	}
	return cells
}

// Ctrl-C stops in good order: a partial report, exit code 105, no child.
func TestInterruptedRunReports(t *testing.T) {
	dir := t.TempDir()
	run := filepath.Join(dir, "out")
	scenarioFile(t, dir, waitScenario)
	s := begin(t, dir, "run", "wait.yaml", "--out", "out")
	s.committed(run, 1)
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	ended := make(chan int, 1)
	go func() { ended <- s.end() }()
	select {
	case code := <-ended:
		if code != exitInterrupted {
			t.Errorf("exit code %d, want %d\n%s", code, exitInterrupted, s.errors.String())
		}
	case <-time.After(10 * time.Second):
		t.Fatal("still running 10 s after Ctrl-C")
	}
	if !strings.Contains(s.errors.String(), "go on with: sweetspot run --resume") {
		t.Errorf("stderr does not say how to go on:\n%s", s.errors.String())
	}
	if b, err := os.ReadFile(filepath.Join(run, "report.html")); err != nil || !bytes.Contains(b, []byte("interrupted")) {
		t.Errorf("no partial report that says so: %v", err)
	}
	nothingLeft(t, run)
}

// A sweep of 20 cells leaves nothing outside its run directory.
func TestSweepLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	run := filepath.Join(dir, "out")
	tmp := filepath.Join(dir, "tmp")
	if err := os.Mkdir(tmp, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", tmp)
	text := strings.NewReplacer(
		"workers: [1, 2]", "workers: 1..4", "threads: [2]", "threads: [2, 3]",
		"trial: 1s, burst: 500ms, warmup: 200ms", "strategy: grid, trial: 100ms, burst: 100ms, warmup: 10ms").Replace(waitScenario)
	scenarioFile(t, dir, text)
	shm := listing(t, "/dev/shm")
	s := begin(t, dir, "run", "wait.yaml", "--out", "out", "--quiet")
	if code := s.end(); code != exitGood && code != exitInconclusive {
		t.Fatalf("exit code %d\n%s", code, s.errors.String())
	}
	if cells := reportedCells(t, run); len(cells) < 20 {
		t.Errorf("%d cells measured, want 20", len(cells))
	}
	nothingLeft(t, run)
	if left := listing(t, tmp); len(left) > 0 {
		t.Errorf("left in TMPDIR: %v", left)
	}
	if left := listing(t, "/dev/shm"); len(left) > len(shm) {
		t.Errorf("left in /dev/shm: %v, before: %v", left, shm)
	}
	if left := listing(t, dir); !slices.Equal(left, []string{"out", "tmp", "wait.yaml"}) {
		t.Errorf("beside the run directory: %v", left)
	}
	if err := filepath.WalkDir(run, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type()&os.ModeSocket != 0 {
			return fmt.Errorf("socket %s", path)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

func listing(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// A full disk ends the run with an error that says so; what was committed can
// be gone on with.
func TestDiskFull(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting a small file system takes root")
	}
	dir := t.TempDir()
	disk := filepath.Join(dir, "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=640k"); err != nil {
		t.Skipf("no tmpfs can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, 0) })
	scenarioFile(t, dir, waitScenario)
	s := begin(t, dir, "run", "wait.yaml", "--out", "disk/out")
	if code := s.end(); code != exitOther {
		t.Errorf("exit code %d, want %d", code, exitOther)
	}
	if !strings.Contains(s.errors.String(), "the disk is full: free some space and go on with --resume") {
		t.Errorf("stderr does not name the disk and the remedy:\n%s", s.errors.String())
	}
	nothingLeft(t, filepath.Join(disk, "out"))
	if _, err := rundir.Read(filepath.Join(disk, "out")); err != nil {
		t.Errorf("the run cannot be read: %v", err)
	}
}

// vegetaReads sets the raw results of a trial, as vegeta reads them, against
// report.json: count and status codes are the same, and so are the quantiles.
func vegetaReads(t *testing.T, run string) {
	t.Helper()
	trial := largestTrial(t, run)
	raw := unzip(t, filepath.Join(run, "trials", fmt.Sprintf("%04d", trial.ID), rundir.RawFile))

	cmd := exec.CommandContext(t.Context(), "go", "tool", "vegeta", "report", "-type=json")
	cmd.Stdin = bytes.NewReader(raw)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Requests    uint64            `json:"requests"`
		StatusCodes map[string]uint64 `json:"status_codes"`
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	all := trial.Classes.All
	if got.Requests != all.Sent || !maps.Equal(got.StatusCodes, all.Statuses) {
		t.Errorf("vegeta: %d requests, %v; report.json: %d, %v", got.Requests, got.StatusCodes, all.Sent, all.Statuses)
	}
	latencies := decode(t, raw)
	// Between the neighbours of its rank: where few lie beyond it, those are far apart.
	for _, q := range []struct {
		name   string
		share  float64
		report float64
	}{{"p50", 0.50, all.Service.P50}, {"p95", 0.95, all.Service.P95}, {"p99", 0.99, all.Service.P99}} {
		rank := int(math.Ceil(q.share*float64(len(latencies)))) - 1
		ms := func(i int) float64 { return float64(latencies[min(max(i, 0), len(latencies)-1)].Microseconds()) / 1000 }
		if low, high := ms(rank-1), ms(rank+1); q.report < 0.99*low || q.report > 1.01*high {
			t.Errorf("%s: %g to %g ms in the raw results of %d requests, %g ms in report.json", q.name, low, high, len(latencies), q.report)
		}
	}
}

// reportedTrial is what the test reads of a trial in report.json.
type reportedTrial struct {
	ID      int    `json:"id"`
	Cell    string `json:"cell"`
	Classes struct {
		All struct {
			Sent     uint64            `json:"sent"`
			Statuses map[string]uint64 `json:"statuses"`
			Service  struct {
				P50 float64 `json:"p50_ms"`
				P95 float64 `json:"p95_ms"`
				P99 float64 `json:"p99_ms"`
			} `json:"service"`
		} `json:"all"`
	} `json:"classes"`
}

// reportedTrials returns the trials in report.json.
func reportedTrials(t *testing.T, run string) []reportedTrial {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(run, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Trials []reportedTrial `json:"trials"`
	}
	if err := json.Unmarshal(b, &report); err != nil {
		t.Fatal(err)
	}
	return report.Trials
}

func largestTrial(t *testing.T, run string) (largest reportedTrial) {
	t.Helper()
	for _, trial := range reportedTrials(t, run) {
		if trial.Classes.All.Sent > largest.Classes.All.Sent {
			largest = trial
		}
	}
	return largest
}

func unzip(t *testing.T, file string) []byte {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// decode returns the latencies in vegeta's encoding, sorted.
func decode(t *testing.T, raw []byte) (latencies []time.Duration) {
	t.Helper()
	next := vegeta.NewDecoder(bytes.NewReader(raw))
	for {
		var hit vegeta.Result
		err := next(&hit)
		if errors.Is(err, io.EOF) {
			slices.Sort(latencies)
			return latencies
		}
		if err != nil {
			t.Fatal(err)
		}
		latencies = append(latencies, hit.Latency)
	}
}
