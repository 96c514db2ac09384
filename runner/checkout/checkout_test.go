package checkout

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// repo is a repository with two commits on main and one on a branch.
func repo(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git")
	}
	dir := t.TempDir()
	run(t, dir, "init", "-q", "-b", "main")
	for _, text := range []string{"one", "two"} {
		write(t, dir, "app/view.py", text)
		commit(t, dir, text)
	}
	run(t, dir, "checkout", "-q", "-b", "feature")
	write(t, dir, "app/view.py", "three")
	commit(t, dir, "three")
	return dir
}

func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := git(t.Context(), dir, append([]string{"-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func commit(t *testing.T, dir, text string) {
	t.Helper()
	run(t, dir, "add", "-A")
	run(t, dir, "commit", "-q", "-m", text)
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestMergeBaseIsCheckedOut(t *testing.T) {
	dir := repo(t)
	base, with, err := MergeBase(t.Context(), dir)
	if err != nil || with != "main" || base != run(t, dir, "rev-parse", "main") {
		t.Fatalf("MergeBase = %s, %s, %v", base, with, err)
	}
	tree := filepath.Join(dir, "runs", "x", "checkout")
	for range 2 { // the second time it is there already
		if _, err := Add(t.Context(), dir, tree, base); err != nil {
			t.Fatal(err)
		}
		if got := read(t, filepath.Join(tree, "app/view.py")); got != "two" {
			t.Errorf("the checkout holds %q, want two", got)
		}
	}
	s, err := Look(t.Context(), filepath.Join(dir, "app"))
	if err != nil || s.Changes != "" || !samePath(s.Root, dir) || strings.Contains(s.Revision, "+") {
		t.Errorf("Look beside a checkout in runs = %+v, %v", s, err)
	}
	if err := Remove(t.Context(), dir, tree); err != nil {
		t.Fatal(err)
	}
	if got := run(t, dir, "worktree", "list"); strings.Count(got, "\n") != 0 {
		t.Errorf("worktrees are left:\n%s", got)
	}
	if _, err := os.Stat(tree); !os.IsNotExist(err) {
		t.Errorf("the folder is left: %v", err)
	}
}

func TestMergeBaseOnMain(t *testing.T) {
	dir := repo(t)
	run(t, dir, "checkout", "-q", "main")
	base, _, err := MergeBase(t.Context(), dir)
	if want := run(t, dir, "rev-parse", "main^"); err != nil || base != want {
		t.Errorf("of a clean main it is %s, %v; want its parent %s", base, err, want)
	}
	write(t, dir, "app/view.py", "changed")
	base, _, err = MergeBase(t.Context(), dir)
	if want := run(t, dir, "rev-parse", "main"); err != nil || base != want {
		t.Errorf("of a changed main it is %s, %v; want HEAD %s", base, err, want)
	}
}

func TestChangesAreSeen(t *testing.T) {
	dir := repo(t)
	write(t, dir, "new.py", "a")
	first, err := Look(t.Context(), dir)
	if err != nil || !strings.HasSuffix(first.Revision, "+changes") {
		t.Fatalf("Look = %+v, %v; want changes", first, err)
	}
	write(t, dir, "new.py", "b")
	if second, err := Look(t.Context(), dir); err != nil || second.Changes == first.Changes {
		t.Errorf("other changes look the same: %+v, %v", second, err)
	}
	if s, err := Look(t.Context(), "/"); err != nil || s != (State{}) {
		t.Errorf("Look outside of a repository = %+v, %v", s, err)
	}
}

func TestRemedies(t *testing.T) {
	dir := repo(t)
	clone := filepath.Join(t.TempDir(), "clone")
	run(t, dir, "clone", "-q", "--depth", "1", "--no-single-branch", "file://"+dir, clone)
	run(t, clone, "checkout", "-q", "feature")
	if _, _, err := MergeBase(t.Context(), clone); err == nil || !strings.Contains(err.Error(), "fetch-depth: 0") {
		t.Errorf("in a shallow clone: %v", err)
	}
	if _, err := Resolve(t.Context(), dir, "v9"); err == nil || !strings.Contains(err.Error(), `no revision "v9"`) {
		t.Errorf("of an unknown revision: %v", err)
	}
	if _, err := Resolve(t.Context(), dir, "--output=x"); err == nil {
		t.Error("an option passes for a revision")
	}
	t.Setenv("PATH", t.TempDir())
	if _, _, err := MergeBase(t.Context(), dir); err == nil {
		t.Error("no error without git")
	}
}
