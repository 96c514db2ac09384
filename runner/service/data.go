package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// unfinished is the ending of a folder that is being filled. It is renamed
// when it is complete, so that no start uses half a database.
const unfinished = ".new"

// prepareData decides where the data are while the service runs, and puts
// them there.
func (s *Service) prepareData(ctx context.Context) error {
	parent := filepath.Dir(s.cfg.Data)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	s.place.data = s.cfg.Data
	reached, err := s.reaches(ctx, parent)
	if err != nil {
		return err
	}
	if !reached {
		s.place.data = filepath.Join(s.temp, "data")
	}
	_, err = os.Stat(s.cfg.Data)
	switch {
	case errors.Is(err, os.ErrNotExist):
		s.fresh = reached
		return s.initialise(ctx)
	case err != nil || reached:
		return err
	}
	return copyTree(s.cfg.Data, s.place.data)
}

// reaches tells whether the server's account may enter a folder.
func (s *Service) reaches(ctx context.Context, dir string) (bool, error) {
	if !s.place.root {
		return true, nil
	}
	_, err := s.run(ctx, "init", s.driver.asUser(s.place, []string{"/usr/bin/test", "-x", dir}))
	return err == nil, ctx.Err()
}

// initialise makes the data where the server will look for them.
func (s *Service) initialise(ctx context.Context) (err error) {
	at := s.place
	at.data += unfinished
	if err := os.RemoveAll(at.data); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(at.data))
		}
	}()
	if err := s.makeFolder(at.data, 0o700); err != nil {
		return err
	}
	if s.driver.initialise != nil {
		if tail, err := s.run(ctx, "init", s.driver.asUser(at, s.driver.initialise(at))); err != nil {
			return fmt.Errorf("initialise %s: %w\n%s", s.cfg.Data, err, tail)
		}
	}
	return os.Rename(at.data, s.place.data)
}

// makeFolder makes a folder that belongs to the server's account.
func (s *Service) makeFolder(path string, mode os.FileMode) error {
	if err := os.Mkdir(path, mode); err != nil {
		return err
	}
	if !s.place.root {
		return nil
	}
	account, err := user.Lookup(s.driver.user)
	if err != nil {
		return err
	}
	uid, err1 := strconv.Atoi(account.Uid)
	gid, err2 := strconv.Atoi(account.Gid)
	return errors.Join(err1, err2, os.Chown(path, uid, gid))
}

// bringBack copies the data of a stopped service to where they belong, when
// they were elsewhere while it ran.
func (s *Service) bringBack() error {
	if s.place.data == s.cfg.Data {
		return nil
	}
	if err := copyTree(s.place.data, s.cfg.Data+unfinished); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(s.cfg.Data), os.Rename(s.cfg.Data+unfinished, s.cfg.Data))
}

// Copy copies a stopped service's data folder with owners and modes, so that a
// start gets data of its own. to must not exist; after an error it does not.
func Copy(name, from, to string) error {
	if err := copyData(name, from, to); err != nil {
		return fmt.Errorf("copy the data of %s: %w", name, err)
	}
	return nil
}

func copyData(name, from, to string) error {
	d, ok := find(name)
	if !ok {
		return fmt.Errorf("no service is called %q", name)
	}
	if d.lock != "" {
		if _, err := os.Lstat(filepath.Join(from, d.lock)); err == nil {
			return fmt.Errorf("%s: it runs, or has crashed; stop it first", filepath.Join(from, d.lock))
		}
	}
	if _, err := os.Lstat(to); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("%s exists; remove it first", to))
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := copyTree(from, to+unfinished); err != nil {
		return err
	}
	return os.Rename(to+unfinished, to)
}

// copyTree copies a folder with owners and modes; to is replaced, and removed
// after an error.
func copyTree(from, to string) (err error) {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(to))
		}
	}()
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		return copyEntry(path, filepath.Join(to, rel), e)
	})
}

// copyEntry copies one folder without what is in it, or one file. The owner
// comes before the mode, which a change of owner would cut.
func copyEntry(from, to string, e fs.DirEntry) error {
	info, err := e.Info()
	if err != nil {
		return err
	}
	switch {
	case info.IsDir():
		err = os.Mkdir(to, 0o700)
	case info.Mode().IsRegular():
		err = copyFile(from, to)
	default:
		return fmt.Errorf("%s is neither a file nor a folder; keep all data inside the folder", from)
	}
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && isRoot() {
		if err := os.Chown(to, int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	return os.Chmod(to, info.Mode())
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}
