package sample

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// program is a server or proxy that doctor looks for, and how it tells its
// version.
type program struct {
	name string
	args []string
}

// programs are all that scenarios can start from the system.
var programs = []program{
	{"nginx", []string{"-v"}},
	{"apache2", []string{"-v"}},
	{"caddy", []string{"version"}},
	{"haproxy", []string{"-v"}},
	{"uwsgi", []string{"--version"}},
	{"gunicorn", []string{"--version"}},
}

// systemFolders hold servers that a user's PATH may lack.
var systemFolders = []string{"/usr/sbin", "/usr/bin"}

var versionPattern = regexp.MustCompile(`[0-9]+(\.[0-9]+)+[0-9A-Za-z.+~-]*`)

// find returns where the program is, empty when nowhere.
func (p program) find() string {
	for _, dir := range systemFolders {
		path := filepath.Join(dir, p.name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	path, err := exec.LookPath(p.name)
	if err != nil {
		return ""
	}
	return path
}

// version asks the program at path. Some answer on standard error.
func (p program) version(ctx context.Context, path string) (string, error) {
	out, err := ask(ctx, append([]string{path}, p.args...)...)
	if err != nil {
		return "", err
	}
	return versionPattern.FindString(string(out)), nil
}
