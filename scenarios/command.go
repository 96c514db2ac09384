package scenarios

import "strings"

// ParseCommand splits a command at blanks. It knows no quoting: a command that
// needs it is written as a list.
func ParseCommand(text string) (Command, error) {
	if strings.ContainsAny(text, `'"\`) {
		return nil, misfit{text, "holds a quote or a backslash", "write a list, one argument an element: [sh, -c, \"…\"]"}
	}
	if strings.ContainsAny(text, "|&;<>$`") {
		return nil, misfit{text, "looks like a shell's line, and no shell runs it", "write a list: [sh, -c, \"…\"]"}
	}
	return strings.Fields(text), nil
}
