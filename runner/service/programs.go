package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// childPath is the PATH of everything that is started.
const childPath = "/usr/bin:/bin:/usr/sbin:/sbin"

// Missing says why a service cannot be started on this machine, with the
// remedy; "" when it can.
func Missing(name string) string {
	d, ok := find(name)
	if !ok {
		return fmt.Sprintf("no service is called %q; choose from %s", name, strings.Join(Names(), ", "))
	}
	if _, err := d.find(isRoot()); err != nil {
		return err.Error()
	}
	return ""
}

func isRoot() bool { return os.Geteuid() == 0 }

// find returns the paths of the programs that a start needs, by name, after a
// check that the account to run as exists.
func (d driver) find(root bool) (map[string]string, error) {
	bin := map[string]string{}
	for _, name := range d.programs {
		path, err := findProgram(name)
		if err != nil {
			return nil, fmt.Errorf("%s is not installed: sudo apt-get install --no-install-recommends %s", name, d.packages)
		}
		bin[name] = path
	}
	if !root {
		return bin, nil
	}
	path, err := findProgram("setpriv")
	if err != nil {
		return nil, errors.New("setpriv is not installed: sudo apt-get install --no-install-recommends util-linux")
	}
	bin["setpriv"] = path
	if _, err := user.Lookup(d.user); err != nil {
		return nil, fmt.Errorf("%s does not run as root, and there is no user %s: sudo apt-get install --reinstall %s", d.name, d.user, d.packages)
	}
	return bin, nil
}

// findProgram looks a program up in the folder of the newest PostgreSQL that
// has it, in childPath, and in our own PATH after them.
func findProgram(name string) (string, error) {
	for _, dir := range append(newestFirst(postgresqlFolders), filepath.SplitList(childPath)...) {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

// newestFirst returns the folders of a pattern by falling version; 9.6 is older than 15.
func newestFirst(pattern string) []string {
	dirs, err := filepath.Glob(pattern)
	if err != nil {
		return nil
	}
	slices.SortStableFunc(dirs, func(a, b string) int {
		return slices.Compare(versionOf(b), versionOf(a))
	})
	return dirs
}

// versionOf returns the numbers of the version in …/VERSION/bin, up to what is none.
func versionOf(dir string) (ns []int) {
	for part := range strings.SplitSeq(filepath.Base(filepath.Dir(dir)), ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			break
		}
		ns = append(ns, n)
	}
	return ns
}

var versionSaid = regexp.MustCompile(`\d+(\.\d+)+`)

// Version asks a service's server which version it is; "" when it does not tell.
func Version(ctx context.Context, name string) string {
	d, ok := find(name)
	if !ok {
		return ""
	}
	path, err := findProgram(d.programs[0])
	if err != nil {
		return ""
	}
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.Env = []string{"PATH=" + childPath}
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return versionSaid.FindString(string(out))
}
