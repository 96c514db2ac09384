package stack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"sweetspot/runner/service"
)

// copyData gives a start its own copy of what prepare made. The folders of
// services keep their owners.
func copyData(from, to string, services []string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if from == "" || errors.Is(err, os.ErrNotExist) {
		return os.MkdirAll(to, 0o755)
	}
	if err := errors.Join(err, os.MkdirAll(to, 0o755)); err != nil {
		return fmt.Errorf("copy the application's data: %w", err)
	}
	for _, e := range entries {
		if err := copyEntry(filepath.Join(from, e.Name()), filepath.Join(to, e.Name()), e, services); err != nil {
			return fmt.Errorf("copy the application's data: %w", err)
		}
	}
	return nil
}

func copyEntry(from, to string, e os.DirEntry, services []string) error {
	switch {
	case slices.Contains(services, e.Name()):
		return service.Copy(e.Name(), from, to)
	case e.IsDir():
		return os.CopyFS(to, os.DirFS(from))
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}
