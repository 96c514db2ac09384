package scenarios

import (
	"fmt"
	"strings"
	"unicode"
)

// Fault is one thing wrong with a scenario, and where.
type Fault struct {
	File    string // the scenario's file, or the flag that set the value
	Line    int    // 1 is the first; 0 when the fault has no line, as in a flag
	Column  int    // in characters; 1 is the first, 0 when there is no line
	Path    string // of the field, as traffic.requests[0].weight; empty for a fault of the whole file
	Message string
	Excerpt string // the line, as written; empty when it would not help
	Hint    string // the remedy; may be empty
}

// String prints the fault as compilers do: place, path and message, then the
// line with a caret, then the remedy.
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
	}
	b.WriteString(": ")
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	b.WriteString(f.Message)
	b.WriteString(f.pointer())
	if f.Hint != "" {
		b.WriteString("\n  " + f.Hint)
	}
	return b.String()
}

// excerptLength is how many characters of a line are shown.
const excerptLength = 120

// pointer returns the excerpt without its indentation, and a caret under Column.
func (f Fault) pointer() string {
	line := []rune(strings.TrimRightFunc(f.Excerpt, unicode.IsSpace))
	if len(line) == 0 || f.Column < 1 {
		return ""
	}
	first := 0
	for first < len(line) && first < f.Column-1 && unicode.IsSpace(line[first]) {
		first++
	}
	caret := f.Column - 1 - first
	if caret >= excerptLength {
		first += caret - excerptLength/2
		caret = excerptLength / 2
	}
	if first > len(line) {
		return ""
	}
	line = line[first:]
	if len(line) > excerptLength {
		line = append(line[:excerptLength:excerptLength], '…')
	}
	for i, r := range line {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			line[i] = ' '
		}
	}
	return "\n    " + string(line) + "\n    " + strings.Repeat(" ", caret) + "^"
}

// Faults is everything wrong with a scenario, in the order of the file, with
// the faults of flags at the end.
type Faults []Fault

// Error prints one block a fault.
func (f Faults) Error() string {
	blocks := make([]string, len(f))
	for i := range f {
		blocks[i] = f[i].String()
	}
	return strings.Join(blocks, "\n")
}

// misfit is a text that does not fit its type, with the remedy apart.
type misfit struct{ text, message, hint string }

func (m misfit) Error() string {
	if m.hint == "" {
		return fmt.Sprintf("%q %s", m.text, m.message)
	}
	return fmt.Sprintf("%q %s: %s", m.text, m.message, m.hint)
}
