package bundle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"sweetspot/analysis/lint"
	"sweetspot/runner/rundir"
)

// Verdict is what a check of a bundle found.
type Verdict struct {
	About       About        `json:"bundle"`
	Lint        lint.Report  `json:"-"`
	Files       int          `json:"files"`         // that the checksums list
	Trials      int          `json:"trials"`        //
	Recounted   int          `json:"recounted"`     // trials whose loads were counted again from raw results
	Results     uint64       `json:"raw_results"`   // of those
	RestsOn     []string     `json:"rests_on"`      // what the figures rest on, a sentence each
	Elsewhere   string       `json:"other_version"` // says that another version, or one for another platform, wrote the bundle; empty when this one did
	Differences []Difference `json:"differences"`
	Digest      string       `json:"digest"` // SHA-256 of SHA256SUMS: whoever knows it from elsewhere knows that it is that bundle
}

// Difference is one place at which a bundle is not what it should be.
type Difference struct {
	File string `json:"file"`
	What string `json:"what"`

	// Rendered says that a file is not what this program writes from the same
	// raw data, which another version may have written otherwise.
	Rendered bool `json:"rendered"`
}

// String names the file and what differs.
func (d Difference) String() string { return d.File + ": " + d.What }

// Holds tells whether every published figure came out again.
func (v Verdict) Holds() bool { return len(v.Differences) == 0 }

// Undecided tells whether all that differs may differ because another version
// wrote it.
func (v Verdict) Undecided() bool {
	return !v.Holds() && v.Elsewhere != "" && !slices.ContainsFunc(v.Differences, func(d Difference) bool { return !d.Rendered })
}

func (v *Verdict) differ(file, format string, args ...any) {
	v.Differences = append(v.Differences, Difference{File: file, What: fmt.Sprintf(format, args...)})
}

// Verify checks a bundle: every file against its checksum, every trial against
// its raw results, and every report, plot and page against what this program
// writes from the trials. The error is that of a folder which cannot be checked.
func (t Tools) Verify(ctx context.Context, dir string) (v Verdict, err error) {
	if v.About, err = readAbout(dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return v, fmt.Errorf("%s has no %s: it is no bundle; sweetspot publish makes one", dir, aboutFile)
		}
		return v, fmt.Errorf("verify %s: %w", dir, err)
	}
	if v.About.Tool != t.Version || v.About.Platform != t.Platform {
		v.Elsewhere = fmt.Sprintf("written by sweetspot %s (%s), checked by %s (%s)", v.About.Tool, v.About.Platform, t.Version, t.Platform)
	}
	if err := v.sums(dir); err != nil {
		return v, fmt.Errorf("verify %s: %w", dir, err)
	}
	run, err := rundir.Read(filepath.Join(dir, dataDir))
	if err != nil {
		v.differ(dataDir, "cannot be read: %v", err)
		return v, nil
	}
	if err := t.trials(ctx, run, &v); err != nil {
		return v, err
	}
	in, err := t.conclude(v.About, run)
	if err != nil {
		v.differ(dataDir, "cannot be judged: %v", err)
		return v, nil
	}
	v.Lint = *in.Lint
	v.about(run)
	tmp, err := os.MkdirTemp("", "sweetspot-verify-*")
	if err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	if err := site(v.About, in, dir, tmp); err != nil {
		return v, fmt.Errorf("verify %s: %w", dir, err)
	}
	return v, v.rendered(dir, tmp)
}

// sums checks that every file is listed, that every listed file is there, and
// that it has its checksum.
func (v *Verdict) sums(dir string) error {
	listed, err := readSums(dir)
	if err != nil {
		return err
	}
	there, err := sumFiles(dir)
	if err != nil {
		return err
	}
	found := map[string]string{}
	for _, s := range there {
		found[s.name] = s.hex
	}
	for i, s := range listed {
		switch h, ok := found[s.name]; {
		case i > 0 && s.name <= listed[i-1].name:
			v.differ(sumsFile, "lists %s twice, or not in the order of the names", s.name)
		case !ok:
			v.differ(s.name, "is listed in %s, and is not there", sumsFile)
		case h != s.hex:
			v.differ(s.name, "has the SHA-256 %s, and %s lists %s", h, sumsFile, s.hex)
		}
		delete(found, s.name)
	}
	for _, s := range there {
		if _, ok := found[s.name]; ok && s.name != sumsFile {
			v.differ(s.name, "is not listed in %s", sumsFile)
		}
	}
	v.Files = len(listed)
	text, err := os.ReadFile(filepath.Join(dir, sumsFile))
	v.Digest = digest(text)
	return err
}

// about checks what is said twice.
func (v *Verdict) about(run *rundir.Run) {
	if v.About.Draft == v.Lint.Publishable {
		v.differ(aboutFile, "draft is %v, and the run %s", v.About.Draft, strings.ToLower(v.Lint.Stamp()[:1])+v.Lint.Stamp()[1:])
	}
	name := path.Join(dataDir, rundir.ScenarioFile)
	if b, err := os.ReadFile(run.Path(rundir.ScenarioFile)); err != nil {
		v.differ(name, "%v", err)
	} else if string(b) != run.Manifest.Source {
		v.differ(name, "is not the scenario that %s holds: %s", rundir.ManifestFile, firstDifference(b, []byte(run.Manifest.Source), rundir.ManifestFile))
	}
}

// trials counts the raw results of every trial again.
func (t Tools) trials(ctx context.Context, run *rundir.Run, v *Verdict) error {
	if err := run.ReadRecording(); err != nil {
		v.differ(path.Join(dataDir, rundir.RecordingFile), "%v", err)
	}
	var bare []string
	all := run.Trials()
	for i, trial := range all {
		if err := ctx.Err(); err != nil {
			return err
		}
		t.Progress(i, len(all))
		v.Trials++
		if trial.Load.Sent == 0 && len(trial.Load.Classes) == 0 {
			continue // no attack was made
		}
		if !t.trial(run, trial, v) {
			bare = append(bare, fmt.Sprint(trial.ID))
		}
	}
	v.rests(bare)
	return nil
}

// trial checks one trial; it returns false when that kept no raw results.
func (t Tools) trial(run *rundir.Run, trial rundir.Trial, v *Verdict) bool {
	dir := path.Join(dataDir, trialsDir, filepath.Base(run.TrialDir(trial.ID)))
	kept, err := run.Histograms(trial.ID)
	if err != nil {
		v.differ(path.Join(dir, rundir.HistogramsFile), "%v", err)
		return true
	}
	for _, class := range sortedKeys(kept) {
		h, c := kept[class], trial.Load.Classes[class]
		for _, x := range []struct {
			what     string
			mine, of rundir.Latency
		}{{"response times", rundir.Summary(h.Response), c.Response}, {"service times", rundir.Summary(h.Service), c.Service}, {"lags", rundir.Summary(h.Lag), c.Lag}} {
			if x.mine != x.of {
				v.differ(path.Join(dir, rundir.HistogramsFile), "says otherwise than %s of the %s of class %s: %s", rundir.TrialFile, x.what, class, unlike(x.of, x.mine))
			}
		}
	}
	load, histograms, err := t.Recount(run, trial)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false
	case err != nil:
		v.differ(path.Join(dir, rundir.RawFile), "%v", err)
		return true
	}
	v.Recounted++
	v.Results += load.Sent
	if text := unlike(trial.Load, load); text != "" {
		v.differ(path.Join(dir, rundir.TrialFile), "says otherwise than %s: %s", rundir.RawFile, text)
	}
	for _, class := range sortedKeys(histograms) {
		a, b := kept[class], histograms[class]
		if a.Response == nil || !a.Response.Equals(b.Response) || !a.Service.Equals(b.Service) || !a.Lag.Equals(b.Lag) {
			v.differ(path.Join(dir, rundir.HistogramsFile), "says otherwise than %s of class %s", rundir.RawFile, class)
		}
	}
	return true
}

// rests says what the figures rest on.
func (v *Verdict) rests(bare []string) {
	if v.Recounted > 0 {
		v.RestsOn = append(v.RestsOn, fmt.Sprintf("Rates, errors, bytes, latencies and histograms of %d trials: on %d raw results, each counted again.", v.Recounted, v.Results))
	}
	if len(bare) > 0 {
		v.RestsOn = append(v.RestsOn, fmt.Sprintf("Those of %d trials, which keep no raw results: on the trial's own record alone (trials %s).", len(bare), strings.Join(bare, ", ")))
	}
	v.RestsOn = append(v.RestsOn,
		"CPU time, memory, connections and the kernel's counters: on the samples that every trial.json records; there is no raw data behind them.",
		"Protocols, connections opened, requests sent again, whose fault late requests were, and how long a trial ran that was cut short: on trial.json, too.",
		"Everything else, tables, intervals, ratios, plots and verdicts: on those, computed again.",
	)
}

// rendered compares every file that is computed with the one of the bundle.
func (v *Verdict) rendered(dir, made string) error {
	mine, err := sumFiles(made)
	if err != nil {
		return err
	}
	want := map[string]bool{aboutFile: true, sumsFile: true}
	for _, s := range mine {
		want[s.name] = true
		b, err := os.ReadFile(filepath.Join(made, filepath.FromSlash(s.name)))
		if err != nil {
			return err
		}
		published, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(s.name)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			v.Differences = append(v.Differences, Difference{s.name, "belongs to the reports, and is not there", true})
		case err != nil:
			return err
		default:
			if text := firstDifference(published, b, "the raw data"); text != "" {
				v.Differences = append(v.Differences, Difference{s.name, text, true})
			}
		}
	}
	there, err := sumFiles(dir)
	if err != nil {
		return err
	}
	for _, s := range there {
		if !want[s.name] && !strings.HasPrefix(s.name, dataDir+"/") {
			v.Differences = append(v.Differences, Difference{s.name, "does not belong to the reports", true})
		}
	}
	return nil
}

// firstDifference says in which line two texts differ first, and how; empty
// when they do not. by names what the second is by.
func firstDifference(published, mine []byte, by string) string {
	a, b := strings.Split(string(published), "\n"), strings.Split(string(mine), "\n")
	first, n := -1, 0
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			if n++; first < 0 {
				first = i
			}
		}
	}
	if first < 0 {
		return ""
	}
	line := func(lines []string) string {
		if first < len(lines) {
			return lines[first]
		}
		return ""
	}
	x, y := excerpts(line(a), line(b))
	text := fmt.Sprintf("line %d is %q, by %s %q", first+1, x, by, y)
	if n > 1 {
		text += fmt.Sprintf("; %d lines differ", n)
	}
	return text
}

// around is how much of a line is shown on both sides of a difference.
const around = 32

// excerpts are the parts of two lines about their first difference.
func excerpts(a, b string) (string, string) {
	x, y := []rune(a), []rune(b)
	at := 0
	for at < min(len(x), len(y)) && x[at] == y[at] {
		at++
	}
	cut := func(line []rune) string {
		from, to := max(at-around, 0), min(at+around, len(line))
		text := string(line[min(from, to):to])
		if from > 0 {
			text = "…" + text
		}
		if to < len(line) {
			text += "…"
		}
		return text
	}
	return cut(x), cut(y)
}

// unlike says in what two values differ that are told in JSON: the first three
// places, recorded first; empty when they do not.
func unlike(recorded, mine any) string {
	var out []string
	places("", tree(recorded), tree(mine), &out)
	if len(out) > 3 {
		out = append(out[:3], fmt.Sprintf("and %d more", len(out)-3))
	}
	return strings.Join(out, ", ")
}

func tree(v any) (out any) {
	b, err := json.Marshal(v)
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		err = d.Decode(&out)
	}
	if err != nil {
		panic(err) // both are of this program, and made of numbers and texts
	}
	return out
}

func places(at string, a, b any, out *[]string) {
	x, isMap := a.(map[string]any)
	y, both := b.(map[string]any)
	if isMap && both {
		for _, key := range sortedKeys(merged(x, y)) {
			places(strings.TrimPrefix(at+"."+key, "."), x[key], y[key], out)
		}
		return
	}
	l, isList := a.([]any)
	m, both := b.([]any)
	if isList && both && len(l) == len(m) {
		for i := range l {
			places(fmt.Sprintf("%s[%d]", at, i), l[i], m[i], out)
		}
		return
	}
	if !reflect.DeepEqual(a, b) {
		*out = append(*out, fmt.Sprintf("%s is %s, not %s", at, brief(a), brief(b)))
	}
}

func merged(a, b map[string]any) map[string]bool {
	out := map[string]bool{}
	for k := range a {
		out[k] = true
	}
	for k := range b {
		out[k] = true
	}
	return out
}

// brief is a value in JSON, shortened.
func brief(v any) string {
	b, _ := json.Marshal(v) // it was read from JSON
	if len(b) > 60 {
		return string(b[:60]) + "…"
	}
	return string(b)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
