package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// tempRoot is fixed and short: TMPDIR may be long, and may differ between the
// dead run and the one that sweeps.
const tempRoot = "/tmp"

const tempPrefix = "sweetspot-"

// TempDir makes a folder with a short path outside the run, for sockets whose
// path would be too long. The caller removes it; if the caller dies, a sweep
// does.
func TempDir(runID string) (string, error) {
	dir, err := os.MkdirTemp(tempRoot, tempPrefix+ownMark(runID).inName()+"_*")
	if err != nil {
		return "", fmt.Errorf("make a temporary folder: %w", err)
	}
	return dir, nil
}

// removeTempDirs removes the folders of TempDir whose owner matches.
func removeTempDirs(match func(mark) bool) error {
	dirs, err := filepath.Glob(filepath.Join(tempRoot, tempPrefix+"*_*_*_*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range dirs {
		if m, ok := markInName(strings.TrimPrefix(filepath.Base(dir), tempPrefix)); ok && match(m) {
			errs = append(errs, os.RemoveAll(dir))
		}
	}
	return errors.Join(errs...)
}
