package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// baseline is the file of a stored baseline.
type baseline struct {
	Schema    int       `json:"sweetspot_baseline"`
	Summaries []Summary `json:"summaries"`
}

// largestBaseline keeps a file that is something else out of memory.
const largestBaseline = 64 << 20

// ReadBaseline reads the file of a stored baseline. It has one summary or
// more, all of one scenario.
func ReadBaseline(file string) ([]Summary, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("read baseline: %w", err)
	}
	if info.Size() > largestBaseline {
		return nil, fmt.Errorf("read baseline: %s has %d MB: it is no baseline", file, info.Size()>>20)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read baseline: %w", err)
	}
	var in baseline
	if err := json.Unmarshal(b, &in); err != nil {
		return nil, fmt.Errorf("read baseline: %s: %w: write one with sweetspot history export --format baseline", file, err)
	}
	switch {
	case in.Schema == 0:
		return nil, fmt.Errorf("read baseline: %s is no baseline: write one with sweetspot history export --format baseline", file)
	case in.Schema != form:
		return nil, fmt.Errorf("read baseline: %s has schema %d, and this program reads %d: use the sweetspot that wrote it", file, in.Schema, form)
	}
	if err := checkBaseline(in.Summaries); err != nil {
		return nil, fmt.Errorf("read baseline: %s: %w", file, err)
	}
	return in.Summaries, nil
}

// checkBaseline refuses summaries that do not compare with each other.
func checkBaseline(all []Summary) error {
	if len(all) == 0 {
		return errors.New("no summary is in it")
	}
	for _, s := range all {
		if err := s.check(); err != nil {
			return err
		}
		for _, differs := range []struct{ what, first, other string }{
			{"kind", all[0].Kind, s.Kind}, {"scenario", all[0].Scenario, s.Scenario},
			{"text of the scenario", all[0].ScenarioHash, s.ScenarioHash}, {"cell", all[0].Cell, s.Cell},
		} {
			if differs.first != differs.other {
				return fmt.Errorf("summaries %s and %s differ in the %s: %s and %s; keep those that compare", all[0].ID, s.ID, differs.what, differs.first, differs.other)
			}
		}
	}
	return nil
}

// WriteBaseline writes the file of a stored baseline, in whole or not at all.
func WriteBaseline(file string, all []Summary) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write baseline %s: %w", file, err)
		}
	}()
	if err := checkBaseline(all); err != nil {
		return err
	}
	b, err := json.MarshalIndent(baseline{form, all}, "", "\t")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".baseline-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(append(b, '\n'))
	if err := errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
