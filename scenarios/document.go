package scenarios

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// document is a scenario's text while it is read, or that of another Sheet: it
// knows where each field stands and collects the faults.
type document struct {
	kind   Kind
	file   string
	lines  []string
	root   *yaml.Node            // the top mapping
	flags  map[*yaml.Node]string // nodes that a --set flag brought, with the flag
	places map[string]place      // by path of the field
	wrong  map[string]bool       // paths that have a fault
	faults Faults
}

// Kind is what a text is meant to be.
type Kind struct {
	One, Many string // its name in messages, as "scenario" and "scenarios"
	Empty     string // the remedy for a text without content
	Top       string // the remedy for one that is no mapping
}

// scenarioKind is the kind of a scenario's text.
var scenarioKind = Kind{
	One: "scenario", Many: "scenarios",
	Empty: "sweetspot init writes a commented scenario to start from",
	Top:   "begin with name:, app:, matrix: and traffic:",
}

// place is where a field stands: the key of a mapping's entry, or the element
// of a list.
type place struct {
	flag         string // when a --set flag brought it
	line, column int
}

// maxSource is the longest document that is read, in bytes.
const maxSource = 1 << 20

// newDocument parses src. A text that is not YAML leaves root nil and a fault.
func newDocument(k Kind, file string, src []byte) *document {
	d := &document{
		kind:   k,
		file:   file,
		lines:  strings.Split(string(src), "\n"),
		flags:  make(map[*yaml.Node]string),
		places: make(map[string]place),
		wrong:  make(map[string]bool),
	}
	if len(src) > maxSource {
		d.lines = nil
		d.at(place{line: 1, column: 1}, "", fmt.Sprintf("is %d bytes long, must be at most %d", len(src), maxSource), "is this the "+k.One+"?")
		return d
	}
	if d.unreadable(src) {
		return d
	}
	root, err := soleNode(src)
	if err != nil {
		d.syntax(err)
		return d
	}
	switch {
	case root == nil:
		d.at(place{line: 1, column: 1}, "", "is empty", k.Empty)
	case root.Kind != yaml.MappingNode:
		d.at(place{line: root.Line, column: root.Column}, "", describe(root)+", must be a mapping", k.Top)
	default:
		d.root = root
		d.places[""] = place{line: 1, column: 1}
	}
	return d
}

// errManyDocuments is returned for a text of more than one YAML document.
var errManyDocuments = errors.New("holds more than one document")

// soleNode returns the content of the only document in src, nil when there is
// none.
func soleNode(src []byte) (*yaml.Node, error) {
	loader, err := yaml.NewLoader(bytes.NewReader(src))
	if err != nil {
		return nil, err
	}
	var doc, next yaml.Node
	if err := loader.Load(&doc); err == io.EOF {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if err := loader.Load(&next); err == nil {
		return nil, errManyDocuments
	} else if err != io.EOF {
		return nil, err
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return nil, nil
	}
	if n := doc.Content[0]; n.Kind != yaml.ScalarNode || n.Tag != "!!null" {
		return n, nil
	}
	return nil, nil
}

// unreadable reports bytes that no YAML may hold.
func (d *document) unreadable(src []byte) bool {
	if !utf8.Valid(src) {
		for i, line := range d.lines {
			if !utf8.ValidString(line) {
				d.lines[i] = ""
				d.at(place{line: i + 1, column: 1}, "", "is not UTF-8", "save the file as UTF-8")
				return true
			}
		}
	}
	for i, line := range d.lines {
		if at := strings.IndexFunc(line, isForbidden); at >= 0 {
			column := utf8.RuneCountInString(line[:at]) + 1
			d.at(place{line: i + 1, column: column}, "", "holds a control character", "delete it")
			return true
		}
	}
	return false
}

func isForbidden(r rune) bool { return r < ' ' && r != '\t' && r != '\r' || r == 0x7f }

// syntax reports what the YAML parser found.
func (d *document) syntax(err error) {
	if errors.Is(err, errManyDocuments) {
		line := 1 + max(0, slices.IndexFunc(d.lines[min(1, len(d.lines)):], func(l string) bool { return strings.HasPrefix(l, "---") })+1)
		d.at(place{line: line, column: 1}, "", "holds more than one document", "keep one "+d.kind.One+" a file, without --- lines")
		return
	}
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		d.at(place{line: 1, column: 1}, "", err.Error(), "")
		return
	}
	at := place{line: load.Mark.Line, column: max(load.Mark.Column, 1)}
	if at.line > 0 && d.tabs(at.line) {
		return
	}
	// The end of an unfinished text is reported where the text began.
	if at.line >= len(d.lines) && load.ContextMark.Line > 0 {
		at = place{line: load.ContextMark.Line, column: max(load.ContextMark.Column, 1)}
	}
	at.line = min(max(at.line, 1), len(d.lines))
	message := load.Message
	if load.ContextMsg != "" {
		message += " " + load.ContextMsg
	}
	d.at(at, "", "is not YAML: "+message, d.syntaxHint(at.line))
}

// tabs reports every line that a tab indents, if the given line is one.
func (d *document) tabs(line int) bool {
	tabbed := func(l string) bool { return strings.HasPrefix(strings.TrimLeft(l, " "), "\t") }
	if line > len(d.lines) || !tabbed(d.lines[line-1]) {
		return false
	}
	for i, l := range d.lines {
		if tabbed(l) && strings.TrimSpace(l) != "" {
			d.at(place{line: i + 1, column: strings.IndexByte(l, '\t') + 1}, "", "is indented by a tab", "indent by spaces: YAML allows no tabs there")
		}
	}
	return true
}

func (d *document) syntaxHint(line int) string {
	if strings.Contains(d.lines[line-1], "{") {
		return `put a text that holds { or } in quotes`
	}
	return "check the indentation and the quotes around here"
}

// at adds a fault at a place.
func (d *document) at(p place, path, message, hint string) {
	f := Fault{File: d.file, Line: p.line, Column: p.column, Path: path, Message: message, Hint: hint}
	if p.flag != "" {
		f.File, f.Line, f.Column = p.flag, 0, 0
	}
	// What is missing at the top stands at no line worth showing.
	missing := path != "" && p == d.places[""] && !d.given(path)
	if f.Line > 0 && f.Line <= len(d.lines) && !missing {
		f.Excerpt = d.lines[f.Line-1]
	}
	d.faults = append(d.faults, f)
}

// fault adds a fault of a field's form and marks the field, so that nothing
// more is said of its content. It stands at the field, or where the field is
// missing, at the nearest one around it.
func (d *document) fault(path, message, hint string) {
	d.at(d.find(path), path, message, hint)
	d.wrong[path] = true
}

// misfit adds the fault that err tells of a field's form.
func (d *document) misfit(path string, err error) {
	message, hint := parts(err)
	d.fault(path, message, hint)
}

// parts splits an error into a fault's message and hint.
func parts(err error) (message, hint string) {
	var m misfit
	if errors.As(err, &m) {
		return fmt.Sprintf("%q %s", m.text, m.message), m.hint
	}
	return err.Error(), ""
}

// isWrong tells whether a field or one that it is part of has a fault.
func (d *document) isWrong(path string) bool {
	for ; path != ""; path = parentPath(path) {
		if d.wrong[path] {
			return true
		}
	}
	return false
}

// given tells whether the scenario's text holds the field.
func (d *document) given(path string) bool {
	_, ok := d.places[path]
	return ok
}

// find returns the place of a field, or of the nearest one around it.
func (d *document) find(path string) place {
	for {
		if p, ok := d.places[path]; ok || path == "" {
			return p
		}
		path = parentPath(path)
	}
}

// element returns the path of the i-th element of a list, or the list's own
// where its only element is written without brackets.
func (d *document) element(path string, i int) string {
	if e := fmt.Sprintf("%s[%d]", path, i); d.given(e) || !d.given(path) {
		return e
	}
	return path
}

// parentPath cuts the last .key or [i] off a path.
func parentPath(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

// join appends a key to a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// sorted returns the faults in the order of the file, then those of flags.
func (d *document) sorted() Faults {
	slices.SortStableFunc(d.faults, func(a, b Fault) int {
		if (a.Line == 0) != (b.Line == 0) {
			return cmp.Compare(b.Line, a.Line)
		}
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return d.faults
}
