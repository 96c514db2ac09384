package scenarios

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// builtin holds the scenarios that come with the program.
//
//go:embed *.yaml
var builtin embed.FS

// starter is the template's file among the built-in ones. It names files of
// its user and so is no scenario to run.
const starter = "starter.yaml"

// Starter returns the commented scenario that a user starts from.
func Starter() []byte {
	src, err := builtin.ReadFile(starter)
	if err != nil {
		panic(err) // embedded above
	}
	return src
}

// BuiltIn returns the names of the scenarios that come with the program, sorted.
func BuiltIn() []string {
	entries, err := builtin.ReadDir(".")
	if err != nil {
		panic(err) // embedded above
	}
	var names []string
	for _, e := range entries {
		if e.Name() != starter {
			names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
		}
	}
	return names
}

// Load reads the scenario in a file. What is wrong with the scenario is
// returned as Faults. Nothing is started.
func Load(file string, cat Catalogue) (*Scenario, error) {
	src, err := readFile(file)
	if err != nil {
		return nil, err
	}
	return Parse(file, src, filepath.Dir(file), nil, cat)
}

// Open reads a scenario from a file or, by name, a built-in one, and applies
// the arguments of --set flags. A text with a slash, with the ending .yaml or
// .yml, or that is a file's name is a file. src is the text as it stands, source the
// file or the name. What is wrong with scenario or flags is returned as Faults.
func Open(nameOrFile string, sets []string, cat Catalogue) (s *Scenario, src []byte, source string, err error) {
	file, dir := nameOrFile, filepath.Dir(nameOrFile)
	if isFile(nameOrFile) {
		src, err = readFile(nameOrFile)
	} else {
		file, dir = nameOrFile+".yaml", "."
		src, err = readBuiltIn(nameOrFile)
	}
	if err != nil {
		return nil, nil, "", err
	}
	var overrides []Override
	var bad Faults
	for _, text := range sets {
		o, err := ParseOverride(text)
		var faults Faults
		if errors.As(err, &faults) {
			bad = append(bad, faults...)
			continue
		}
		overrides = append(overrides, o)
	}
	s, err = Parse(file, src, dir, overrides, cat)
	if len(bad) > 0 {
		var faults Faults
		errors.As(err, &faults)
		err = append(faults, bad...)
	}
	if err != nil {
		return nil, src, nameOrFile, err
	}
	return s, src, nameOrFile, nil
}

// Parse reads a scenario from its text. name stands for its file in messages,
// relative paths start from dir, and sets replace what the text says. What is
// wrong is returned as Faults, all of it at once. Nothing is started.
func Parse(name string, src []byte, dir string, sets []Override, cat Catalogue) (*Scenario, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("resolve the folder of %s: %w", name, err)
	}
	d := newDocument(scenarioKind, name, src)
	if d.root == nil {
		return nil, d.sorted()
	}
	for _, o := range sets {
		d.override(o)
	}
	s := new(Scenario)
	d.decode("", d.root, reflect.ValueOf(s).Elem())
	s.setDefaults(d.given)
	check := checker{document: d, s: s, cat: cat, dir: dir}
	check.all()
	if len(d.faults) > 0 {
		return nil, d.sorted()
	}
	s.resolve(dir)
	return s, nil
}

// isFile tells a file's name from that of a built-in scenario.
func isFile(nameOrFile string) bool {
	if strings.ContainsRune(nameOrFile, filepath.Separator) || hasYAMLSuffix(nameOrFile) {
		return true
	}
	info, err := os.Stat(nameOrFile)
	return err == nil && info.Mode().IsRegular()
}

func hasYAMLSuffix(file string) bool {
	return strings.HasSuffix(file, ".yaml") || strings.HasSuffix(file, ".yml")
}

// readFile reads a scenario's file.
func readFile(file string) ([]byte, error) {
	src, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no such file: sweetspot init writes a scenario to start from", file)
	}
	if err != nil {
		return nil, fmt.Errorf("read the scenario: %w", err)
	}
	return src, nil
}

// readBuiltIn reads a scenario that comes with the program.
func readBuiltIn(name string) ([]byte, error) {
	names := BuiltIn()
	for _, n := range names {
		if n == name {
			return builtin.ReadFile(name + ".yaml")
		}
	}
	hint := "built in are " + strings.Join(names, ", ")
	if n := nearest(name, names); n != "" {
		hint = "did you mean " + n + "? " + hint
	}
	return nil, fmt.Errorf("%s: no such file or built-in scenario: %s", name, hint)
}
