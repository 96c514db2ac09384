package foreign

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// text is what a tool prints for people, without its colours.
type text struct {
	tool string
	s    string
}

func newText(tool string, b []byte) text {
	return text{tool, strings.ReplaceAll(escapes.ReplaceAllString(string(b), ""), "\r\n", "\n")}
}

// number reads the number that the first group of a pattern matches, which has
// to be there. what names the line.
func (t text) number(pattern *regexp.Regexp, what string) (float64, error) {
	m := pattern.FindStringSubmatchIndex(t.s)
	if m == nil {
		return 0, fmt.Errorf("%s printed no line %q: %w", t.tool, what, errCut)
	}
	x, err := parseNumber(t.s[m[2]:m[3]])
	if err != nil {
		return 0, fmt.Errorf("line %d, %s: %w", line([]byte(t.s), m[2]), what, err)
	}
	return x, nil
}

// optional is number, but 0 where there is no such line.
func (t text) optional(pattern *regexp.Regexp, what string) (float64, error) {
	if !pattern.MatchString(t.s) {
		return 0, nil
	}
	return t.number(pattern, what)
}

// count is optional of a whole number.
func (t text) count(pattern *regexp.Regexp, what string) (uint64, error) {
	x, err := t.optional(pattern, what)
	if err != nil {
		return 0, err
	}
	return whole64(x, what)
}

// after returns the part of the text that follows the line of a title, up to an
// empty line; empty when there is none.
func (t text) after(title string) string {
	_, rest, ok := strings.Cut(t.s, title)
	if !ok {
		return ""
	}
	part, _, _ := strings.Cut(strings.TrimPrefix(rest, "\n"), "\n\n")
	return part
}

// latencies reads the percentiles of a text: lines of a percentage and a time,
// with its unit or in the one given.
func (t text) latencies(part string, pattern *regexp.Regexp, unit string) (map[string]time.Duration, error) {
	out := map[string]time.Duration{}
	for _, m := range pattern.FindAllStringSubmatch(part, -1) {
		p, err := parseNumber(m[1])
		if err != nil || p > 100 {
			return nil, fmt.Errorf("%s: percentile %q is none", t.tool, m[1])
		}
		u := unit
		if len(m) > 3 {
			u = m[3]
		}
		d, err := timeOf(m[2], u)
		if err != nil {
			return nil, fmt.Errorf("%s: %s%%: %w", t.tool, m[1], err)
		}
		name := percentile(p)
		if p == 100 {
			name = most
		}
		out[name] = d
	}
	return out, nil
}

func parseNumber(s string) (float64, error) {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || x < 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, fmt.Errorf("%q is no amount", s)
	}
	return x, nil
}

// units are seconds in the units that tools print.
var units = map[string]float64{
	"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1, "sec": 1, "secs": 1, "m": 60, "min": 60, "h": 3600,
}

func timeOf(number, unit string) (time.Duration, error) {
	x, err := parseNumber(number)
	if err != nil {
		return 0, err
	}
	in, ok := units[unit]
	if !ok {
		return 0, fmt.Errorf("%q is no unit of time that is known", unit)
	}
	return seconds(x * in)
}

// mostSeconds is the longest time that is believed: a year.
const mostSeconds = 366 * 24 * 3600

// seconds is a duration in seconds. It is exact to the nanosecond for what tools
// print.
func seconds(s float64) (time.Duration, error) {
	if !(s >= 0 && s <= mostSeconds) {
		return 0, fmt.Errorf("%v s is no duration of an attack", s)
	}
	return time.Duration(math.Round(s * 1e9)), nil
}

// mostCount is up to where a float64 counts.
const mostCount = 1 << 53

func whole64(x float64, what string) (uint64, error) {
	if !(x >= 0 && x <= mostCount) {
		return 0, fmt.Errorf("%s: %v is no number of requests", what, x)
	}
	return uint64(x + 0.5), nil
}

// check refuses a result that cannot be.
func (s Single) check() (Single, error) {
	switch {
	case s.Errors > s.Requests:
		return s, fmt.Errorf("%d errors among %d requests: the file contradicts itself", s.Errors, s.Requests)
	case s.Requests > mostCount:
		return s, fmt.Errorf("%d requests: that is no number of requests", s.Requests)
	case !(s.Rate >= 0) || math.IsInf(s.Rate, 0) || !(s.Offered >= 0) || math.IsInf(s.Offered, 0):
		return s, errors.New("its rate is no number")
	case s.Duration < 0:
		return s, errors.New("its duration is negative")
	}
	for name, d := range s.Quantiles {
		if d < 0 {
			return s, fmt.Errorf("its %s is negative", name)
		}
	}
	return s, nil
}
