// Package bundle writes a run as a static site that can be checked, and checks
// one: it computes every published figure again from the raw data beside it.
package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sweetspot/reports"
	"sweetspot/runner/rundir"
)

// schema is the version of the layout that Write writes.
const schema = 1

// Names inside a bundle. The reports, the plots and the winner's configuration
// lie beside them, under the names that package reports gives them.
const (
	aboutFile = "bundle.json"
	sumsFile  = "SHA256SUMS" // as sha256sum writes and checks it
	indexFile = "index.html"
	lintFile  = "lint.json"
	dataDir   = "run" // what is published of the run directory; itself one
)

// About is what a bundle says of itself.
type About struct {
	Schema    int       `json:"schema"`
	Tool      string    `json:"tool"`     // version of the program that wrote it
	Platform  string    `json:"platform"` // that it was built for, as "go1.26.0 linux/amd64"
	Generated time.Time `json:"generated"`
	Draft     bool      `json:"draft"`    // the run is not publishable
	Withheld  []string  `json:"withheld"` // what of the run is not in the bundle, a sentence each
}

// Tools are what a bundle needs of the rest of the program.
type Tools struct {
	Version  string // of this program
	Platform string

	// Conclude judges a run, the rules of measurement included, for a report
	// that is generated at a time.
	Conclude func(run *rundir.Run, at time.Time) (reports.Input, error)

	// Recount computes the load of a trial and its histograms from its raw
	// results. The error is fs.ErrNotExist when it kept none.
	Recount func(run *rundir.Run, t rundir.Trial) (rundir.Load, map[string]rundir.Histograms, error)

	// Progress is told how many trials of how many were recounted.
	Progress func(done, of int)
}

// conclude judges the run whose raw data lies in a bundle.
func (t Tools) conclude(a About, run *rundir.Run) (reports.Input, error) {
	in, err := t.Conclude(run, a.Generated)
	in.Dir = dataDir
	return in, err
}

// site writes all of a bundle that is computed into out: the reports, the plots,
// the verdicts over the rules and the index. dir is the bundle that holds the
// raw data.
func site(a About, in reports.Input, dir, out string) error {
	files, err := reports.Write(in, out)
	if err != nil {
		return fmt.Errorf("write reports: %w", err)
	}
	for i, f := range files {
		if files[i], err = filepath.Rel(out, f); err != nil {
			return err
		}
		files[i] = filepath.ToSlash(files[i])
	}
	if err := writeJSON(filepath.Join(out, lintFile), in.Lint); err != nil {
		return err
	}
	page, err := index(a, in, files, filepath.Join(dir, dataDir))
	if err != nil {
		return fmt.Errorf("write %s: %w", indexFile, err)
	}
	return os.WriteFile(filepath.Join(out, indexFile), page, 0o644)
}

// sum is one line of SHA256SUMS.
type sum struct{ name, hex string }

// sumFiles hashes every file of a folder, in the order of their names, which
// have slashes. What is no file, as a symbolic link, is an error.
func sumFiles(dir string) (sums []sum, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if !e.Type().IsRegular() {
			return fmt.Errorf("%s is no plain file: a bundle holds nothing else", name)
		}
		h, err := hashFile(path)
		sums = append(sums, sum{filepath.ToSlash(name), h})
		return err
	})
	slices.SortFunc(sums, func(a, b sum) int { return strings.Compare(a.name, b.name) })
	return sums, err
}

func hashFile(path string) (_ string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

// listing writes sums as sha256sum does.
func listing(sums []sum) []byte {
	var b bytes.Buffer
	for _, s := range sums {
		fmt.Fprintf(&b, "%s  %s\n", s.hex, s.name)
	}
	return b.Bytes()
}

// readSums reads SHA256SUMS of a bundle.
func readSums(dir string) (sums []sum, err error) {
	b, err := os.ReadFile(filepath.Join(dir, sumsFile))
	if err != nil {
		return nil, err
	}
	for i, line := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
		h, name, ok := strings.Cut(line, "  ")
		if raw, err := hex.DecodeString(h); !ok || err != nil || len(raw) != sha256.Size || !filepath.IsLocal(filepath.FromSlash(name)) {
			return nil, fmt.Errorf("%s, line %d: %q: want a SHA-256, two blanks and the name of a file", sumsFile, i+1, line)
		}
		sums = append(sums, sum{name, h})
	}
	return sums, nil
}

// digest is the SHA-256 of a text, in hex.
func digest(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// Is tells whether a folder holds a bundle, whole or not.
func Is(dir string) bool {
	_, err := readAbout(dir)
	return err == nil
}

func readAbout(dir string) (a About, err error) {
	b, err := os.ReadFile(filepath.Join(dir, aboutFile))
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(b, &a); err != nil {
		return a, fmt.Errorf("%s: %w", aboutFile, err)
	}
	if a.Schema != schema {
		return a, fmt.Errorf("%s has layout %d, this program reads %d; use the version that wrote it: %s", dir, a.Schema, schema, a.Tool)
	}
	return a, nil
}

// writeJSON writes as package rundir does.
func writeJSON(file string, v any) error {
	b, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}
