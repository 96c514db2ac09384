package fleet

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
)

// Bounds of a folder that is unpacked.
const (
	maxFiles    = 200_000
	maxUnpacked = 4 * wire.MaxObject // bytes
)

// machineMade are folders that are no part of an application: others come in
// their place at a site, or none are needed.
var machineMade = []string{".git", ".hg", ".tox", ".venv", "venv", "node_modules", "__pycache__", "runs"}

// What of a folder is packed.
func everything(string, fs.DirEntry) bool        { return true }
func ofApplication(_ string, e fs.DirEntry) bool { return !slices.Contains(machineMade, e.Name()) }
func ofManifest(name string, _ fs.DirEntry) bool {
	return slices.Contains([]string{rundir.ManifestFile, rundir.ScenarioFile, rundir.RecordingFile}, name)
}

// pack writes what is wanted of a folder as a tar archive in gzip. Links inside
// it stay links; one that leads out of it is packed as the file that it means,
// and is an error where it means a folder.
func pack(w io.Writer, dir string, want func(name string, e fs.DirEntry) bool) error {
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		switch {
		case want(name, e):
			return packOne(t, path, name)
		case e.IsDir():
			return fs.SkipDir
		}
		return nil
	})
	if err := errors.Join(err, t.Close(), z.Close()); err != nil {
		return fmt.Errorf("pack %s: %w", dir, err)
	}
	return nil
}

func packOne(t *tar.Writer, path, name string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	target := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(path); err != nil {
			return err
		}
		if filepath.IsAbs(target) || !filepath.IsLocal(filepath.Join(filepath.Dir(name), target)) {
			if info, err = os.Stat(path); err != nil {
				return err
			}
			if info.IsDir() {
				return fmt.Errorf("%s leads out of the folder, to %s; copy that folder into it", name, target)
			}
		}
	}
	if !info.Mode().IsRegular() && !info.IsDir() && info.Mode()&fs.ModeSymlink == 0 {
		return nil // a socket, or a pipe
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	h.Name, h.Uid, h.Gid, h.Uname, h.Gname = filepath.ToSlash(name), 0, 0, "", ""
	if err := t.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
		return err
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(t, io.LimitReader(in, h.Size)) // a log may grow meanwhile
	return err
}

// unpack writes what pack packed into a folder. Nothing of it can end up
// elsewhere, and it stops at its bounds.
func unpack(r io.Reader, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	z, err := gzip.NewReader(r)
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	t, left := tar.NewReader(z), int64(maxUnpacked)
	for range maxFiles {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			_, err := io.Copy(io.Discard, z) // its checksum is at the end
			return err
		}
		if err != nil {
			return fmt.Errorf("unpack: %w", err)
		}
		if left -= h.Size; left < 0 {
			return fmt.Errorf("unpack: more than %d bytes", int64(maxUnpacked))
		}
		if err := unpackOne(root, t, h); err != nil {
			return fmt.Errorf("unpack %q: %w", h.Name, err)
		}
	}
	return fmt.Errorf("unpack: more than %d files", maxFiles)
}

func unpackOne(root *os.Root, t io.Reader, h *tar.Header) (err error) {
	name := filepath.FromSlash(h.Name)
	if !filepath.IsLocal(name) {
		return errors.New("the name leads out of the folder")
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeSymlink:
		if filepath.IsAbs(h.Linkname) || !filepath.IsLocal(filepath.Join(filepath.Dir(name), h.Linkname)) {
			return fmt.Errorf("it links to %q, out of the folder", h.Linkname)
		}
		return root.Symlink(h.Linkname, name)
	case tar.TypeReg:
	default:
		return fmt.Errorf("it is of type %q: want a file, a folder or a link", h.Typeflag)
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, h.FileInfo().Mode().Perm()|0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.Copy(f, t)
	return err
}

// packFile packs a folder into a file, and returns its digest.
func packFile(file, dir string, want func(string, fs.DirEntry) bool) (digest string, err error) {
	f, err := os.Create(file)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	if err := pack(io.MultiWriter(f, sum), dir, want); err != nil {
		return "", err
	}
	if info, err := f.Stat(); err != nil {
		return "", err
	} else if info.Size() > wire.MaxObject {
		return "", fmt.Errorf("pack %s: %d bytes, at most %d are sent", dir, info.Size(), wire.MaxObject)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// upload puts a file into the object store. An object of that name is replaced.
func upload(ctx context.Context, store jetstream.ObjectStore, name, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := store.Put(ctx, jetstream.ObjectMeta{Name: name}, f); err != nil {
		return fmt.Errorf("upload %s: %w", name, err)
	}
	return nil
}

// uploadFolder packs what is wanted of a folder and puts it into the object
// store.
func uploadFolder(ctx context.Context, store jetstream.ObjectStore, name, dir string, want func(string, fs.DirEntry) bool) (err error) {
	f, err := os.CreateTemp("", "sweetspot-upload-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	if err := f.Close(); err != nil {
		return err
	}
	if _, err := packFile(f.Name(), dir, want); err != nil {
		return err
	}
	return persist(ctx, func() error { return upload(ctx, store, name, f.Name()) })
}

// download unpacks an object into a folder. The store checks its own digest of
// it; want, unless it is empty, is that of who sent it.
func download(ctx context.Context, store jetstream.ObjectStore, name, dir, want string) error {
	o, err := store.Get(ctx, name)
	if err != nil {
		return fmt.Errorf("download %s: %w", name, err)
	}
	defer o.Close()
	if info, err := o.Info(); err != nil {
		return fmt.Errorf("download %s: %w", name, err)
	} else if info.Size > wire.MaxObject {
		return fmt.Errorf("download %s: %d bytes, at most %d are taken", name, info.Size, wire.MaxObject)
	}
	sum := sha256.New()
	in := io.TeeReader(io.LimitReader(o, wire.MaxObject), sum)
	if err := unpack(in, dir); err != nil {
		return fmt.Errorf("download %s: %w", name, err)
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return fmt.Errorf("download %s: %w", name, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); want != "" && got != want {
		return fmt.Errorf("download %s: its digest is %s, want %s", name, got, want)
	}
	return nil
}
