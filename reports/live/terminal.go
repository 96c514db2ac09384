package live

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"

	"sweetspot/analysis"
)

// Screen is what the terminal can show.
type Screen struct {
	Columns, Rows int
	Color         bool
}

// Colours, as the terminal knows them.
const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// moment is an interval, in seconds, that is too short for a rate.
const moment = 0.25

// narrow is a screen on which what is usually one line takes two, or less is said.
const narrow = 72

// Draw returns the lines of the terminal view. None is as wide as the screen,
// and there are fewer than it has rows, so that the cursor stays in sight. Text
// that is not the program's own cannot steer the terminal.
func Draw(s State, now time.Time, on Screen) []string {
	v := &view{Screen: on, now: now}
	v.progress(&s)
	v.doing(&s.Doing)
	v.recent(&s)
	room := on.Rows - 1 - len(v.lines)
	tail := v.tail(&s, min(2, room-3))
	v.race(&s, room-len(tail))
	v.lines = append(v.lines, tail...)
	return v.lines[:max(0, min(len(v.lines), on.Rows-1))]
}

type view struct {
	Screen
	now   time.Time
	lines []string
}

// line adds a line of pieces that stand side by side.
func (v *view) line(pieces ...piece) { v.lines = append(v.lines, v.joined(pieces)) }

// piece is some text in one style.
type piece struct{ style, text string }

// joined cuts pieces to the width of the screen.
func (v *view) joined(pieces []piece) string {
	var b strings.Builder
	left := v.Columns - 1
	for _, p := range pieces {
		text := cut(Plain(p.text), left)
		left -= Width(text)
		if v.Color && p.style != "" && text != "" {
			text = "\x1b[" + p.style + "m" + text + "\x1b[0m"
		}
		b.WriteString(text)
	}
	return b.String()
}

// progress draws how far the run is.
func (v *view) progress(s *State) {
	done, gone, left, known := s.share(v.now)
	gone, left = gone.Round(time.Second), left.Round(time.Second)
	times := fmt.Sprintf("%v gone", gone)
	switch {
	case known && v.Columns < narrow:
		times = fmt.Sprintf("%.0f %%, %v left", 100*done, left)
	case known:
		times = fmt.Sprintf("%3.0f %%  %v gone, about %v left", 100*done, gone, left)
	}
	name := cut(Plain(s.Scenario), max(8, v.Columns/4))
	n := min(v.Columns-1-Width(name)-Width(times)-4, 40)
	if !known || n < 5 {
		v.line(piece{bold, name}, piece{"", "  " + times})
		return
	}
	full := int(math.Round(done * float64(n)))
	v.line(piece{bold, name}, piece{green, "  " + strings.Repeat("█", full)}, piece{faint, strings.Repeat("░", n-full)}, piece{"", "  " + times})
}

// doing draws the current step.
func (v *view) doing(d *Doing) {
	if d.Stage == "" {
		v.line(piece{"", d.Text})
		return
	}
	v.line(piece{bold, d.what()})
	v.line(piece{"", d.stage(v.now) + " at " + d.Load}, piece{faint, "  " + d.Phase + ", " + d.Text})
}

// what names what is measured.
func (d *Doing) what() string {
	if d.Build != "" {
		return d.Build + ": " + d.Cell
	}
	return d.Cell
}

// stage says how far the step is.
func (d *Doing) stage(now time.Time) string {
	since := max(float64(now.UnixMilli()-d.Since)/1000, 0)
	whole := map[string]float64{WarmingUp: d.Warmup, Measuring: d.Duration}[d.Stage]
	if whole == 0 {
		return d.Stage
	}
	return fmt.Sprintf("%s %.0f of %s s", d.Stage, min(math.Floor(since), whole), strconv.FormatFloat(whole, 'g', 3, 64))
}

// recent draws the rate and the response times of the last seconds.
func (v *view) recent(s *State) {
	r := s.Recent
	if r == nil {
		v.line(piece{faint, "no answers yet"})
		return
	}
	style := ""
	if r.Errors > 0 {
		style = red
	}
	rates := []piece{{faint, "last " + strconv.FormatFloat(r.Span, 'g', 2, 64) + " s  "}, {bold, number(r.Good) + " good/s"}, {"", "  "}, {style, number(r.Errors) + " errors/s"}}
	times := []piece{{"", "  p50 "}, {bold, duration(r.P50)}, {"", "  p99 "}, {bold, duration(r.P99)}, {"", "  " + number(float64(r.InFlight)) + " in flight"}}
	if v.Columns < narrow {
		v.line(rates...)
		v.line(times...)
	} else {
		v.line(append(rates, times...)...)
	}
	const least = 10
	if n := min(v.Columns-30, 60, len(s.Seconds)); v.Columns-30 >= least && n > 0 && v.Rows > 12 {
		bars, top := sparkline(s.Seconds, n)
		v.line(piece{faint, "good/s    "}, piece{green, bars}, piece{faint, "  up to " + number(top)})
	}
}

// sparkline draws the good answers of the last n seconds of load, without the
// moments at the end of an attack, which say little.
func sparkline(seconds []Second, n int) (bars string, top float64) {
	seconds = slices.DeleteFunc(slices.Clone(seconds), func(s Second) bool { return s.Span < moment })
	seconds = seconds[max(0, len(seconds)-n):]
	for _, s := range seconds {
		top = max(top, s.Good)
	}
	const levels = "▁▂▃▄▅▆▇█"
	steps := []rune(levels)
	for _, s := range seconds {
		level := 0
		if top > 0 {
			level = int(math.Round(s.Good / top * float64(len(steps)-1)))
		}
		bars += string(steps[level])
	}
	return bars, top
}

// tail are the last lines of the log, and the trials so far.
func (v *view) tail(s *State, most int) (lines []string) {
	if most <= 0 {
		return nil
	}
	if s.Counts.Sum() > 0 {
		lines = append(lines, v.joined([]piece{{faint, s.Counts.text()}}))
	}
	for _, l := range s.Lines[max(0, len(s.Lines)-most):] {
		style := map[string]string{analysis.Failed: red, analysis.Void: yellow}[l.Kind]
		text := l.Text
		if l.Cell != "" {
			text += "  " + l.Cell
		}
		lines = append(lines, v.joined([]piece{{style, text}}))
	}
	return lines
}

func (c Counts) text() string {
	noun := "trials"
	if c.Sum() == 1 {
		noun = "trial"
	}
	return fmt.Sprintf("%d %s: %d passed, %d failed, %d void", c.Sum(), noun, c.Passed, c.Failed, c.Void)
}

// column is one of the race.
type column struct {
	head  string
	left  bool
	of    func(Row) string
	least int // columns of the screen from which it is shown
}

var columns = []column{
	{"req/s", false, func(r Row) string { return rate(r.Sustained) }, 0},
	{"burst", false, func(r Row) string { return rate(r.Throughput) }, 50},
	{"W×T", false, Row.size, 0},
	{"server", true, func(r Row) string { return r.Server }, 0},
	{"proxy", true, func(r Row) string { return r.Proxy }, 0},
	{"starts", false, func(r Row) string { return strconv.Itoa(r.Starts) }, 80},
	{"state", true, func(r Row) string { return r.State }, 60},
}

// size is workers times threads, of each of the instances.
func (r Row) size() string {
	text := fmt.Sprintf("%d×%d", r.Workers, r.Threads)
	if r.Instances > 1 {
		text = fmt.Sprintf("%d·", r.Instances) + text
	}
	return text
}

// rate is a rate that may not be known.
func rate(x float64) string {
	if x == 0 {
		return "–"
	}
	return number(x)
}

// race draws the best cells in at most room lines.
func (v *view) race(s *State, room int) {
	if len(s.Race) == 0 || room < 3 { // an empty line, the head and a cell
		return
	}
	n := min(len(s.Race), room-2)
	rows := slices.Clone(s.Race[:n])
	if current := slices.IndexFunc(s.Race, func(r Row) bool { return r.Cell == s.Doing.Cell }); current >= n {
		rows[n-1] = s.Race[current]
	}
	table := v.table(rows)
	v.lines = append(v.lines, "")
	more := ""
	if n < len(s.Race) {
		more = fmt.Sprintf("  (%d of %d cells)", n, len(s.Race))
	}
	v.line(piece{faint, "  " + strings.Join(table[0], "  ") + more})
	for i, r := range rows {
		text := strings.Join(table[i+1], "  ")
		if r.Cell == s.Doing.Cell {
			v.line(piece{bold, "▸ " + text})
		} else {
			v.line(piece{"", "  " + text})
		}
	}
}

// table lays out the columns that fit.
func (v *view) table(rows []Row) (table [][]string) {
	table = make([][]string, len(rows)+1)
	for _, c := range columns {
		if v.Columns < c.least {
			continue
		}
		texts := []string{c.head}
		for _, r := range rows {
			texts = append(texts, Plain(c.of(r)))
		}
		wide := 0
		for _, t := range texts {
			wide = max(wide, Width(t))
		}
		for i, t := range texts {
			pad := strings.Repeat(" ", wide-Width(t))
			if c.left {
				t += pad
			} else {
				t = pad + t
			}
			table[i] = append(table[i], t)
		}
	}
	for _, cells := range table {
		cells[len(cells)-1] = strings.TrimRight(cells[len(cells)-1], " ")
	}
	return table
}

// number writes a rate or a count with as many digits as say something.
func number(x float64) string {
	if x != 0 && x < 10 {
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	s := strconv.FormatFloat(x, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// duration writes milliseconds.
func duration(ms float64) string {
	switch {
	case ms < 10:
		return fmt.Sprintf("%.2f ms", ms)
	case ms < 100:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 10_000:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.1f s", ms/1000)
}

// Plain is text on one line that cannot steer a terminal: control characters and
// marks that turn the direction of writing become a question mark, line breaks a
// space.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return '?'
	}, s)
}

// styles are what Draw colours by.
var styles = regexp.MustCompile("\x1b\\[[0-9]*m")

// Unstyled is a line of Draw without its colours.
func Unstyled(line string) string { return styles.ReplaceAllString(line, "") }

// Width returns how many columns plain text takes.
func Width(s string) (n int) {
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// cut returns the beginning of plain text that takes at most n columns.
func cut(s string, n int) string {
	for i, r := range s {
		if n -= runeWidth(r); n < 0 {
			return s[:i]
		}
	}
	return s
}
