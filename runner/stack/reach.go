package stack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// reaches says which static files a proxy that gives up root could not read:
// it would answer 403, and that would be taken for a finding.
func (px proxy) reaches(s site) error {
	if px.user == "" || !s.machine.root {
		return nil
	}
	for _, m := range s.app.Static {
		if closed := closedFolder(m.Dir); closed != "" {
			return errors.New(closedTo(px.name, px.user, closed))
		}
		file, err := unreadable(m.Dir)
		if err != nil {
			return fmt.Errorf("look through the static files: %w", err)
		}
		if file != "" {
			return fmt.Errorf("%s, started by root, serves as %s, which may not read %s: chmod -R o+rX %s", px.name, px.user, file, m.Dir)
		}
	}
	return nil
}

// closedFolder returns the outermost folder on the way into dir that not every
// user may enter; "" when there is none. What does not exist closes nothing.
func closedFolder(dir string) (closed string) {
	for ; ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o001 == 0 {
			closed = dir
		}
		if dir == filepath.Dir(dir) {
			return closed
		}
	}
}
