package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sweetspot/analysis/gate"
	"sweetspot/runner/checkout"
	"sweetspot/runner/rundir"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

// checkoutDir is where a base of another revision is, inside the run directory.
const checkoutDir = "checkout"

// chooseBuilds resolves what the gate compares, and with which cell.
func (f *gateFlags) chooseBuilds(ctx context.Context, m *rundir.Manifest) error {
	s := &m.Scenario
	g := &rundir.Gate{Source: gate.Duet}
	m.Gate = g
	var ok bool
	if g.Cell, ok = s.GateCell(len(m.CPUs.App), stack.Catalogue()); !ok {
		return badInputf("%s: no cell of the matrix can be started: name one in gate.cell", m.SourceName)
	}
	var err error
	if g.Candidate, err = f.folder(ctx, "--candidate", f.candidate, s.App.Dir); err != nil {
		return err
	}
	switch info, statErr := os.Stat(f.base); {
	case f.baseline != "":
		return badInput(f.readBaseline(m))
	case f.aa:
		g.Source, g.Base = gate.Self, g.Candidate
		return nil
	case f.base != "" && statErr == nil && info.IsDir():
		g.Base, err = f.folder(ctx, "--base", f.base, "")
		return err
	}
	g.Base, err = f.revision(ctx, m, g.Candidate)
	return badInput(err)
}

// folder is a build in a folder of this machine: the one of the flag, if there
// is one, else the scenario's.
func (f *gateFlags) folder(ctx context.Context, flag, dir, given string) (b rundir.Build, err error) {
	if dir == "" {
		b.Dir = given
	} else {
		if b.Dir, err = filepath.Abs(dir); err != nil {
			return b, err
		}
		if info, err := os.Stat(b.Dir); err != nil || !info.IsDir() {
			return b, badInputf("%s %s: no such folder: give the folder of the application, as app.dir in the scenario", flag, dir)
		}
	}
	if !filepath.IsAbs(b.Dir) { // built in
		return b, nil
	}
	state, err := checkout.Look(ctx, b.Dir)
	b.Revision, b.Changes = state.Revision, state.Changes
	return b, err
}

// revision is the base in the repository of the candidate: what --base names, or
// the merge base.
func (f *gateFlags) revision(ctx context.Context, m *rundir.Manifest, candidate rundir.Build) (b rundir.Build, err error) {
	if !filepath.IsAbs(candidate.Dir) {
		return b, fmt.Errorf("the application %s is built in and has no history: compare it with itself by --aa, or give two folders by --base and --candidate", candidate.Dir)
	}
	state, err := checkout.Look(ctx, candidate.Dir)
	if err != nil {
		return b, err
	}
	if state.Root == "" {
		return b, fmt.Errorf("%s is in no git repository, or git is not here: give the folder of the other build by --base, or compare the application with itself by --aa", candidate.Dir)
	}
	commit, note, name := "", "", f.base
	if f.base != "" {
		commit, err = checkout.Resolve(ctx, state.Root, f.base)
	} else {
		commit, note, err = checkout.MergeBase(ctx, state.Root)
		name = note
	}
	if err != nil {
		return b, err
	}
	b.Repo, b.Checkout, b.Branch = state.Root, commit, branchNamed(ctx, state.Root, name)
	if b.Revision, err = checkout.Short(ctx, state.Root, commit); err != nil {
		return b, err
	}
	if b.Dir, err = within(state.Root, candidate.Dir); err != nil {
		return b, err
	}
	if note != "" {
		m.Notes = append(m.Notes, fmt.Sprintf("the base is %s, by %s", b.Revision, note))
	}
	return b, nil
}

// within returns dir relative to the root of its repository, whatever links are
// on the way.
func within(root, dir string) (string, error) {
	for _, path := range []*string{&root, &dir} {
		real, err := filepath.EvalSymlinks(*path)
		if err != nil {
			return "", err
		}
		*path = real
	}
	return filepath.Rel(root, dir)
}

// unchanged checks that the builds of a gate that goes on are what they were.
func unchanged(ctx context.Context, g *rundir.Gate) error {
	for _, b := range []struct {
		name string
		rundir.Build
	}{{rundir.Base, g.Base}, {rundir.Candidate, g.Candidate}} {
		if b.Checkout != "" || !filepath.IsAbs(b.Dir) {
			continue
		}
		now, err := checkout.Look(ctx, b.Dir)
		if err != nil {
			return err
		}
		if now.Revision != b.Revision || now.Changes != b.Changes {
			return badInputf("cannot resume: the %s in %s has changed since the gate began, from %s to %s: start a new gate", b.name, b.Dir, b.Revision, now.Revision)
		}
	}
	return nil
}

// checkOut brings the base of another revision into the run directory. The
// function that it returns, which is never nil, removes it.
func checkOut(ctx context.Context, run *rundir.Run, p *progress) (leave func() error, err error) {
	b := run.Manifest.Gate.Base
	if b.Checkout == "" {
		return func() error { return nil }, nil
	}
	p.show("checking out the base", run.Manifest.Scenario.Gate.Budget.Std())
	dir := run.Path(checkoutDir)
	leave = func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return checkout.Remove(ctx, b.Repo, dir)
	}
	notes, err := checkout.Add(ctx, b.Repo, dir, b.Checkout)
	for _, n := range notes {
		p.note("%s", n)
	}
	return leave, err
}

// buildScenario is the scenario as it is for one build: the application, and the
// static files in its folder or its repository, are those of the build.
func buildScenario(m *rundir.Manifest, build, runDir string) *scenarios.Scenario {
	s := *only(&m.Scenario, m.Gate.Cell)
	b := m.Gate.Candidate
	if build == rundir.Base {
		b = m.Gate.Base
	}
	moves := []struct{ from, to string }{{s.App.Dir, b.Dir}}
	if b.Checkout != "" {
		root := filepath.Join(runDir, checkoutDir)
		moves[0].to = filepath.Join(root, b.Dir)
		moves = append(moves, struct{ from, to string }{b.Repo, root})
	}
	s.App.Dir = moves[0].to
	mounts := s.App.Static
	s.App.Static = nil
	for _, mount := range mounts {
		for _, move := range moves {
			if rel, ok := below(move.from, mount.Dir); ok {
				mount.Dir = filepath.Join(move.to, rel)
				break
			}
		}
		s.App.Static = append(s.App.Static, mount)
	}
	return &s
}

// below returns path relative to dir, if it lies in it.
func below(dir, path string) (rel string, ok bool) {
	if !filepath.IsAbs(dir) || !filepath.IsAbs(path) {
		return "", false
	}
	rel, err := filepath.Rel(dir, path)
	return rel, err == nil && filepath.IsLocal(rel)
}

// resolveBuild is the application of a build, as it is started. Everything that
// it writes is in the build's own folder of the run.
func resolveBuild(ctx context.Context, m rundir.Manifest, build, runDir string) (*stack.App, error) {
	runDir, err := filepath.Abs(runDir)
	if err != nil {
		return nil, err
	}
	app, _, err := stack.Resolve(ctx, buildScenario(&m, build, runDir), filepath.Join(runDir, build))
	if err != nil {
		return nil, exitError{exitInconclusive, fmt.Errorf("the %s: %w", build, err)}
	}
	return app, nil
}
