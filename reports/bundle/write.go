package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sweetspot/analysis/lint"
	"sweetspot/runner/rundir"
)

// Options are what the publisher chooses.
type Options struct {
	Generated time.Time
	Draft     bool                          // publish a run that is not publishable, marked as a draft
	Public    func(name, value string) bool // tells which values of environment variables are published
	Home      string                        // of the user; empty: not known
}

// NotPublishable is the error of a run that breaks rules of measurement.
type NotPublishable struct{ Lint lint.Report }

// Error says what is missing.
func (e NotPublishable) Error() string {
	var b strings.Builder
	b.WriteString(e.Lint.Stamp())
	for _, f := range e.Lint.Missing() {
		fmt.Fprintf(&b, "\n  %s: %s\n    %s\n    → %s", f.ID, f.Asks, strings.Join(f.Evidence, "\n    "), f.Remedy)
	}
	return b.String()
}

// ErrOccupied is the error of a folder that holds something else than a bundle.
var ErrOccupied = errors.New("will not be overwritten")

// Write publishes a run as the bundle dir, which it makes, or replaces when it
// holds a bundle and nothing else. The bundle is verified before it is put in
// place by one rename. The error is NotPublishable when the run breaks rules of
// measurement and is not to be a draft.
func (t Tools) Write(ctx context.Context, run *rundir.Run, dir string, o Options) (_ Verdict, err error) {
	if err := free(dir); err != nil {
		return Verdict{}, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return Verdict{}, err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".bundle-*")
	if err != nil {
		return Verdict{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	made := filepath.Join(tmp, "bundle")
	if err := t.fill(run, made, o); err != nil {
		return Verdict{}, err
	}
	v, err := t.Verify(ctx, made)
	if err != nil {
		return v, err
	}
	if !v.Holds() && !o.Draft {
		return v, fmt.Errorf("%s does not agree with its own raw data: %s", run.Dir, v.Differences[0])
	}
	if _, err := os.Stat(dir); err == nil {
		if err := os.Rename(dir, filepath.Join(tmp, "before")); err != nil {
			return v, err
		}
	}
	return v, os.Rename(made, dir)
}

// fill writes a bundle into a folder that does not exist yet.
func (t Tools) fill(run *rundir.Run, dir string, o Options) error {
	w := newWithholder(run, o)
	if err := w.copyRun(run, filepath.Join(dir, dataDir)); err != nil {
		return fmt.Errorf("publish %s: %w", run.Dir, err)
	}
	a := About{Schema: schema, Tool: t.Version, Platform: t.Platform, Generated: o.Generated.UTC(), Withheld: w.told()}
	public, err := rundir.Read(filepath.Join(dir, dataDir))
	if err != nil {
		return err
	}
	in, err := t.conclude(a, public)
	if err != nil {
		return err
	}
	if a.Draft = !in.Lint.Publishable; a.Draft && !o.Draft {
		return NotPublishable{*in.Lint}
	}
	if err := site(a, in, dir, dir); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(dir, aboutFile), a); err != nil {
		return err
	}
	if err := w.leak(dir); err != nil {
		return err
	}
	sums, err := sumFiles(dir)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, sumsFile), listing(sums), 0o644)
}

// free says why a folder must not be replaced; nil when it does not exist, is
// empty, or holds a bundle and nothing else.
func free(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if !Is(dir) {
		return fmt.Errorf("%s is not empty, holds no bundle and %w; choose another --out", dir, ErrOccupied)
	}
	listed, err := readSums(dir)
	if err != nil {
		return fmt.Errorf("%s holds a bundle without its checksums and %w; choose another --out", dir, ErrOccupied)
	}
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if name = filepath.ToSlash(name); name == sumsFile || slices.ContainsFunc(listed, func(s sum) bool { return s.name == name }) {
			return nil
		}
		return fmt.Errorf("%s holds %s, which is not of the bundle there, and %w; move it away, or choose another --out", dir, name, ErrOccupied)
	})
}

// trialsDir is where a run directory has its trials.
const trialsDir = "trials"

// copyRun writes what is published of a run: a run directory again.
func (w *withholder) copyRun(run *rundir.Run, dir string) error {
	m, err := w.manifest(run.Manifest)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, trialsDir), 0o755); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(dir, rundir.ManifestFile), m); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, rundir.ScenarioFile), []byte(m.Source), 0o644); err != nil {
		return err
	}
	if m.ArrivalsHash != "" {
		if err := copyFile(filepath.Join(dir, rundir.RecordingFile), run.Path(rundir.RecordingFile)); err != nil {
			return err
		}
	}
	if err := copyHosts(run, dir); err != nil {
		return err
	}
	for _, t := range run.Trials() {
		if err := w.copyTrial(run.TrialDir(t.ID), filepath.Join(dir, trialsDir, filepath.Base(run.TrialDir(t.ID))), t); err != nil {
			return fmt.Errorf("trial %d: %w", t.ID, err)
		}
	}
	return nil
}

// copyHosts writes the hosts of a fleet without their names.
func copyHosts(run *rundir.Run, dir string) error {
	hosts := run.Hosts()
	if len(hosts) == 0 {
		return nil
	}
	public := map[string]rundir.FleetHost{}
	for _, h := range hosts {
		h.Host = ofHost(h.Host)
		public[h.Agent] = h
	}
	return writeJSON(filepath.Join(dir, rundir.HostsFile), public)
}

func (w *withholder) copyTrial(from, to string, t rundir.Trial) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		src, dst := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		switch {
		case !e.Type().IsRegular():
		case e.Name() == rundir.TrialFile:
			err = writeJSON(dst, w.trial(t))
		case e.Name() == rundir.HistogramsFile, e.Name() == rundir.RawFile:
			err = copyFile(dst, src)
		case isConfig(e.Name()):
			err = w.copyText(dst, src)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// configs are the endings of rendered configurations that may be published.
var configs = []string{".conf", ".py", ".json", ".ini", ".toml", ".cfg", ".wsgi"}

func isConfig(name string) bool {
	return slices.Contains(configs, filepath.Ext(name)) || name == "Caddyfile"
}

// copyText copies a configuration without what is withheld. One that holds a
// private key is not published at all.
func (w *withholder) copyText(dst, src string) error {
	b, err := os.ReadFile(src)
	if err != nil {
		return err
	}
	if bytes.Contains(b, []byte("PRIVATE KEY")) {
		return nil
	}
	return os.WriteFile(dst, []byte(w.text(string(b))), 0o644)
}

func copyFile(dst, src string) (err error) {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}

// leak makes sure that no text of the bundle holds a secret or a home.
func (w *withholder) leak(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == rundir.RawFile || e.Name() == rundir.HistogramsFile {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		for _, f := range w.folders {
			if m := f.at.Find(b); m != nil && f.stand == "~" {
				return fmt.Errorf("%s would hold %q, which is in a user's home, and nothing is published: name the place otherwise in the scenario", name, m)
			}
		}
		for _, s := range w.secrets {
			if bytes.Contains(b, []byte(s)) {
				return fmt.Errorf("%s would hold the value of an environment variable; nothing is published. Name the variable in --env if it may be public", name)
			}
		}
		return nil
	})
}
