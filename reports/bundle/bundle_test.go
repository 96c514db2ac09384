package bundle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"sweetspot/analysis"
	"sweetspot/analysis/lint"
	"sweetspot/reports"
	"sweetspot/runner"
	"sweetspot/runner/attack"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

const source = `name: shop # of a test
app:
  interface: wsgi
  module: shop.wsgi:application
  dir: DIR/acme
  env:
    SECRET_KEY: s3cr3t-and-long-enough # not for others
    SHOP_DATA: "{data}"
    MODE: fast
  prepare: ["{python} manage.py admin --password hunter2222"]
matrix: {servers: [gunicorn-sync], proxies: [direct], workers: [1, 2]}
traffic:
  requests:
    - {name: home, path: /home/page, headers: {Authorization: "Bearer abc", Accept: "text/html"}}
    - {name: file, class: static, path: /static/x}
objectives: [p50 < 4s, errors < 50%]
search: {strategy: grid, budget: 10m, finals: 3, trial: 1s, burst: 1s, warmup: 1s}
`

var catalogue = scenarios.Catalogue{Servers: []string{"gunicorn-sync"}, Proxies: []string{"direct"}}

// server answers at once, or, on demand, late.
func server(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "yes")
	})}
	served := make(chan error)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-served })
	return l.Addr().String()
}

// aRun makes a run of six short attacks on a real server: three fresh starts of
// two cells, at the one site of a fleet.
func aRun(t *testing.T) *rundir.Run {
	t.Helper()
	clients := t.TempDir()
	if err := os.Mkdir(filepath.Join(clients, "acme"), 0o755); err != nil {
		t.Fatal(err)
	}
	source := strings.ReplaceAll(source, "DIR", clients)
	loaded, err := scenarios.Parse("/home/alice/shop.yaml", []byte(source), "/home/alice", nil, catalogue)
	if err != nil {
		t.Fatal(err)
	}
	m := rundir.Manifest{
		RunID: "abc", Tool: "v1", Began: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Source: source, SourceName: "/home/alice/shop.yaml", Scenario: *loaded, Seed: 1,
		CommandLine: []string{"/home/alice/bin/sweetspot", "run", "/home/alice/shop.yaml", "--set", "app.env.MODE=fast", "--set=app.env.SECRET_KEY=s3cr3t-and-long-enough"},
		Host:        rundir.Host{Hostname: "laptop-of-alice", Cores: 2}, CPUs: rundir.CPUs{Generator: []int{0}, App: []int{0}, Shared: true},
	}
	run, err := rundir.Create(filepath.Join(t.TempDir(), "run"), m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.Close() })
	if err := run.KeepHost(rundir.FleetHost{Agent: "a1", Site: "a", Role: "both", Host: m.Host}); err != nil {
		t.Fatal(err)
	}
	address := server(t)
	mix, err := scenarios.NewMix(loaded.Traffic, m.Seed)
	if err != nil {
		t.Fatal(err)
	}
	for start := range 3 {
		for workers := range 2 {
			c := scenarios.Cell{Server: "gunicorn-sync", Proxy: "direct", Workers: workers + 1, Threads: 1}
			step := rundir.Step{Cell: c, Start: 1000 + start, Phase: rundir.Final, Rate: 200 + 10*float64(workers), Duration: 300 * time.Millisecond}
			attacked(t, run, address, mix, step)
		}
	}
	return run
}

// attacked makes one trial, as the runner does.
func attacked(t *testing.T, run *rundir.Run, address string, mix *scenarios.Mix, step rundir.Step) {
	t.Helper()
	p, err := run.Begin()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := rundir.CreateRaw(filepath.Join(p.Dir, rundir.RawFile))
	if err != nil {
		t.Fatal(err)
	}
	s := run.Manifest.Scenario.Traffic
	trial := rundir.Trial{
		ID: p.ID, Step: step, Fresh: true,
		Placed: &rundir.Placed{Site: "a", Agent: "a1", Visit: "visit", Number: p.ID},
	}
	res, err := attack.Run(t.Context(), attack.Spec{
		Network: "tcp", Address: address, Requests: s.Requests, Mix: mix, Arrivals: s.Arrivals, Rate: step.Rate, Duration: step.Duration,
		Timeout: s.Timeout.Std(), Seed: runner.ArrivalsSeed(&run.Manifest, &trial), Raw: raw,
	})
	if err := errors.Join(err, raw.Close()); err != nil {
		t.Fatal(err)
	}
	trial.Load = res.Load
	trial.Effective = rundir.Effective{Workers: step.Cell.Processes(), Argv: map[string][]string{"app": {run.Manifest.Scenario.App.Dir + "/venv/bin/gunicorn", "-c", run.Dir + "/live/gunicorn.conf.py"}}}
	trial.Placed.Generators = []rundir.Shooter{{Agent: "a1", Hostname: run.Manifest.Host.Hostname, Sent: res.Load.Sent}}
	trial.Usage = rundir.Usage{Wall: step.Duration, Cores: 2, AppCores: 2, App: rundir.Group{CPUSeconds: 0.1, PSSBytes: 60e6, Processes: 2}}
	config := "# in /home/alice/shop\npythonpath = " + run.Dir + "/app\nenv = SECRET_KEY=s3cr3t-and-long-enough\n"
	for name, text := range map[string]string{"gunicorn.conf.py": config, "app.log": "a customer's address\n", "tls.conf": "-----BEGIN PRIVATE KEY-----\n"} {
		if err := os.WriteFile(filepath.Join(p.Dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Commit(trial, res.Histograms); err != nil {
		t.Fatal(err)
	}
}

// tools are those of this program, but for the verdict over the rules.
func tools(publishable bool) Tools {
	return Tools{
		Version: "v1", Platform: "test",
		Conclude: func(run *rundir.Run, at time.Time) (reports.Input, error) {
			m := run.Manifest
			trials := slices.Clone(run.Trials())
			for i := range trials {
				trials[i].Load.StarveLag = rundir.Latency{} // whatever else this machine does, the trial counts
			}
			res, err := analysis.Summarise(analysis.Input{Scenario: &m.Scenario, Cells: m.Scenario.Cells(2, catalogue), Trials: trials, Histograms: run.Histograms})
			if err != nil {
				return reports.Input{}, err
			}
			l := lint.Report{Publishable: publishable, Findings: []lint.Finding{{ID: "samples", Asks: "Enough.", Verdict: lint.Holds, Evidence: []string{"1,000 samples of 123,456"}}}}
			if !publishable {
				l.Findings[0].Verdict, l.Findings[0].Remedy = lint.Fails, "measure longer"
			}
			return reports.Input{Manifest: m, Result: res, Generated: at, Hosts: run.Hosts(), Lint: &l, WinnerConfigs: map[string]string{"winner.conf": "workers 2\n"}}, nil
		},
		Recount:  runner.Recount,
		Progress: func(int, int) {},
	}
}

var options = Options{
	Generated: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), Home: "/home/alice",
	Public: func(name, value string) bool { return name == "MODE" },
}

// published publishes the run.
func published(t *testing.T, run *rundir.Run) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "site")
	v, err := tools(true).Write(t.Context(), run, dir, options)
	if err != nil {
		t.Fatal(err)
	}
	if !v.Holds() || v.Recounted != 6 || v.Results == 0 {
		t.Fatalf("just published: %+v", v)
	}
	return dir
}

func verify(t *testing.T, dir string) Verdict {
	t.Helper()
	v, err := tools(true).Verify(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// seal makes the checksums right again.
func seal(t *testing.T, dir string) {
	t.Helper()
	sums, err := sumFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	sums = slices.DeleteFunc(sums, func(s sum) bool { return s.name == sumsFile })
	if err := os.WriteFile(filepath.Join(dir, sumsFile), listing(sums), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(name...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, b []byte, name ...string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(name...), b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// names says whether a verdict names a file.
func (v Verdict) names(file string) bool {
	return slices.ContainsFunc(v.Differences, func(d Difference) bool { return d.File == file && d.What != "" })
}

func TestBundle(t *testing.T) {
	run := aRun(t)
	dir := published(t, run)
	t.Run("holds what it should", func(t *testing.T) { checkContent(t, dir) })
	t.Run("withholds", func(t *testing.T) { checkWithheld(t, dir) })
	t.Run("same run, same bytes", func(t *testing.T) { checkSame(t, run, dir) })
	t.Run("is a run directory", func(t *testing.T) {
		if again, err := rundir.Read(filepath.Join(dir, dataDir)); err != nil || len(again.Trials()) != 6 {
			t.Errorf("%v, %v", again, err)
		}
	})
	t.Run("any figure edited", func(t *testing.T) { checkFigures(t, dir) })
	t.Run("raw data altered", func(t *testing.T) { checkRaw(t, dir) })
	t.Run("checksums", func(t *testing.T) { checkSums(t, dir) })
	t.Run("another version", func(t *testing.T) { checkVersions(t, dir) })
	t.Run("overwriting", func(t *testing.T) { checkOverwriting(t, run, dir) })
	if v := verify(t, dir); !v.Holds() {
		t.Errorf("after all that: %v", v.Differences)
	}
	t.Run("draft", func(t *testing.T) { checkDraft(t, run) })
	t.Run("without raw results", func(t *testing.T) { checkWithoutRaw(t, run) })
}

func checkContent(t *testing.T, dir string) {
	index := string(read(t, dir, indexFile))
	sums := string(read(t, dir, sumsFile))
	for _, name := range []string{"report.html", "winner.conf", "plots/workers.svg", "lint.json", "run/manifest.json", "run/hosts.json", "run/scenario.yaml", "run/trials/0001/results.bin.gz", "run/trials/0006/gunicorn.conf.py"} {
		if !strings.Contains(sums, "  "+name+"\n") {
			t.Errorf("%s does not list %s", sumsFile, name)
		}
		if !strings.Contains(index, `href="`+name+`"`) {
			t.Errorf("the index has no link to %s", name)
		}
	}
	for _, f := range reports.Formats {
		if !strings.Contains(index, `href="`+f.File+`"`) {
			t.Errorf("the index has no link to %s", f.File)
		}
	}
	if strings.Contains(index, "<script") || strings.Contains(index, "://") || strings.Contains(index, `="/`) {
		t.Error("the index has a script, or a link that is not relative")
	}
	if strings.Contains(index, "draft: ") {
		t.Error("the index speaks of a draft")
	}
}

func checkWithheld(t *testing.T, dir string) {
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text := read(t, path)
		for _, secret := range []string{"s3cr3t-and", "hunter2", "Bearer abc", "alice", "acme", "customer", "PRIVATE KEY"} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s holds %q", path, secret)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	text := string(read(t, dir, dataDir, rundir.ScenarioFile))
	for _, want := range []string{"# of a test", "MODE: fast", `SHOP_DATA: "{data}"`, "text/html", "path: /home/page", "--password [withheld]"} {
		if !strings.Contains(text, want) {
			t.Errorf("the scenario lacks %q:\n%s", want, text)
		}
	}
	if text := string(read(t, dir, dataDir, "trials/0001/gunicorn.conf.py")); text != "# in ~/shop\npythonpath = {run}/app\nenv = SECRET_KEY=[withheld]\n" {
		t.Errorf("configuration %q", text)
	}
	index := string(read(t, dir, indexFile))
	for _, want := range []string{"Values of environment variables: SECRET_KEY.", "Values of request headers: Authorization."} {
		if !strings.Contains(index, want) {
			t.Errorf("the index does not say %q", want)
		}
	}
}

func checkSame(t *testing.T, run *rundir.Run, dir string) {
	again := published(t, run)
	if a, b := read(t, dir, sumsFile), read(t, again, sumsFile); !bytes.Equal(a, b) {
		t.Errorf("checksums differ: %s", firstDifference(a, b, "the second bundle"))
	}
}

// checkFigures edits one digit in every file that is computed, reports in every
// format, plots, tables and the index, and corrects the checksums.
func checkFigures(t *testing.T, dir string) {
	const samples = 6
	sums, err := readSums(dir)
	if err != nil {
		t.Fatal(err)
	}
	for n := range samples {
		before := map[string][]byte{}
		for _, s := range sums {
			if strings.HasPrefix(s.name, dataDir+"/") || s.name == aboutFile {
				continue
			}
			b := read(t, dir, s.name)
			var digits []int
			for i, c := range b {
				if c >= '0' && c <= '9' {
					digits = append(digits, i)
				}
			}
			switch {
			case len(digits) > 0:
			case bytes.Count(b, []byte("\n")) == 1: // a table without rows
				continue
			default:
				t.Fatalf("%s has no digit", s.name)
			}
			before[s.name] = b
			edited := bytes.Clone(b)
			at := digits[n*(len(digits)-1)/(samples-1)]
			edited[at] = '0' + (edited[at]-'0'+1)%10
			write(t, edited, dir, s.name)
		}
		for _, f := range reports.Formats {
			if before[f.File] == nil {
				t.Fatalf("%s is not among %v", f.File, sortedKeys(before))
			}
		}
		seal(t, dir)
		v := verify(t, dir)
		for name, b := range before {
			if !v.names(name) {
				t.Errorf("sample %d of %s: not noticed", n, name)
			}
			write(t, b, dir, name)
		}
		if len(v.Differences) != len(before) || v.Undecided() {
			t.Errorf("sample %d: %d differences, want %d: %v", n, len(v.Differences), len(before), v.Differences)
		}
	}
	seal(t, dir)
}

// checkRaw alters raw data, and corrects the checksums.
func checkRaw(t *testing.T, dir string) {
	const trial = "run/trials/0003/"
	edit := func(file, from, to string) func(t *testing.T) {
		return func(t *testing.T) {
			b := read(t, dir, file)
			if !bytes.Contains(b, []byte(from)) {
				t.Fatalf("%s lacks %q", file, from)
			}
			write(t, bytes.Replace(b, []byte(from), []byte(to), 1), dir, file)
		}
	}
	var load struct{ Load rundir.Load }
	if err := json.Unmarshal(read(t, dir, trial, rundir.TrialFile), &load); err != nil {
		t.Fatal(err)
	}
	good := load.Load.Classes[scenarios.All].Good
	for _, tt := range []struct {
		name  string
		alter func(t *testing.T)
		file  string // that is named
	}{
		{"a latency", func(t *testing.T) {
			alterResult(t, filepath.Join(dir, trial, rundir.RawFile), func(r *vegeta.Result) { r.Latency += r.Latency/50 + 50*time.Microsecond })
		}, trial + rundir.TrialFile},
		{"a status", func(t *testing.T) {
			alterResult(t, filepath.Join(dir, trial, rundir.RawFile), func(r *vegeta.Result) { r.Code, r.Error = 500, "status 500" })
		}, trial + rundir.TrialFile},
		{"half of the raw results", func(t *testing.T) {
			b := read(t, dir, trial, rundir.RawFile)
			write(t, b[:len(b)/2], dir, trial, rundir.RawFile)
		}, trial + rundir.RawFile},
		{"counts of a trial", edit(trial+rundir.TrialFile, fmt.Sprintf(`"Good": %d`, good), fmt.Sprintf(`"Good": %d`, good-1)), trial + rundir.TrialFile},
		{"CPU time of a trial", edit(trial+rundir.TrialFile, `"CPUSeconds": 0.1,`, `"CPUSeconds": 0.2,`), "report.json"},
		{"histograms", func(t *testing.T) {
			write(t, read(t, dir, "run/trials/0004", rundir.HistogramsFile), dir, trial, rundir.HistogramsFile)
		}, trial + rundir.HistogramsFile},
		{"a histogram", func(t *testing.T) {
			b := read(t, dir, trial, rundir.HistogramsFile)
			b[len(b)/2] ^= 1
			write(t, b, dir, trial, rundir.HistogramsFile)
		}, trial + rundir.HistogramsFile},
		{"a trial that is no JSON", edit(trial+rundir.TrialFile, "{", ""), "run"},
		{"the scenario", edit("run/scenario.yaml", "p50", "p55"), "run/scenario.yaml"},
		{"the manifest", edit("run/manifest.json", `"Cores": 2`, `"Cores": 4`), "report.md"},
		{"a rendered configuration", edit(trial+"gunicorn.conf.py", "pythonpath", "pythonbath"), indexFile},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := map[string][]byte{}
			for _, name := range []string{trial + rundir.RawFile, trial + rundir.TrialFile, trial + rundir.HistogramsFile, trial + "gunicorn.conf.py", "run/scenario.yaml", "run/manifest.json"} {
				before[name] = read(t, dir, name)
			}
			tt.alter(t)
			seal(t, dir)
			if v := verify(t, dir); v.Holds() || !v.names(tt.file) {
				t.Errorf("differences %v, want one of %s", v.Differences, tt.file)
			}
			for name, b := range before {
				write(t, b, dir, name)
			}
		})
	}
	seal(t, dir)
}

// alterResult changes one raw result.
func alterResult(t *testing.T, file string, alter func(r *vegeta.Result)) {
	t.Helper()
	in, err := rundir.OpenRaw(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []vegeta.Result
	for decode := vegeta.NewDecoder(in); ; {
		var r vegeta.Result
		if err := decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	alter(&all[len(all)/2])
	out, err := rundir.CreateRaw(file)
	if err != nil {
		t.Fatal(err)
	}
	encode := vegeta.NewEncoder(out)
	for i := range all {
		if err := encode(&all[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(in.Close(), out.Close()); err != nil {
		t.Fatal(err)
	}
}

func checkSums(t *testing.T, dir string) {
	b := read(t, dir, "report.csv")
	write(t, append(b, '\n'), dir, "report.csv")
	write(t, []byte("x"), dir, "extra.txt")
	if err := os.Rename(filepath.Join(dir, "winner.conf"), filepath.Join(dir, "loser.conf")); err != nil {
		t.Fatal(err)
	}
	v := verify(t, dir)
	for _, name := range []string{"report.csv", "extra.txt", "winner.conf", "loser.conf"} {
		if !v.names(name) {
			t.Errorf("%s: not noticed in %v", name, v.Differences)
		}
	}
	seal(t, dir)
	v = verify(t, dir)
	for _, name := range []string{"report.csv", "extra.txt", "winner.conf", "loser.conf"} {
		if !v.names(name) {
			t.Errorf("with checksums of its own, %s: not noticed in %v", name, v.Differences)
		}
	}
	if err := os.Symlink("report.csv", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := tools(true).Verify(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "link is no plain file") {
		t.Errorf("a symbolic link: %v", err)
	}
	if err := errors.Join(os.Remove(filepath.Join(dir, "link")), os.Remove(filepath.Join(dir, "extra.txt")), os.Rename(filepath.Join(dir, "loser.conf"), filepath.Join(dir, "winner.conf"))); err != nil {
		t.Fatal(err)
	}
	write(t, b, dir, "report.csv")
	seal(t, dir)
}

// checkVersions has a newer version check the bundle: what only that may have
// written otherwise is not decided.
func checkVersions(t *testing.T, dir string) {
	newer := tools(true)
	newer.Version = "v2"
	v, err := newer.Verify(t.Context(), dir)
	if err != nil || !v.Holds() || !strings.Contains(v.Elsewhere, "written by sweetspot v1 (test), checked by v2 (test)") {
		t.Errorf("%+v, %v", v, err)
	}
	conclude := newer.Conclude
	newer.Conclude = func(run *rundir.Run, at time.Time) (reports.Input, error) {
		in, err := conclude(run, at)
		in.WinnerConfigs = map[string]string{"winner.conf": "workers 3\n"}
		return in, err
	}
	v, err = newer.Verify(t.Context(), dir)
	if err != nil || v.Holds() || !v.Undecided() || !v.names("winner.conf") {
		t.Errorf("other reports: %+v, %v", v, err)
	}
	b := read(t, dir, "report.csv")
	write(t, append(b, '\n'), dir, "report.csv")
	if v, err = newer.Verify(t.Context(), dir); err != nil || v.Undecided() {
		t.Errorf("a wrong checksum is not a matter of versions: %+v, %v", v, err)
	}
	write(t, b, dir, "report.csv")
}

func checkOverwriting(t *testing.T, run *rundir.Run, dir string) {
	if _, err := tools(true).Write(t.Context(), run, dir, options); err != nil {
		t.Errorf("over a bundle: %v", err)
	}
	write(t, []byte("example.org\n"), dir, "CNAME")
	if _, err := tools(true).Write(t.Context(), run, dir, options); !errors.Is(err, ErrOccupied) || !strings.Contains(err.Error(), "holds CNAME") {
		t.Errorf("over a bundle with a file of somebody's: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "CNAME")); err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	if _, err := tools(true).Write(t.Context(), run, filepath.Join(other, "empty"), options); err != nil {
		t.Errorf("into a new folder: %v", err)
	}
	if _, err := tools(true).Write(t.Context(), run, other, options); !errors.Is(err, ErrOccupied) {
		t.Errorf("over a folder that is no bundle: %v", err)
	}
	if _, err := tools(true).Write(t.Context(), run, run.Dir, options); !errors.Is(err, ErrOccupied) {
		t.Errorf("over the run itself: %v", err)
	}
	leftovers, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".bundle-*"))
	if err != nil || len(leftovers) > 0 {
		t.Errorf("left behind: %v, %v", leftovers, err)
	}
}

func checkDraft(t *testing.T, run *rundir.Run) {
	dir := filepath.Join(t.TempDir(), "site")
	var missing NotPublishable
	if _, err := tools(false).Write(t.Context(), run, dir, options); !errors.As(err, &missing) || !strings.Contains(err.Error(), "samples: Enough.\n    1,000 samples of 123,456\n    → measure longer") {
		t.Errorf("not publishable: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was published: %v", err)
	}
	draft := options
	draft.Draft = true
	v, err := tools(false).Write(t.Context(), run, dir, draft)
	if err != nil || !v.Holds() || !v.About.Draft {
		t.Fatalf("%+v, %v", v, err)
	}
	if index := string(read(t, dir, indexFile)); !strings.Contains(index, "<strong>draft: not publishable</strong>") {
		t.Error("the index does not say that it is a draft")
	}
	// A draft cannot pass as anything else.
	about := read(t, dir, aboutFile)
	write(t, bytes.Replace(about, []byte(`"draft": true`), []byte(`"draft": false`), 1), dir, aboutFile)
	seal(t, dir)
	if v, err := tools(false).Verify(t.Context(), dir); err != nil || !v.names(aboutFile) || !v.names(indexFile) {
		t.Errorf("%v, %v", v.Differences, err)
	}
	if _, err := tools(true).Write(t.Context(), run, filepath.Join(t.TempDir(), "site"), draft); err != nil {
		t.Errorf("a publishable run with --draft: %v", err)
	}
}

// checkWithoutRaw takes raw results from the run, which is of no use then.
func checkWithoutRaw(t *testing.T, run *rundir.Run) {
	if err := os.Remove(filepath.Join(run.TrialDir(2), rundir.RawFile)); err != nil {
		t.Fatal(err)
	}
	v, err := tools(true).Write(t.Context(), run, filepath.Join(t.TempDir(), "site"), options)
	if err != nil || !v.Holds() || v.Recounted != 5 || !strings.Contains(strings.Join(v.RestsOn, "\n"), "Those of 1 trials, which keep no raw results: on the trial's own record alone (trials 2).") {
		t.Errorf("%+v, %v", v, err)
	}
	// A run that contradicts its raw results is not published, be they fewer or
	// more than were planned.
	contradicts := regexp.MustCompile(`run/trials/0003/(trial.json: says otherwise than results.bin.gz|results.bin.gz: read raw results: hit \d+ is not planned)`)
	write(t, read(t, run.TrialDir(4), rundir.RawFile), run.TrialDir(3), rundir.RawFile)
	if _, err := tools(true).Write(t.Context(), run, filepath.Join(t.TempDir(), "site"), options); err == nil || !contradicts.MatchString(err.Error()) {
		t.Errorf("raw results of another trial: %v", err)
	}
}

func TestVerifyWhatIsNoBundle(t *testing.T) {
	if _, err := tools(true).Verify(context.Background(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "it is no bundle") {
		t.Error(err)
	}
}
