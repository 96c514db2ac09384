package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// commit is where a folder stands in git. Its zero value is not known.
type commit struct {
	Revision  string // hash, with "+changes" for uncommitted ones
	Branch    string
	Committed time.Time
	Ordinal   int64 // commits up to it; 0 where the clone is shallow
}

// branchVariables name the branch where CI has checked out a commit of none:
// on GitHub that of a pull request, then any; on GitLab.
var branchVariables = []string{"GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME"}

// commitOf asks git where a folder stands, by its revision, HEAD when that is
// empty. A folder that git does not know has a zero one.
func commitOf(ctx context.Context, dir, revision string) (commit, error) {
	_, err := git(ctx, dir, "rev-parse", "--git-dir")
	if errors.Is(err, exec.ErrNotFound) || err != nil && strings.Contains(err.Error(), "not a git repository") {
		return commit{}, nil
	}
	if err != nil {
		return commit{}, err
	}
	told, err := git(ctx, dir, "log", "-1", "--no-show-signature", "--format=%H %ct", "--end-of-options", cmp.Or(revision, "HEAD"), "--")
	if err != nil {
		return commit{}, err
	}
	hash, seconds, _ := strings.Cut(told, " ")
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return commit{}, fmt.Errorf("git log in %s: %q is no time", dir, seconds)
	}
	c := commit{Revision: hash, Committed: time.Unix(at, 0).UTC()}
	if c.Branch, err = git(ctx, dir, "branch", "--show-current"); err != nil {
		return commit{}, err
	}
	for _, name := range branchVariables {
		c.Branch = cmp.Or(c.Branch, os.Getenv(name))
	}
	if shallow, err := git(ctx, dir, "rev-parse", "--is-shallow-repository"); err == nil && shallow == "false" {
		n, err := git(ctx, dir, "rev-list", "--count", hash)
		if err != nil {
			return commit{}, err
		}
		c.Ordinal, _ = strconv.ParseInt(n, 10, 64)
	}
	if revision != "" {
		return c, nil
	}
	changed, err := git(ctx, dir, "status", "--porcelain", "--untracked-files=no", "--", ".")
	if changed != "" {
		c.Revision += "+changes"
	}
	return c, err
}

// git runs git in a folder and returns what it prints, without blanks around.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, "git", append([]string{"--no-optional-locks", "-C", dir}, args...)...)
	c.Env = append(os.Environ(), "LC_ALL=C", "GIT_TERMINAL_PROMPT=0")
	out, err := c.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return "", fmt.Errorf("git %s in %s: %s", args[0], dir, strings.TrimSpace(string(failed.Stderr)))
	}
	return strings.TrimSpace(string(out)), err
}
