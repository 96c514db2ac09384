package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Pending is a trial under way. Its folder counts only once it is committed.
type Pending struct {
	ID  int
	Dir string
	run *Run
}

// Begin makes the folder of the next trial.
func (r *Run) Begin() (*Pending, error) {
	id := 1
	if n := len(r.trials); n > 0 {
		id = r.trials[n-1].ID + 1
	}
	p := &Pending{ID: id, Dir: r.TrialDir(id) + pendingSuffix, run: r}
	if err := os.Mkdir(p.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("begin trial %d: %w", id, err)
	}
	return p, nil
}

// Commit writes the trial and its histograms, and puts the folder in place by
// one rename: a trial is there whole or not at all.
func (p *Pending) Commit(t Trial, h map[string]Histograms) error {
	t.ID = p.ID
	if err := p.commit(t, h); err != nil {
		return fmt.Errorf("commit trial %d: %w", p.ID, err)
	}
	p.run.trials = append(p.run.trials, t)
	return nil
}

func (p *Pending) commit(t Trial, h map[string]Histograms) error {
	encoded, err := encodeHistograms(h)
	if err != nil {
		return err
	}
	if err := writeJSON(p.Dir+"/"+HistogramsFile, encoded); err != nil {
		return err
	}
	if err := writeJSON(p.Dir+"/"+TrialFile, t); err != nil {
		return err
	}
	if err := os.Rename(p.Dir, p.run.TrialDir(p.ID)); err != nil {
		return err
	}
	return syncDir(p.run.Path(trialsDir))
}

// Read reads a trial and its histograms whose files are in the folder already:
// they come from another run directory.
func (p *Pending) Read() (t Trial, h map[string]Histograms, err error) {
	if err := readJSON(filepath.Join(p.Dir, TrialFile), &t); err != nil {
		return t, nil, fmt.Errorf("read trial: %w", err)
	}
	if h, err = readHistograms(p.Dir); err != nil {
		return t, nil, fmt.Errorf("read histograms: %w", err)
	}
	return t, h, nil
}

// Discard removes the folder of a trial that is not to be committed. After
// Commit it does nothing.
func (p *Pending) Discard() error { return os.RemoveAll(p.Dir) }

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// encodedHistograms is one class in HdrHistogram's V2 compressed encoding,
// base64.
type encodedHistograms struct {
	Response, Service, Lag string
}

func encodeHistograms(classes map[string]Histograms) (map[string]encodedHistograms, error) {
	out := make(map[string]encodedHistograms, len(classes))
	for class, h := range classes {
		var e encodedHistograms
		for _, x := range []struct {
			dst *string
			src *hdr.Histogram
		}{{&e.Response, h.Response}, {&e.Service, h.Service}, {&e.Lag, h.Lag}} {
			b, err := x.src.Encode(hdr.V2CompressedEncodingCookieBase)
			if err != nil {
				return nil, fmt.Errorf("encode histogram of class %s: %w", class, err)
			}
			*x.dst = string(b)
		}
		out[class] = e
	}
	return out, nil
}

// Histograms reads the histograms of a committed trial, by class. A trial
// without an attack has none.
func (r *Run) Histograms(id int) (map[string]Histograms, error) {
	h, err := readHistograms(r.TrialDir(id))
	if err != nil {
		return nil, fmt.Errorf("read histograms of trial %d: %w", id, err)
	}
	return h, nil
}

func readHistograms(dir string) (map[string]Histograms, error) {
	var encoded map[string]encodedHistograms
	err := readJSON(filepath.Join(dir, HistogramsFile), &encoded)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := make(map[string]Histograms, len(encoded))
	for class, e := range encoded {
		var h Histograms
		for _, x := range []struct {
			src string
			dst **hdr.Histogram
		}{{e.Response, &h.Response}, {e.Service, &h.Service}, {e.Lag, &h.Lag}} {
			if *x.dst, err = hdr.Decode([]byte(strings.TrimSpace(x.src))); err != nil {
				return nil, fmt.Errorf("class %s: %w", class, err)
			}
		}
		out[class] = h
	}
	return out, nil
}
