package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"sweetspot/runner/calibrate"
	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
	"sweetspot/runner/sample"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

// prepared is a run as a site is ready to make it.
type prepared struct {
	object   string // unique for what was downloaded
	dir      string // in the scratch folder
	manifest rundir.Manifest
	app      *stack.App
	facts    wire.Facts
	apart    bool // generators on hosts of their own attack
}

// prepare gets a run's manifest and application, and resolves them on this
// machine. An error is why the run cannot be made here, or errStopped.
func (s *site) prepare(ctx context.Context, v wire.Visit) (*prepared, error) {
	if v.Protocol != wire.Protocol {
		return nil, fmt.Errorf("the run speaks protocol %d, agent %s is version %s and speaks %d; install the same version everywhere", v.Protocol, s.Name, s.Version, wire.Protocol)
	}
	var r wire.Run
	err := persist(ctx, func() (err error) { r, err = s.record(ctx, v.Run); return err })
	if err != nil {
		return nil, err
	}
	info, err := s.raw.GetInfo(ctx, r.Manifest)
	if err != nil {
		return nil, fmt.Errorf("manifest of run %s: %w", v.Run, err)
	}
	apart := len(s.generators(ctx)) > 0
	switch {
	case s.Role == wire.Subject && !apart:
		return nil, fmt.Errorf("%w: site %s has no generator", errGivenBack, s.Site)
	case s.ready != nil && s.ready.object == info.NUID && s.ready.apart == apart:
		return s.ready, nil
	}
	s.abandon()
	p := &prepared{object: info.NUID, dir: s.inScratch("run"), apart: apart}
	if err := os.RemoveAll(p.dir); err != nil {
		return nil, err
	}
	if err := s.fetch(ctx, r, p); err != nil {
		return nil, err
	}
	if err := p.resolve(ctx); err != nil {
		return nil, err
	}
	s.ready = p
	return p, nil
}

// fetch downloads the manifest and, unless it comes with the program, the
// application.
func (s *site) fetch(ctx context.Context, r wire.Run, p *prepared) error {
	base := filepath.Join(p.dir, "base")
	if err := os.MkdirAll(filepath.Join(base, "trials"), 0o755); err != nil {
		return err
	}
	if err := persist(ctx, func() error { return download(ctx, s.raw, r.Manifest, base, "") }); err != nil {
		return err
	}
	run, err := rundir.Read(base)
	if err != nil {
		return err
	}
	if err := run.ReadRecording(); err != nil {
		return err
	}
	p.manifest = run.Manifest
	if r.App == "" {
		return nil
	}
	app := filepath.Join(p.dir, "application")
	if err := persist(ctx, func() error { return download(ctx, s.raw, r.App, app, "") }); err != nil {
		return err
	}
	return relocate(&p.manifest.Scenario.App, app)
}

// relocate moves an application to another folder. What it names outside of its
// own folder has to be where it is.
func relocate(a *scenarios.App, to string) error {
	from := filepath.Clean(a.Dir)
	move := func(path string) string {
		if inside, err := filepath.Rel(from, path); err == nil && filepath.IsAbs(path) && filepath.IsLocal(inside) {
			return filepath.Join(to, inside)
		}
		return path
	}
	moveList := func(text string) string { // as PYTHONPATH is
		parts := strings.Split(text, ":")
		for i := range parts {
			parts[i] = move(parts[i])
		}
		return strings.Join(parts, ":")
	}
	a.Dir = to
	for i := range a.Static {
		a.Static[i].Dir = move(a.Static[i].Dir)
		if dir := a.Static[i].Dir; filepath.IsAbs(dir) && len(a.Prepare) == 0 {
			if _, err := os.Stat(dir); err != nil {
				return fmt.Errorf("static files of %s: %w; keep them inside the application's folder", a.Static[i].URL, err)
			}
		}
	}
	for name, value := range a.Env {
		a.Env[name] = moveList(value)
	}
	for i := range a.Prepare {
		for j := range a.Prepare[i] {
			a.Prepare[i][j] = move(a.Prepare[i][j])
		}
	}
	return nil
}

// resolve finds out what there is on this machine for the run.
func (p *prepared) resolve(ctx context.Context) (err error) {
	m := &p.manifest
	allowed, err := sample.Allowed()
	if err != nil {
		return err
	}
	if m.CPUs, err = divide(m.Scenario.CPUs, allowed, p.apart); err != nil {
		return err
	}
	if p.app, m.Missing, err = stack.Resolve(ctx, &m.Scenario, p.dir); err != nil {
		return err
	}
	m.Versions = stack.Versions(ctx, p.app, &m.Scenario)
	p.facts = wire.Facts{CPUs: m.CPUs, Versions: m.Versions, Missing: m.Missing}
	return nil
}

// start makes this process and the application ready for a visit.
func (p *prepared) start(ctx context.Context) error {
	return errors.Join(p.favourSelf(), p.app.Prepare(ctx, p.manifest.Scenario.App, io.Discard))
}

// favourSelf gives this process the generator's CPUs, and a claim to them, where
// it is the generator.
func (p *prepared) favourSelf() error {
	if p.apart {
		return sample.PinSelf(p.manifest.CPUs.App) // it only looks on
	}
	if err := sample.PinSelf(p.manifest.CPUs.Generator); err != nil {
		return err
	}
	_, err := sample.PreferSelf()
	return err
}

// calibrated are the facts with a calibration of the generator, unless the run
// has one.
func (p *prepared) calibrated(ctx context.Context) (wire.Facts, error) {
	f := p.facts
	switch {
	case p.manifest.Calibration != nil:
		return f, nil
	case p.apart:
		f.Note = "the generators were not calibrated: they have hosts of their own"
		return f, nil
	}
	if err := p.favourSelf(); err != nil {
		return f, err
	}
	f.Calibration, f.Note = calibrate.ForRun(ctx, p.manifest, filepath.Join(p.dir, "calibration"))
	return f, ctx.Err()
}
