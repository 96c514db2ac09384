package reports

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sweetspot/analysis"
	"sweetspot/scenarios"
)

// none stands in tables for a figure that is not known or not claimed.
const none = "–"

// number writes v with at most three significant digits after rounding to a
// whole number from 100 on, and with thousands separators. NaN and infinities
// are none.
func number(v float64) string { return numberLike(v, v) }

// numberLike writes v with as many decimals as number gives like, so that an
// interval has the precision of its estimate.
func numberLike(v, like float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return none
	}
	decimals := 0
	switch a := math.Abs(like); {
	case a == 0 || a >= 100:
	case a >= 10:
		decimals = 1
	default:
		decimals = 2
	}
	return separated(strconv.FormatFloat(v, 'f', decimals, 64))
}

// separated puts commas between the thousands of a decimal number.
func separated(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "−", s[1:]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	var b strings.Builder
	for i, d := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	if fraction != "" {
		b.WriteString("." + fraction)
	}
	return sign + b.String()
}

func count(n int) string { return separated(strconv.Itoa(n)) }

// counted writes n with its noun: "1 worker", "4 workers".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// hasInterval tells whether f was measured often enough for an interval.
func hasInterval(f *analysis.Figure) bool {
	return f != nil && f.N >= 2 && finite(f.Low) && finite(f.High)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// value writes a figure's estimate; nil is none.
func value(f *analysis.Figure) string {
	if f == nil {
		return none
	}
	return atLeast(f) + number(f.Value)
}

// atLeast marks a figure that is a lower bound.
func atLeast(f *analysis.Figure) string {
	if f.AtLeast {
		return "≥ "
	}
	return ""
}

// interval writes "398–426", or none without one.
func interval(f *analysis.Figure) string {
	if !hasInterval(f) {
		return none
	}
	low, high := numberLike(f.Low, f.Value), numberLike(f.High, f.Value)
	if f.Low < 0 {
		return low + " to " + high
	}
	return low + "–" + high
}

// withInterval writes "412 (398–426)", or "412 (no interval)".
func withInterval(f *analysis.Figure) string {
	switch {
	case f == nil:
		return none
	case hasInterval(f):
		return value(f) + " (" + interval(f) + ")"
	}
	return value(f) + " (no interval)"
}

// support says what stands behind a figure: "95 % interval 398–426, 5 fresh
// starts" or "no interval, 1 fresh start".
func support(f *analysis.Figure) string {
	if !hasInterval(f) {
		return "no interval, " + counted(f.N, "fresh start")
	}
	return "95 % interval " + interval(f) + ", " + counted(f.N, "fresh start")
}

// ratio writes "1.31 × (1.22–1.40)".
func ratio(f *analysis.Figure) string {
	switch {
	case f == nil:
		return none
	case hasInterval(f):
		return atLeast(f) + number(f.Value) + " × (" + interval(f) + ")"
	}
	return atLeast(f) + number(f.Value) + " × (no interval)"
}

// exact writes a duration that somebody chose, such as a limit: "250 ms".
func exact(d time.Duration) string {
	switch {
	case d >= time.Minute && d%time.Minute == 0:
		return strconv.FormatInt(int64(d/time.Minute), 10) + " min"
	case d >= time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + " s"
	case d >= time.Millisecond:
		return strconv.FormatFloat(float64(d)/1e6, 'f', -1, 64) + " ms"
	}
	return strconv.FormatFloat(float64(d)/1e3, 'f', -1, 64) + " µs"
}

func milliseconds(d time.Duration) float64 { return float64(d) / 1e6 }

// size writes bytes in powers of 1000: "147 MB".
func size(n float64) string {
	if n <= 0 || !finite(n) {
		return none
	}
	units := []string{"bytes", "kB", "MB", "GB", "TB"}
	i := 0
	for n >= 999.5 && i < len(units)-1 {
		n /= 1000
		i++
	}
	if i < 3 {
		return separated(strconv.FormatFloat(n, 'f', 0, 64)) + " " + units[i]
	}
	return number(n) + " " + units[i]
}

// objectiveText writes an objective as its author does: "static p99 < 50 ms".
func objectiveText(o scenarios.Objective) string {
	text := o.Metric + " < "
	if o.Metric == scenarios.Errors {
		text += strconv.FormatFloat(100*o.Ratio, 'g', 4, 64) + " %"
	} else {
		text += exact(o.Limit)
	}
	if o.Class != "" && o.Class != scenarios.All {
		text = o.Class + " " + text
	}
	return text
}

func objectivesText(all scenarios.Objectives) string {
	texts := make([]string, len(all))
	for i, o := range all {
		texts[i] = objectiveText(o)
	}
	return join(texts)
}

// join writes a list as prose: "a, b and c".
func join(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	return strings.Join(items[:len(items)-1], ", ") + " and " + items[len(items)-1]
}

// cellPhrase names a cell in prose: "gunicorn-sync behind nginx, 4 workers × 1 thread".
func cellPhrase(c scenarios.Cell) string {
	if c.Server == scenarios.TargetServer {
		return "the running target"
	}
	return stackPhrase(c) + ", " + sizePhrase(c)
}

// stackPhrase names a cell's server and proxy: "gunicorn-sync behind nginx".
func stackPhrase(c scenarios.Cell) string { return c.Server + " " + proxyPhrase(c.Proxy) }

// sizePhrase names a cell's numbers: "5 instances of 4 workers × 1 thread".
func sizePhrase(c scenarios.Cell) string {
	text := fmt.Sprintf("%s × %s", counted(c.Workers, "worker"), counted(c.Threads, "thread"))
	if c.Instances > 1 {
		text = counted(c.Instances, "instance") + " of " + text
	}
	return text
}

func proxyPhrase(proxy string) string {
	if proxy == scenarios.Direct || proxy == "" {
		return "without a proxy"
	}
	return "behind " + proxy
}

// cellShort names a cell in a plot: "gunicorn-sync · nginx · 4×1".
func cellShort(c scenarios.Cell) string {
	if c.Server == scenarios.TargetServer {
		return c.Server
	}
	return clean(fmt.Sprintf("%s · %s · %s", c.Server, c.Proxy, sizeShort(c)))
}

// sizeShort writes a cell's numbers: "4×1", or "5×4×1" for five instances.
func sizeShort(c scenarios.Cell) string {
	text := fmt.Sprintf("%d×%d", c.Workers, c.Threads)
	if c.Instances > 1 {
		text = fmt.Sprintf("%d×%s", c.Instances, text)
	}
	return text
}

// sentence ends a text as a sentence.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

func processes(n int) string {
	if n == 1 {
		return "1 process"
	}
	return count(n) + " processes"
}

// lowerFirst leaves an abbreviation as it is.
func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if next, _ := utf8.DecodeRuneInString(s[n:]); unicode.IsUpper(next) {
		return s
	}
	return string(unicode.ToLower(r)) + s[n:]
}

var terminalCodes = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]")

// printable drops the colours of a log and whatever else is no text.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) || r == '\u00a0' {
			return r
		}
		return -1
	}, terminalCodes.ReplaceAllString(s, ""))
}
