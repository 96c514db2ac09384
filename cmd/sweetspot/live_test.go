package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sweetspot/reports/live"
	"sweetspot/runner/rundir"
)

// briefScenario is over in seconds.
const briefScenario = `
name: brief
app:
  interface: embedded
  routes: [{path: /, wait: 2ms}]
matrix: {servers: [embedded], proxies: [direct], workers: [1], threads: [2]}
traffic:
  requests: [{name: io, path: /}]
objectives: [p99 < 500ms]
search: {budget: 4s, strategy: grid, trial: 200ms, burst: 1200ms, warmup: 50ms, finals: 1}
`

// livePage starts a run with a live page and returns its address.
func livePage(t *testing.T, dir string, args ...string) (cmd *exec.Cmd, url string, errors <-chan string) {
	t.Helper()
	cmd = exec.Command("sweetspot", append(args, "--live", "0")...)
	cmd.Dir = dir
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	in, rest := bufio.NewReader(stderr), make(chan string, 1)
	var log strings.Builder
	for url == "" {
		line, err := in.ReadString('\n')
		log.WriteString(line)
		if err != nil {
			t.Fatalf("no address of a live page; stderr:\n%s", log.String())
		}
		url, _ = strings.CutPrefix(strings.TrimSpace(line), "live page: ")
		if !strings.HasPrefix(url, "http://127.0.0.1:") {
			url = ""
		}
	}
	go func() {
		b, _ := io.ReadAll(in)
		rest <- log.String() + string(b)
	}()
	return cmd, url, rest
}

// event is one event of the stream.
type event struct {
	name string
	data []byte
}

// events returns those of a stream up to the first of a name, or all if that
// does not come.
func events(t *testing.T, url, last string) (out []event) {
	t.Helper()
	r, err := http.Get(url + "events")
	if err != nil {
		t.Error(err)
		return nil
	}
	defer r.Body.Close()
	in := bufio.NewScanner(r.Body)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		if in.Text() == "" && len(out) > 0 && out[len(out)-1].name == last {
			break
		}
		if name, ok := strings.CutPrefix(in.Text(), "event: "); ok {
			out = append(out, event{name: name})
		}
		if data, ok := strings.CutPrefix(in.Text(), "data: "); ok {
			out[len(out)-1].data = []byte(data)
		}
	}
	return out
}

func decodeEvent[T any](t *testing.T, e event) (v T) {
	t.Helper()
	if err := json.Unmarshal(e.data, &v); err != nil {
		t.Fatalf("%s: %v\n%s", e.name, err, e.data)
	}
	return v
}

// A page that follows a run sees it begin, go and end; one that goes away in the
// middle changes nothing.
func TestLivePageFollowsARun(t *testing.T) {
	dir := t.TempDir()
	scenarioFile(t, dir, briefScenario)
	cmd, url, stderr := livePage(t, dir, "run", "wait.yaml", "--out", "out", "--quiet")
	gone := make(chan []event, 1)
	go func() { gone <- events(t, url, "interval") }() // it closes its connection in the middle of an attack
	seen := events(t, url, "")
	if got := <-gone; len(got) == 0 || got[len(got)-1].name != "interval" {
		t.Errorf("the page that goes away saw no interval among %d events", len(got))
	}
	began := time.Now()
	err := cmd.Wait()
	log := <-stderr
	if code := cmd.ProcessState.ExitCode(); code != exitGood && code != exitInconclusive {
		t.Fatalf("exit code %d, %v\n%s", code, err, log)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the run took %v to end after its page", took)
	}
	if strings.Count(log, "live page:") != 1 || strings.Count(log, url) != 1 {
		t.Errorf("the address is not printed once:\n%s", log)
	}

	counts := map[string]int{}
	for _, e := range seen {
		counts[e.name]++
	}
	if len(seen) == 0 || seen[0].name != "run" || seen[len(seen)-1].name != "end" || counts["run"] != 1 || counts["end"] != 1 {
		t.Fatalf("the stream is not one run from begin to end: %v", counts)
	}
	state := decodeEvent[live.State](t, seen[0])
	run, err := rundir.Read(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	if trials := len(run.Trials()); counts["trial"]+state.Counts.Sum() != trials || trials < 3 {
		t.Errorf("%d trials were told after %d, the run has %d", counts["trial"], state.Counts.Sum(), trials)
	}
	for _, name := range []string{"begin", "interval", "race"} {
		if counts[name] == 0 {
			t.Errorf("no %s among %v", name, counts)
		}
	}
	checkIntervals(t, run, seen)
	end := decodeEvent[live.End](t, seen[len(seen)-1])
	if want := filepath.Join(dir, "out", "report.html"); end.Report != want {
		t.Errorf("the end names the report %q, want %q", end.Report, want)
	}
	if _, err := os.Stat(end.Report); err != nil {
		t.Error(err)
	}
	if token := strings.Split(url, "/")[3]; holds(t, filepath.Join(dir, "out"), token) {
		t.Error("the run directory has the token of the page")
	}
	nothingLeft(t, run.Dir)
}

// checkIntervals sets what was told of a trial against what was kept of it.
func checkIntervals(t *testing.T, run *rundir.Run, seen []event) {
	t.Helper()
	good := map[int]float64{}
	for _, e := range seen {
		if e.name != "interval" {
			continue
		}
		i := decodeEvent[struct{ Second live.Second }](t, e).Second
		good[i.Trial] += i.Good * i.Span
	}
	checked := 0
	for _, trial := range run.Trials() {
		if told := good[trial.ID]; told > 0 {
			checked++
			// The warm-up is told, too, and what was sent in it is not kept.
			if kept := float64(trial.Load.Classes["all"].Good); told < 0.98*kept || told > 1.5*kept+20 {
				t.Errorf("trial %d: %.0f good ones told, %.0f kept", trial.ID, told, kept)
			}
		}
	}
	if checked == 0 {
		t.Error("no interval of any trial")
	}
}

// holds tells whether a file below dir has the text.
func holds(t *testing.T, dir, text string) (found bool) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		found = found || strings.Contains(string(b), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A run that is interrupted says so on its page.
func TestLivePageOfAnInterruptedRun(t *testing.T) {
	dir := t.TempDir()
	scenarioFile(t, dir, waitScenario)
	cmd, url, stderr := livePage(t, dir, "run", "wait.yaml", "--out", "out")
	begun, ended := make(chan bool), make(chan []event, 1)
	go func() { ended <- events(t, url, "") }()
	go func() { begun <- len(events(t, url, "interval")) > 0 }()
	if !<-begun {
		t.Fatal("no load")
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	seen := <-ended
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d, want %d\n%s", code, exitInterrupted, <-stderr)
	}
	if i := slices.IndexFunc(seen, func(e event) bool { return e.name == "end" }); i < 0 {
		t.Error("the page was not told the end")
	} else if end := decodeEvent[live.End](t, seen[i]); end.Outcome != live.Interrupted || !strings.Contains(end.Text, "go on with: sweetspot run --resume ") {
		t.Errorf("the end is %+v", end)
	}
	nothingLeft(t, filepath.Join(dir, "out"))
}
