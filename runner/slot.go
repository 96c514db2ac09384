package runner

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

// slot is the place of one build: its application and what of it runs. A search
// has one, whose build has no name.
type slot struct {
	build string
	app   *stack.App
	dir   string // of the running stack; it is gone when the run ends
	files files
	live  *stack.Stack
	proof proof // of the running stack
	cell  scenarios.Cell
	start int
	cores float64 // that it was started on, as in its step

	appCPUs []int  // that its application may use
	begun   *begun // not yet told by a trial; nil: there is nothing to tell
}

// begun is how a start went that another build's trial had made.
type begun struct {
	took time.Duration
	err  error // ErrNotReady; nil: it runs
}

// newSlots makes the slots of the run, and chooses one of them.
func (b *bench) newSlots() error {
	apps := b.Apps
	if apps == nil {
		apps = map[string]*stack.App{"": b.App}
	}
	b.slots = map[string]*slot{}
	for _, build := range slices.Sorted(maps.Keys(apps)) {
		files, err := newFiles(apps[build], b.Run.Manifest.Scenario.Traffic)
		if err != nil {
			return err
		}
		b.slot = &slot{build: build, app: apps[build], dir: b.Run.Path("live", build), files: files}
		b.slots[build] = b.slot
	}
	return nil
}

// turnTo makes the build of a step the one that is measured. Only a Duel leaves
// the others running.
func (b *bench) turnTo(step rundir.Step) error {
	s, ok := b.slots[step.Build]
	if !ok {
		return fmt.Errorf("the run has no build %q", step.Build)
	}
	b.slot = s
	if step.Phase == rundir.Duel {
		return nil
	}
	return b.stopOthers()
}

// suffix tells the builds of a trial apart.
func (s *slot) suffix() string {
	if s.build == "" {
		return ""
	}
	return "-" + s.build
}

// liveDir is where the running stack lives.
func (s *slot) liveDir() string { return s.dir }

// stop ends the running stack and removes its folder.
func (s *slot) stop() error {
	var err error
	if s.live != nil {
		err = s.live.Stop()
		s.live = nil
	}
	s.begun = nil
	return errors.Join(err, os.RemoveAll(s.dir))
}

// stopOthers ends what runs of the builds that are not measured.
func (b *bench) stopOthers() error {
	var errs []error
	for _, s := range b.slots {
		if s != b.slot {
			errs = append(errs, s.stop())
		}
	}
	return errors.Join(errs...)
}

// stopAll ends all that runs and removes its folders.
func (b *bench) stopAll() error {
	err := errors.Join(b.stopOthers(), b.stop())
	return errors.Join(err, os.RemoveAll(filepath.Clean(b.Run.Path("live"))))
}
