package detect

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// plainForm matches texts that mean themselves in YAML, also within brackets.
var plainForm = regexp.MustCompile(`^[A-Za-z_/][A-Za-z0-9_/.+()*=-]*(?::[A-Za-z0-9_/.+()*=-]+)*$`)

// otherwise are words that some reader of YAML takes for something else.
var otherwise = []string{"true", "false", "yes", "no", "on", "off", "null", "y", "n"}

// quote writes a text as a scalar of YAML: as it is where it means itself,
// else in double quotes, whose escapes YAML shares with Go.
func quote(text string) string {
	if plainForm.MatchString(text) && !slices.Contains(otherwise, strings.ToLower(text)) {
		return text
	}
	return strconv.Quote(text)
}

// quoteAll writes texts as the inside of a list in brackets.
func quoteAll(texts []string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = quote(t)
	}
	return strings.Join(quoted, ", ")
}

// page is a YAML text that grows.
type page struct{ strings.Builder }

// line adds one line; depth is the number of blanks before it.
func (p *page) line(depth int, format string, args ...any) {
	p.WriteString(strings.Repeat(" ", depth) + fmt.Sprintf(format, args...) + "\n")
}

// width is where comments are broken, in characters.
const width = 90

// comment adds a comment in lines of about the same width. What YAML allows in
// no comment becomes a blank.
func (p *page) comment(depth int, text string) {
	row := "#"
	for _, word := range strings.FieldsFunc(strings.ToValidUTF8(text, "?"), func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		if len(row) > 1 && depth+len(row)+1+len(word) > width {
			p.line(depth, "%s", row)
			row = "#"
		}
		row += " " + word
	}
	p.line(depth, "%s", row)
}
