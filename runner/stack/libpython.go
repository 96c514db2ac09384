package stack

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Some servers bring their own Python: what the distribution packages has the
// distribution's built in, whichever interpreter the application names.

// systemPython is the distribution's interpreter.
const systemPython = "/usr/bin/python3"

// uwsgiPlugins are where distributions put the Python plugin of their uwsgi.
var uwsgiPlugins = []string{"/usr/lib/uwsgi/plugins/python3_plugin.so", "/usr/lib64/uwsgi/python3_plugin.so"}

// bringsPython tells whether any of the servers has the distribution's Python
// built in. Those that pip installed have the interpreter's own.
func bringsPython(names []string) bool {
	program, err := findProgram(uwsgi.program)
	withUWSGI := err == nil && distributed(program)
	withModule := firstFile([]string{modWSGIModule}) != ""
	return withUWSGI && slices.Contains(names, uwsgi.name) || withModule && slices.Contains(names, modWSGI.name)
}

// seePython reads what servers with a Python of their own need to know, and
// those that serve under another account than root's.
func (m *machine) seePython(app *App) {
	if isForeign(app.Python) {
		m.foreignPython = app.Python
	}
	m.uwsgiPlugin = firstFile(uwsgiPlugins)
	m.modWSGI = firstFile(modWSGIModules(app.Python))
	m.somaxconn = readSomaxconn()
	if m.root && app.Dir != "" {
		m.closed = cmp.Or(closedFolder(app.RunDir), closedFolder(app.Dir), closedFolder(app.Python))
	}
}

// readSomaxconn returns the kernel's limit of a listener's queue, or what it
// has been at least in every kernel.
func readSomaxconn() int {
	text, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	if err != nil {
		return 128
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 128
	}
	return n
}

// firstFile returns the first of the paths that exists; "" when none does.
func firstFile(paths []string) string {
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// distributed tells whether a program came with the distribution.
func distributed(program string) bool {
	dir := filepath.Dir(program)
	return dir == "/usr/bin" || dir == "/usr/sbin"
}

// foreignPython says that a server has another Python than the application.
func foreignPython(server string, m machine) string {
	return fmt.Sprintf("%s has the distribution's Python built in, the application's interpreter is %s: set app.python to %s, or app.venv to a virtualenv made with it",
		server, m.foreignPython, systemPython)
}

// isForeign tells whether an interpreter is neither the distribution's nor in
// a virtualenv made with it.
func isForeign(python string) bool {
	home := pythonHome(python)
	if home == "" {
		return false
	}
	config, err := os.ReadFile(filepath.Join(home, "pyvenv.cfg"))
	if err != nil {
		return true
	}
	for line := range strings.Lines(string(config)) {
		if key, base, _ := strings.Cut(line, "="); strings.TrimSpace(key) == "home" {
			return pythonHome(filepath.Join(strings.TrimSpace(base), "python3")) != ""
		}
	}
	return true
}

// pythonHome returns the folder that an interpreter calls its prefix, whose
// packages it uses; "" for the distribution's.
func pythonHome(python string) string {
	home := filepath.Dir(filepath.Dir(python))
	if home == "/usr" || home == "/" {
		return ""
	}
	return home
}
