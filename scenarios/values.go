package scenarios

import (
	"regexp"
	"strconv"
)

var spanForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,17})\.\.(0|[1-9][0-9]{0,17})$`)

// Span returns the range that v is: its first integer and how many there are.
// ok is false when v is a list of texts.
func (v Values) Span() (first, n uint64, ok bool) {
	if len(v) != 1 {
		return 0, 0, false
	}
	m := spanForm.FindStringSubmatch(v[0])
	if m == nil {
		return 0, 0, false
	}
	first, _ = strconv.ParseUint(m[1], 10, 64)
	last, _ := strconv.ParseUint(m[2], 10, 64)
	if last < first {
		return first, 0, true
	}
	return first, last - first + 1, true
}
