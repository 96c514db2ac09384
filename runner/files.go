package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

const (
	mostPaths = 10_000 // of one request, whose files are looked at
	mostShown = 8      // static paths of which a run says how they are served
)

// files are the static files that the traffic asks for, as they are on disk.
type files struct {
	expect map[string]scenarios.Expect // by path without its query
	sums   map[string]stack.FileSum    // by path as sent
	shown  []string                    // some of the paths, in the order of the requests
	disk   []string                    // their places
}

// newFiles finds the files behind the static requests: those under one of the
// application's mounts. A path without a file is left to what its request
// expects.
func newFiles(app *stack.App, t scenarios.Traffic) (files, error) {
	f := files{expect: map[string]scenarios.Expect{}, sums: map[string]stack.FileSum{}}
	for _, r := range t.Requests {
		if r.Class != scenarios.Static || r.Method != "GET" || r.Weight == 0 {
			continue
		}
		for i, path := range paths(r) {
			if err := f.add(app, path, i == 0); err != nil {
				return files{}, fmt.Errorf("read what %s should answer: %w", path, err)
			}
		}
	}
	return f, nil
}

// add looks at the file of one path.
func (f *files) add(app *stack.App, path string, show bool) error {
	name := place(app, path)
	if name == "" {
		return nil
	}
	sum, err := sumFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	f.sums[path] = sum
	bare, _, _ := strings.Cut(path, "?")
	f.expect[bare] = scenarios.Expect{Length: &sum.Length, SHA256: hex.EncodeToString(sum.Sum[:])}
	f.disk = append(f.disk, name)
	if show && len(f.shown) < mostShown {
		f.shown = append(f.shown, path)
	}
	return nil
}

// place returns where the file of a path is; "" when no mount has it.
func place(app *stack.App, path string) string {
	path, _, _ = strings.Cut(path, "?")
	for _, m := range app.Static {
		if rest, ok := strings.CutPrefix(path, m.URL); ok {
			return filepath.Join(strings.ReplaceAll(m.Dir, "{data}", app.DataDir), filepath.FromSlash(rest))
		}
	}
	return ""
}

func sumFile(name string) (s stack.FileSum, err error) {
	in, err := os.Open(name)
	if err != nil {
		return s, err
	}
	defer in.Close()
	if info, err := in.Stat(); err != nil || !info.Mode().IsRegular() {
		return s, errors.Join(err, fs.ErrNotExist)
	}
	hash := sha256.New()
	s.Length, err = io.Copy(hash, in)
	s.Sum = [sha256.Size]byte(hash.Sum(nil))
	return s, err
}

// paths returns the paths that a request can be sent to, the first mostPaths
// of them.
func paths(r scenarios.Request) []string {
	all := []string{r.Path}
	for name, values := range r.Params {
		var next []string
		for _, path := range all {
			for _, value := range expand(values) {
				if len(next) == mostPaths {
					break
				}
				next = append(next, strings.ReplaceAll(path, "{"+name+"}", value))
			}
		}
		all = next
	}
	return all
}

// expand returns the texts that a parameter is drawn from, the first mostPaths
// of them.
func expand(v scenarios.Values) (texts []string) {
	first, n, ok := v.Span()
	if !ok {
		return v
	}
	for i := range min(n, mostPaths) {
		texts = append(texts, strconv.FormatUint(first+i, 10))
	}
	return texts
}

// evict drops the files from the page cache.
func (f *files) evict() error {
	for _, name := range f.disk {
		if err := evict(name); err != nil {
			return fmt.Errorf("drop %s from the page cache: %w", name, err)
		}
	}
	return nil
}

func evict(name string) error {
	in, err := os.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	// What is not yet on disk cannot be dropped.
	if err := in.Sync(); err != nil {
		return err
	}
	return unix.Fadvise(int(in.Fd()), 0, 0, unix.FADV_DONTNEED)
}
