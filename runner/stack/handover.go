package stack

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
)

// handOver gives the folders that an instance writes to the account that it
// serves as, where that is not ours, and makes sure that it reaches everything
// else.
func (st *Stack) handOver(s site) error {
	if st.server.user == "" || !s.machine.root {
		return nil
	}
	account, err := user.Lookup(st.server.user)
	if err != nil {
		return fmt.Errorf("find the account that %s serves as: %w; sudo adduser --system --group %s", st.server.name, err, st.server.user)
	}
	uid, errUID := strconv.Atoi(account.Uid)
	gid, errGID := strconv.Atoi(account.Gid)
	if err := errors.Join(errUID, errGID); err != nil {
		return err
	}
	data := filepath.Join(st.dir, "data")
	for _, dir := range []string{data, filepath.Join(s.dir, "home"), filepath.Join(s.dir, "tmp")} {
		if err := giveTree(dir, uid, gid, s.app.Services); err != nil {
			return fmt.Errorf("give %s to %s: %w", dir, account.Username, err)
		}
	}
	if closed := cmp.Or(closedFolder(st.dir), closedFolder(s.app.Dir)); closed != "" {
		return errors.New(closedTo(st.server.name, account.Username, closed))
	}
	for _, m := range s.app.Static {
		if inside, err := filepath.Rel(data, m.Dir); err == nil && filepath.IsLocal(inside) {
			continue // it has just been given away
		}
		closed, err := unreadable(m.Dir)
		if err != nil {
			return fmt.Errorf("look through the static files: %w", err)
		}
		if closed != "" {
			return fmt.Errorf("%s, started by root, serves as %s, which may not read %s: chmod -R o+rX %s", st.server.name, account.Username, closed, m.Dir)
		}
	}
	return nil
}

// giveTree changes the owner of a folder and all in it, but for the folders of
// services, which have owners of their own. What another instance removes
// meanwhile needs no owner.
func giveTree(dir string, uid, gid int, services []string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if e.IsDir() && filepath.Dir(path) == dir && slices.Contains(services, e.Name()) {
			return fs.SkipDir
		}
		if err := os.Lchown(path, uid, gid); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

func closedTo(server, account, dir string) string {
	return fmt.Sprintf("%s, started by root, serves as %s, which may not enter %s: chmod o+x %s, or have the application and the run elsewhere, with --out",
		server, account, dir, dir)
}

// unreadable returns the first file in a folder that other users may not read;
// "" when there is none.
func unreadable(dir string) (first string, err error) {
	if closed := closedFolder(dir); closed != "" {
		return closed, nil
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err == nil && info.Mode().Perm()&0o004 == 0 {
			first = path
			return fs.SkipAll
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil // requests will find that there is nothing
	}
	return first, err
}
