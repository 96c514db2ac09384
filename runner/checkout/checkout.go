// Package checkout puts another revision of the application beside the working
// tree, as a git worktree in the folder of a run.
package checkout

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// State is what a folder holds, as git tells.
type State struct {
	Root     string // of the repository's working tree, absolute; empty: the folder is in none
	Commit   string // full; empty: there is none yet
	Revision string // short, with "+changes" for uncommitted ones
	Changes  string // SHA-256 of those, in hex; empty: there are none
}

// Look returns what a folder holds. A folder in no repository, or a machine
// without git, is no error: its state is empty.
func Look(ctx context.Context, dir string) (s State, err error) {
	if s.Root, err = git(ctx, dir, "rev-parse", "--show-toplevel"); err != nil {
		return State{}, ctx.Err()
	}
	if s.Commit, err = git(ctx, dir, "rev-parse", "--verify", "--quiet", "HEAD"); err != nil {
		return State{Root: s.Root}, ctx.Err()
	}
	if s.Revision, err = git(ctx, dir, "rev-parse", "--short", "HEAD"); err != nil {
		return s, err
	}
	s.Changes, err = changes(ctx, s.Root)
	if s.Changes != "" {
		s.Revision += "+changes"
	}
	return s, err
}

// changes is a hash of what differs from HEAD: the difference of the known
// files, and the content of those that git does not know and does not ignore,
// but for folders of runs.
func changes(ctx context.Context, root string) (string, error) {
	diff, err := git(ctx, root, "diff", "HEAD", "--no-ext-diff", "--binary")
	if err != nil {
		return "", err
	}
	list, err := git(ctx, root, "ls-files", "--others", "--exclude-standard", "-z", "--", ".", ":!runs")
	if err != nil {
		return "", err
	}
	if diff == "" && list == "" {
		return "", nil
	}
	h := sha256.New()
	fmt.Fprintln(h, diff)
	for name := range strings.SplitSeq(list, "\x00") {
		if name == "" || strings.HasSuffix(name, "/") { // a worktree or repository of its own
			continue
		}
		b, err := os.ReadFile(filepath.Join(root, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !isFolder(filepath.Join(root, name)) {
			return "", err
		}
		fmt.Fprintf(h, "%s %x\n", name, sha256.Sum256(b))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// mains are what a working tree is compared with when nothing else is said: the
// branch that the remote has checked out, or what it is usually called.
var mains = []string{"origin/HEAD", "origin/main", "origin/master", "main", "master"}

// MergeBase returns the commit that the working tree of a repository has in
// common with its main branch: with the first of origin/HEAD, origin/main,
// origin/master, main and master that there is. On the main branch itself that
// is HEAD, so that uncommitted changes are compared; without any, its parent.
func MergeBase(ctx context.Context, root string) (commit, with string, err error) {
	s, err := Look(ctx, root)
	if err != nil {
		return "", "", err
	}
	for _, with := range mains {
		if _, err := git(ctx, root, "rev-parse", "--verify", "--quiet", with+"^{commit}"); err != nil {
			continue
		}
		commit, err := git(ctx, root, "merge-base", "HEAD", with)
		switch {
		case err != nil && shallow(ctx, root):
			return "", "", fmt.Errorf("find the merge base with %s: the clone is shallow and does not hold it: clone all of the history (fetch-depth: 0 of actions/checkout, GIT_DEPTH: 0 of GitLab), or run git fetch --unshallow", with)
		case err != nil:
			return "", "", fmt.Errorf("find the merge base with %s: there is none: name the revision to compare with by --base", with)
		case commit == s.Commit && s.Changes == "":
			return parent(ctx, root, with)
		}
		return commit, with, nil
	}
	return "", "", fmt.Errorf("find a merge base: %s has none of the branches %s: name the revision to compare with by --base", root, strings.Join(mains, ", "))
}

// parent is what a commit of the main branch itself is compared with.
func parent(ctx context.Context, root, with string) (string, string, error) {
	commit, err := git(ctx, root, "rev-parse", "--verify", "--quiet", "HEAD^")
	switch {
	case err == nil:
		return commit, "its parent, for it is in " + with + " already", nil
	case shallow(ctx, root):
		return "", "", errors.New("find the parent of HEAD: the clone is shallow and does not hold it: clone with more history (fetch-depth: 0 of actions/checkout, GIT_DEPTH: 0 of GitLab), or run git fetch --unshallow")
	}
	return "", "", errors.New("find the parent of HEAD: there is none, and nothing is uncommitted: name the revision to compare with by --base")
}

func shallow(ctx context.Context, root string) bool {
	out, err := git(ctx, root, "rev-parse", "--is-shallow-repository")
	return err == nil && out == "true"
}

// Resolve returns the commit that a name stands for.
func Resolve(ctx context.Context, root, ref string) (string, error) {
	if strings.HasPrefix(ref, "-") {
		return "", fmt.Errorf("%q is no revision: name a branch, a tag or a commit", ref)
	}
	commit, err := git(ctx, root, "rev-parse", "--verify", "--quiet", ref+"^{commit}")
	switch {
	case err == nil:
		return commit, nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	case shallow(ctx, root):
		return "", fmt.Errorf("%s has no revision %q, and the clone is shallow: clone all of the history (fetch-depth: 0 of actions/checkout), or run git fetch origin %[2]s", root, ref)
	}
	return "", fmt.Errorf("%s has no revision %q: name a folder, or a branch, a tag or a commit that git log shows", root, ref)
}

// Short returns the short name of a commit.
func Short(ctx context.Context, root, commit string) (string, error) {
	return git(ctx, root, "rev-parse", "--short", commit)
}

// Add checks a commit out into dir, as a worktree with a detached HEAD. What an
// ended run has left there is used again if it is of the same commit. Submodules
// stay empty; files of Git LFS are what the repository's own settings make of
// them. notes say where that leaves the checkout incomplete.
func Add(ctx context.Context, root, dir, commit string) (notes []string, err error) {
	if there, err := Look(ctx, dir); err == nil && there.Commit == commit && samePath(there.Root, dir) && there.Changes == "" {
		return notesOn(dir), nil
	}
	if err := Remove(ctx, root, dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return nil, err
	}
	if _, err := git(ctx, root, "worktree", "add", "--detach", "--force", dir, commit); err != nil {
		return nil, fmt.Errorf("check %s out: %w", commit, err)
	}
	return notesOn(dir), nil
}

func samePath(a, b string) bool {
	x, errX := filepath.EvalSymlinks(a)
	y, errY := filepath.EvalSymlinks(b)
	return errX == nil && errY == nil && x == y
}

// notesOn says what a checkout lacks.
func notesOn(dir string) (notes []string) {
	if _, err := os.Stat(filepath.Join(dir, ".gitmodules")); err == nil {
		notes = append(notes, "the base's checkout has empty submodules; if the application needs them, check it out yourself and give the folder by --base")
	}
	if b, err := os.ReadFile(filepath.Join(dir, ".gitattributes")); err == nil && bytes.Contains(b, []byte("filter=lfs")) {
		notes = append(notes, "the repository has files in Git LFS; without git lfs install the base's checkout holds their pointers only")
	}
	return notes
}

// Remove ends a worktree and removes its folder. It is no error when there is
// none.
func Remove(ctx context.Context, root, dir string) error {
	_, _ = git(ctx, root, "worktree", "remove", "--force", "--force", dir) // fails where there is none
	err := os.RemoveAll(dir)
	_, _ = git(ctx, root, "worktree", "prune")
	return err
}

// git runs git in a folder and returns what it prints, without the last line's
// end. No setting of a hook's environment leads it to another repository.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	path, err := exec.LookPath("git")
	if err != nil {
		return "", errors.New("git is not here: install it (apt-get install git), or give two folders by --base and --candidate")
	}
	cmd := exec.CommandContext(ctx, path, append([]string{"-C", dir, "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"}, args...)...)
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "GIT_") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	cmd.Env = append(cmd.Env, "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(said.String()))
	}
	return strings.TrimRight(out.String(), "\n"), nil
}
