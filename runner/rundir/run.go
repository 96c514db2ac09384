package rundir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// SchemaVersion is the version of the layout that Create writes.
const SchemaVersion = 1

// Names inside a run directory.
const (
	ManifestFile   = "manifest.json"
	ScenarioFile   = "scenario.yaml"
	RecordingFile  = "arrivals.txt"
	TrialFile      = "trial.json"
	HistogramsFile = "histograms.json"

	// RawFile is a trial's raw results: gzip over vegeta's gob encoding.
	RawFile = "results.bin.gz"

	trialsDir     = "trials"
	lockFile      = ".lock"
	pendingSuffix = ".part"
)

// Run is an open run directory. One process at a time has it open for writing.
type Run struct {
	Dir      string // absolute
	Manifest Manifest
	trials   []Trial
	hosts    map[string]FleetHost // by agent; nil: the run is of one machine
	lock     *os.File
}

// Create makes dir, which must be new or empty, and writes the manifest, the
// scenario as given and what the run replays.
func Create(dir string, m Manifest) (*Run, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("create run: %w", err)
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("create run: %s is not empty; go on with it by --resume %[1]s, or choose another --out", dir)
	}
	if err := os.MkdirAll(filepath.Join(dir, trialsDir), 0o755); err != nil {
		return nil, fmt.Errorf("create run: %w", err)
	}
	r := &Run{Dir: dir, Manifest: m}
	r.Manifest.Schema = SchemaVersion
	if err := r.acquire(); err != nil {
		return nil, err
	}
	if err := writeFile(filepath.Join(dir, ScenarioFile), []byte(m.Source)); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if err := r.keepRecording(); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if err := writeJSON(filepath.Join(dir, ManifestFile), r.Manifest); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Read opens a run directory for reading only.
func Read(dir string) (*Run, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open run: %w", err)
	}
	r := &Run{Dir: dir}
	if err := readJSON(filepath.Join(dir, ManifestFile), &r.Manifest); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("open run: %s has no %s: it is not a run directory", dir, ManifestFile)
		}
		return nil, fmt.Errorf("open run: %w", err)
	}
	if r.Manifest.Schema != SchemaVersion {
		return nil, fmt.Errorf("open run: %s has layout %d, this program reads %d; use the version that wrote it: %s",
			dir, r.Manifest.Schema, SchemaVersion, r.Manifest.Tool)
	}
	return r, errors.Join(r.readTrials(), r.readHosts())
}

// Resume opens a run directory to go on with it. What an interrupted trial
// left behind is removed.
func Resume(dir string) (*Run, error) {
	r, err := Read(dir)
	if err != nil {
		return nil, err
	}
	if err := r.acquire(); err != nil {
		return nil, err
	}
	if err := errors.Join(r.ReadRecording(), r.removePending()); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Calibrated completes the manifest with what the calibration found, nil when
// none could be made, and a note on it, if any.
func (r *Run) Calibrated(c *Calibration, note string) error {
	r.Manifest.Calibration = c
	if note != "" {
		r.Manifest.Notes = append(slices.Clip(r.Manifest.Notes), note)
	}
	return replaceJSON(r.Path(ManifestFile), r.Manifest)
}

// Close releases the directory for other processes.
func (r *Run) Close() error {
	if r.lock == nil {
		return nil
	}
	err := r.lock.Close()
	r.lock = nil
	return err
}

// Trials returns the committed trials in the order they were done.
func (r *Run) Trials() []Trial { return r.trials }

// Path returns the path of a name inside the run directory.
func (r *Run) Path(name ...string) string {
	return filepath.Join(append([]string{r.Dir}, name...)...)
}

// TrialDir returns the folder of a committed trial.
func (r *Run) TrialDir(id int) string { return r.Path(trialsDir, trialName(id)) }

func trialName(id int) string { return fmt.Sprintf("%04d", id) }

// acquire takes the lock that keeps a second process out. The kernel drops it
// when the process ends, however it ends.
func (r *Run) acquire() error {
	f, err := os.OpenFile(filepath.Join(r.Dir, lockFile), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("lock run: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return errors.Join(fmt.Errorf("lock run: %s is in use by another sweetspot; wait for it to end", r.Dir), f.Close())
	}
	r.lock = f
	return nil
}

func (r *Run) readTrials() error {
	entries, err := os.ReadDir(r.Path(trialsDir))
	if err != nil {
		return fmt.Errorf("read trials: %w", err)
	}
	for _, e := range entries { // sorted by name, thus by ID
		if strings.HasSuffix(e.Name(), pendingSuffix) {
			continue
		}
		var t Trial
		if err := readJSON(r.Path(trialsDir, e.Name(), TrialFile), &t); err != nil {
			return fmt.Errorf("read trial %s: %w", e.Name(), err)
		}
		if id, err := strconv.Atoi(e.Name()); err != nil || id != t.ID {
			return fmt.Errorf("read trial %s: its file says trial %d; the folder was renamed", e.Name(), t.ID)
		}
		r.trials = append(r.trials, t)
	}
	return nil
}

func (r *Run) removePending() error {
	parts, err := filepath.Glob(r.Path(trialsDir, "*"+pendingSuffix))
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err := os.RemoveAll(p); err != nil {
			return fmt.Errorf("remove unfinished trial: %w", err)
		}
	}
	return nil
}

func readJSON(file string, v any) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

func writeJSON(file string, v any) error {
	b, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return writeFile(file, append(b, '\n'))
}

// writeFile writes and syncs a file, so that a rename of its folder commits
// it.
func writeFile(file string, b []byte) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(b); err != nil {
		return err
	}
	return f.Sync()
}
