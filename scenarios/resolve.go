package scenarios

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// fixturePrefix marks an application folder that is built in.
const fixturePrefix = "fixture:"

// Placeholders that the text fields of an App may hold.
const (
	placeholderRun    = "{run}"
	placeholderData   = "{data}"
	placeholderPython = "{python}"
)

// placeholderForm matches what is a placeholder or is meant to be one.
var placeholderForm = regexp.MustCompile(`\{[A-Za-z_]+\}`)

// resolve makes the paths of the application and of a recording absolute.
func (s *Scenario) resolve(dir string) {
	if shape := s.Traffic.Shape; shape != nil && shape.File != "" {
		shape.File = inFolder(dir, shape.File)
	}
	if s.Target != "" {
		return // there is no application
	}
	s.App.Dir = absolute(dir, s.App.Dir)
	if s.App.Venv != "" {
		s.App.Venv = absolute(dir, s.App.Venv)
	}
	if strings.Contains(s.App.Python, "/") {
		s.App.Python = absolute(dir, s.App.Python)
	}
	for i := range s.App.Static {
		s.App.Static[i].Dir = absolute(dir, s.App.Static[i].Dir)
	}
}

// absolute resolves a path against dir, unless it is known only when the run
// has its folders.
func absolute(dir, path string) string {
	if isLate(path) {
		return path
	}
	return inFolder(dir, path)
}

// inFolder resolves a path against dir.
func inFolder(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// isLate tells whether a path is known only when the run has its folders.
func isLate(path string) bool {
	return strings.HasPrefix(path, fixturePrefix) || placeholderForm.MatchString(path)
}

// executable tells whether a program can be started from dir. A name without
// a slash is looked up in PATH.
func executable(dir, program string) bool {
	if strings.Contains(program, "/") {
		program = absolute(dir, program)
	}
	_, err := exec.LookPath(program)
	return err == nil
}
