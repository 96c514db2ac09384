package sample

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// unpack writes the files of an archive below a folder of the test, whose
// process is 10.
func unpack(t *testing.T, archive string) root {
	t.Helper()
	r := root(t.TempDir())
	unpackInto(t, r, archive)
	if err := os.Symlink("10", r.path("proc", "self")); err != nil {
		t.Fatal(err)
	}
	return r
}

func unpackInto(t *testing.T, r root, archive string) {
	t.Helper()
	a, err := txtar.ParseFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range a.Files {
		files[f.Name] = string(f.Data)
	}
	r.write(t, files)
}

func (r root) write(t *testing.T, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := r.path(name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// fixtureOf writes a machine with one process, and files below sys/fs/cgroup.
// An empty text is a missing file.
func fixtureOf(t *testing.T, cgroup, mounts string, files map[string]string) root {
	t.Helper()
	r := root(t.TempDir())
	all := map[string]string{"proc/10/comm": "sweetspot\n"}
	if cgroup != "" {
		all["proc/10/cgroup"], all["proc/10/mountinfo"] = cgroup, mounts
	}
	for name, text := range files {
		all["sys/fs/cgroup/"+name] = text
	}
	r.write(t, all)
	if err := os.Symlink("10", r.path("proc", "self")); err != nil {
		t.Fatal(err)
	}
	return r
}
