package reports

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"sweetspot/analysis"
	"sweetspot/scenarios"
)

// hostileTexts are what somebody may put into a name, a path, a header or a log.
var hostileTexts = []string{
	"<script>alert(1)</script>", "</td></tr></table><img src=x onerror=alert(1)>", `"><svg/onload=alert(1)>`, "' onmouseover='alert(1)", "{{.Manifest}} ${7*7} <%= 1 %>",
	"javascript:alert(1)", "&lt;script&gt; &#60;b&#62; &amp;", "<!-- x --> <![CDATA[ ]]> <?php ?>", "</style><style>*{display:none}</style>", "</title></head><body onload=x>",
	"[x](http://evil.test) ![y](http://evil.test/y.png)", "http://evil.test/ www.evil.test mailto:a@evil.test @team #12", "# heading", "- item", "1. item", "> quote", "| a | b |\n|---|---|", "```\n<b>x</b>\n```", "`code` ``more`` ```", "**bold** _em_ ~~out~~ $x$ $$y$$", `trailing backslash \`,
	"=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "x;=1+1", "x,=1+1", "＝1+1", `"=1+1"`, "a\"b,c\nd",
	"\x1b[2J\x1b]0;title\x07\x1b[31m", "\u009b2J\u009d0;x\u009c", "\x00\x01\x08\x7f", "\u202eevil\u2066\u200f\ufeff", "\xff\xfe\xc3(", "\r\nover",
	"\nBenchmarkEvil 1 1 ns/op\n", "\ngoos: plan9\nUnit ns/op better=higher\n", "]]></system-out><failure/>", "::error::x", "##[group]x", "a::set-output name=b::c",
	strings.Repeat("long", 100), "日本語 🎉 é", "%s %d %!x(MISSING)",
}

// ours are the fields that hold words of the program, never somebody's text.
var ours = map[string]bool{
	"Result.Outcome": true, "Verdict.Kind": true, "Point.Verdict": true, "Objective.Class": true, "Objective.Metric": true, "Search.Compare": true,
	"Step.Class": true, "Slow.Kind": true,
}

// poisoned is the sample with a text before and behind every other text in it.
func poisoned(text string) Input {
	in := sampleComparison()
	full := sample()
	in.Manifest.Notes, in.Manifest.Overrides = full.Manifest.Notes, full.Manifest.Overrides
	in.Result.Cells = append(in.Result.Cells, full.Result.Cells[3:6]...)
	in.Result.Folklore, in.Result.Warnings, in.Result.Generator, in.Result.Scaling = full.Result.Folklore, full.Result.Warnings, full.Result.Generator, full.Result.Scaling
	in.Result.Trials = full.Result.Trials
	in.Result.Scaling.Law, in.Result.Scaling.Refused = nil, fmt.Errorf("too few of it: %s", text)
	in.WinnerConfigs = nil
	place(&in)
	poison(reflect.ValueOf(&in).Elem(), text, "", map[any]bool{})
	return in
}

func poison(v reflect.Value, text, field string, seen map[any]bool) {
	switch v.Kind() {
	case reflect.String:
		if v.Len() > 0 && !ours[field] && v.CanSet() {
			v.SetString(text + v.String() + text)
		}
	case reflect.Pointer:
		if !v.IsNil() && !seen[v.Interface()] {
			seen[v.Interface()] = true
			poison(v.Elem(), text, field, seen)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				poison(v.Field(i), text, v.Type().Name()+"."+f.Name, seen)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			poison(v.Index(i), text, field, seen)
		}
	case reflect.Map:
		out := reflect.MakeMap(v.Type())
		for i := v.MapRange(); i.Next(); {
			k, e := reflect.New(i.Key().Type()).Elem(), reflect.New(i.Value().Type()).Elem()
			k.Set(i.Key())
			e.Set(i.Value())
			if s := k.String(); s != scenarios.All && s != scenarios.Static && s != scenarios.Dynamic {
				poison(k, text, field, seen)
			}
			poison(e, text, field, seen)
			out.SetMapIndex(k, e)
		}
		if !v.IsNil() {
			v.Set(out)
		}
	}
}

// Texts drawn from what is special to any format, seeded.
func TestHostileProperty(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 11))
	special := []rune("<>&\"'`*_[]()|~#$\\!@=+-;:,.{}%\n\r\t \x00\x1b\u009b\u202e\u200b\ufeff]x1é")
	for range 15 {
		text := make([]rune, 1+rng.IntN(24))
		for i := range text {
			text[i] = special[rng.IntN(len(special))]
		}
		checkHostile(t, string(text))
	}
}

// The hostile texts are the seeds; -fuzz FuzzHostileText looks for more.
func FuzzHostileText(f *testing.F) {
	for _, text := range hostileTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		checkHostile(t, text)
	})
}

// tame is a text of the same lines without what any format marks by.
func tame(text string) string {
	lines := strings.Split(inertText(text), "\n")
	for i, l := range lines {
		if strings.TrimSpace(l) != "" {
			lines[i] = "x"
		}
	}
	return strings.Join(lines, "\n")
}

// tamed are renderings of the sample with tame texts, by text and format.
var tamed = map[string]map[string]string{}

func renderTame(t *testing.T, text string) map[string]string {
	t.Helper()
	text = tame(text)
	if tamed[text] == nil {
		in := poisoned(text)
		tamed[text] = map[string]string{}
		for _, f := range Formats {
			tamed[text][f.Name] = string(render(t, f.Name, in))
		}
	}
	return tamed[text]
}

// checkHostile renders the poisoned sample in every format. None may hold a
// control character, and all must have the structure that they have with a tame
// text.
func checkHostile(t *testing.T, text string) {
	t.Helper()
	in, want := poisoned(text), renderTame(t, text)
	for _, f := range Formats {
		got, err := f.Render(in)
		if err != nil {
			t.Fatalf("%s of %q: %v", f.Name, text, err)
		}
		if i := bytes.IndexFunc(got, steers); i >= 0 {
			t.Errorf("%s of %q has a control character: %q", f.Name, text, got[max(0, i-20):min(len(got), i+20)])
		}
		if check := hostileChecks[f.Name]; check != nil {
			check(t, text, string(got), want[f.Name])
		}
	}
	for _, tb := range slices.Concat(tables, fleetTables) {
		checkFormulas(t, text, tb.name, append([][]string{tb.head}, tb.rows(newModel(in))...))
	}
}

// steers tells whether a terminal may take a character for more than one to show.
func steers(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) && r != '\u00a0' }

var hostileChecks = map[string]func(t *testing.T, text, got, want string){
	"html": func(t *testing.T, text, got, want string) {
		tag := regexp.MustCompile(`</?[A-Za-z!?][^\s>/]*`)
		if g, w := tag.FindAllString(got, -1), tag.FindAllString(want, -1); !slices.Equal(g, w) {
			t.Errorf("the page of %q has %d tags, not %d as of a tame text", text, len(g), len(w))
		}
	},
	"markdown": checkHostileMarkdown,
	"json": func(t *testing.T, text, got, want string) {
		if !json.Valid([]byte(got)) {
			t.Errorf("the JSON of %q is not valid", text)
		}
	},
	"csv": func(t *testing.T, text, got, want string) {
		rows, err := csv.NewReader(strings.NewReader(got)).ReadAll()
		if err != nil {
			t.Errorf("the CSV of %q: %v", text, err)
		}
		checkFormulas(t, text, "report", rows)
		if g, w := strings.Count(got, "\n"), strings.Count(want, "\n"); g != w {
			t.Errorf("the CSV of %q has %d lines, not %d as of a tame text", text, g, w)
		}
	},
	"bench": func(t *testing.T, text, got, want string) {
		if g, w := benchShape(got), benchShape(want); !slices.Equal(g, w) {
			t.Errorf("the benchmark lines of %q are %q, not %q as of a tame text", text, g, w)
		}
	},
	"junit": func(t *testing.T, text, got, want string) {
		g, err := elements(got)
		w, _ := elements(want)
		if err != nil || !slices.Equal(g, w) {
			t.Errorf("the JUnit XML of %q has %d elements, not %d as of a tame text (%v)", text, len(g), len(w), err)
		}
	},
}

// checkFormulas finds fields that a spreadsheet would compute.
func checkFormulas(t *testing.T, text, name string, rows [][]string) {
	t.Helper()
	number := regexp.MustCompile(`^-?[\d.]+(e[+-]?\d+)?$`)
	for _, row := range rows {
		for _, field := range row {
			if f := strings.TrimSpace(field); f != "" && strings.ContainsAny(f[:1], "=+-@") && !number.MatchString(f) || strings.HasPrefix(f, "＝") || strings.Contains(field, "\n") {
				t.Errorf("%s.csv of %q has the field %.60q", name, text, field)
				return
			}
		}
	}
}

// benchShape is the first word of every line in the Go benchmark format, names
// shortened, and how many words follow it.
func benchShape(s string) (shape []string) {
	for _, l := range strings.Split(s, "\n") {
		words := strings.Fields(l)
		switch {
		case len(words) == 0:
		case strings.HasPrefix(words[0], "Benchmark"):
			name, _, _ := strings.Cut(words[0], "/")
			shape = append(shape, fmt.Sprint(name, len(words)))
		case words[0] == "#":
			shape = append(shape, "#")
		default:
			shape = append(shape, words[0])
		}
	}
	return shape
}

// elements are the names of all elements of an XML document.
func elements(s string) (names []string, err error) {
	d := xml.NewDecoder(strings.NewReader(s))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return names, nil
		}
		if err != nil {
			return names, err
		}
		if e, ok := token.(xml.StartElement); ok {
			names = append(names, e.Name.Local)
		}
	}
}

var (
	markdownMark     = regexp.MustCompile(`^(#+ |- |> |\||!\[|\*|` + "```" + `|[A-Za-z0-9\\]|$)`)
	markdownPipe     = regexp.MustCompile(`(^|[^\\])(\\\\)*\|`)
	markdownNested   = regexp.MustCompile(`^(- )?\d+[.)](\s|$)|^- [-+>#=]`)
	markdownUnsafe   = regexp.MustCompile(`(^|[^\\])(\\\\)*(<[A-Za-z/!?]|` + "`" + `)|(^|[^&])[@#][\pL\pN]|://[\pL\pN]|(^|[^\\])(\\\\)*\]\(h`)
	markdownOurImage = regexp.MustCompile(`(?m)^!\[(.*)\]\(plots/[a-z]+\.svg\)$`)
)

// checkHostileMarkdown compares the blocks, and looks for markup and references
// outside of code.
func checkHostileMarkdown(t *testing.T, text, got, want string) {
	t.Helper()
	g, w := outsideFences(t, text, got), outsideFences(t, text, want)
	if len(g) != len(w) {
		t.Errorf("the Markdown of %q has %d lines outside of code, not %d as of a tame text", text, len(g), len(w))
		return
	}
	for i := range g {
		if a, b := blockOf(g[i]), blockOf(w[i]); a != b {
			t.Errorf("the Markdown of %q has a line of another kind: %.80q is %s, not %s as %.80q", text, g[i], a, b, w[i])
			return
		}
		line := markdownOurImage.ReplaceAllString(g[i], "$1")
		at := markdownUnsafe.FindString(withoutCode(line))
		if at == "" {
			at = markdownNested.FindString(line)
		}
		if at != "" {
			t.Errorf("the Markdown of %q has %q in %.120q", text, at, g[i])
			return
		}
	}
}

// blockOf is what kind of block a line begins, and into how many cells it is cut.
func blockOf(line string) string {
	kind := markdownMark.FindString(line)
	if kind == "" {
		kind = "other"
	}
	switch kind[0] {
	case '|':
		return fmt.Sprint("a row of ", len(markdownPipe.FindAllString(strings.ReplaceAll(line, "||", "| |"), -1)))
	case '#', '-', '>', '!', '*':
		return kind
	}
	return "text"
}

// outsideFences are the lines outside of fenced code.
func outsideFences(t *testing.T, text, s string) (lines []string) {
	t.Helper()
	fence := ""
	for _, l := range strings.Split(s, "\n") {
		ticks := len(l) - len(strings.TrimLeft(l, "`"))
		switch {
		case fence == "" && ticks >= 3 && !strings.Contains(l[ticks:], "`"):
			fence = l[:ticks]
		case fence != "" && l == fence:
			fence = ""
		case fence == "":
			lines = append(lines, l)
		}
	}
	if fence != "" {
		t.Errorf("the Markdown of %q leaves a fence open", text)
	}
	return lines
}

// withoutCode drops code spans as CommonMark finds them: a run of backquotes to
// the next run of the same length; an escaped one opens none.
func withoutCode(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			b.WriteString(s[i : i+2])
			i += 2
		case s[i] == '`':
			n := len(s[i:]) - len(strings.TrimLeft(s[i:], "`"))
			end := closing(s[i+n:], n)
			if end < 0 {
				b.WriteString(s[i : i+n])
				i += n
			} else {
				i += n + end + n
			}
		default:
			b.WriteByte(s[i])
			i++
		}
	}
	return b.String()
}

// closing is where a run of exactly n backquotes begins; -1 for nowhere.
func closing(s string, n int) int {
	for i := 0; i < len(s); {
		if s[i] != '`' {
			i++
			continue
		}
		run := len(s[i:]) - len(strings.TrimLeft(s[i:], "`"))
		if run == n {
			return i
		}
		i += run
	}
	return -1
}

// A terminal of any width gets no control code, and no line that a CI runner
// takes for a command.
func TestHostileTextOnTerminals(t *testing.T) {
	command := regexp.MustCompile(`(?m)^\s*::[a-z]|##[A-Za-z]*\[`)
	for i, text := range hostileTexts {
		got := Text(poisoned(text), false, 40+80*(i%2))
		if i := bytes.IndexFunc(got, steers); i >= 0 {
			t.Errorf("the text of %q has a control character: %q", text, got[max(0, i-20):min(len(got), i+20)])
		}
		if at := command.Find(got); at != nil {
			t.Errorf("the text of %q has the command %q", text, at)
		}
	}
}

// What Write makes of a hostile run stays in its folder, and every plot is
// well formed.
func TestHostileFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "report")
	files, err := Write(poisoned(`../../x<b>&"'`+"\x1b]0;x\x07\x00"), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if rel, err := filepath.Rel(dir, f); err != nil || !filepath.IsLocal(rel) {
			t.Errorf("%s is outside of the folder", f)
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(f) == ".svg" {
			checkSVG(t, b)
		}
		if i := bytes.IndexFunc(b, steers); i >= 0 {
			t.Errorf("%s has a control character: %q", f, b[max(0, i-20):min(len(b), i+20)])
		}
	}
}

// The copy that reports are made of is one: what it points to twice stays one,
// and the input stays as it was.
func TestInertInput(t *testing.T) {
	in := sample()
	in.Result.Winner.Cell.Server = "a\x1b[31mb\x07"
	in.Result.Scaling.Refused = fmt.Errorf("x\x1b[2J: %w", io.EOF)
	out := inertInput(in)
	if got := out.Result.Winner.Cell.Server; got != "ab" {
		t.Errorf("the copy says %q", got)
	}
	if got := out.Result.Scaling.Refused.Error(); got != "x: EOF" {
		t.Errorf("the copy of the error says %q", got)
	}
	if in.Result.Winner.Cell.Server != "a\x1b[31mb\x07" {
		t.Error("the input was changed")
	}
	if !slices.ContainsFunc(out.Result.Cells, func(c *analysis.Cell) bool { return c == out.Result.Winner }) {
		t.Error("the winner is not among the cells of the copy")
	}
	if out.Result.Winner == in.Result.Winner || !out.Generated.Equal(in.Generated) {
		t.Error("the copy shares a cell, or has another time")
	}
}
