package detect

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mostSources bounds how many files of a project are read.
const mostSources = 2000

// notSources are folders with Python that is not the project's application.
var notSources = []string{"tests", "test", "node_modules", "site-packages", "migrations", "build", "dist", "__pycache__"}

// pythonFiles returns the project's Python files down to a depth of folders,
// relative to dir, shallow ones first and in order. Virtualenvs, tests and
// hidden folders are left out.
func pythonFiles(dir string, depth int) []string {
	files, folders := []string{}, []string{""}
	for range depth + 1 {
		var next []string
		for _, folder := range folders {
			entries, err := os.ReadDir(filepath.Join(dir, folder))
			if err != nil {
				continue
			}
			for _, e := range entries {
				path := filepath.Join(folder, e.Name())
				switch {
				case e.IsDir() && isSource(filepath.Join(dir, path)):
					next = append(next, path)
				case !e.IsDir() && strings.HasSuffix(e.Name(), ".py") && !isTest(e.Name()):
					files = append(files, path)
				}
			}
		}
		folders = next
	}
	return files[:min(len(files), mostSources)]
}

func isSource(dir string) bool {
	name := filepath.Base(dir)
	return !strings.HasPrefix(name, ".") && !slices.Contains(notSources, name) && !exists(filepath.Join(dir, "pyvenv.cfg"))
}

func isTest(name string) bool {
	return strings.HasPrefix(name, "test_") || strings.HasSuffix(name, "_test.py") || name == "conftest.py"
}

// maxSource is the size of the largest source that is read, in bytes.
const maxSource = 1 << 20

// readSource returns a source's text; empty when it cannot be read or is too
// large to have been written by hand.
func readSource(path string) string {
	info, err := os.Stat(path)
	if err != nil || info.Size() > maxSource {
		return ""
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(text)
}
