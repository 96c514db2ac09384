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
	dir, err := os.MkdirTemp(tempRoot, tempPrefix+ownMark(runID).inName()+"_"+ownNamespace+"_*")
	if err != nil {
		return "", fmt.Errorf("make a temporary folder: %w", err)
	}
	return dir, nil
}

// ownNamespace is the number of our pid namespace; empty without /proc.
var ownNamespace = func() string {
	ns, err := os.Readlink("/proc/self/ns/pid") // as pid:[4026531836]
	if err != nil {
		return ""
	}
	return strings.Trim(ns, "pid:[]")
}()

// removeTempDirs removes the folders of TempDir whose owner matches. As with
// processes it looks only at those of our own pid namespace, for containers may
// share the folder that they are in.
func removeTempDirs(match func(mark) bool) error {
	dirs, err := filepath.Glob(filepath.Join(tempRoot, tempPrefix+"*_*_*_"+ownNamespace+"_*"))
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
