package scenarios

import (
	"strings"
	"testing"
	"time"
)

// A sheet tells all its faults, with its own names for what it is.
func TestSheet(t *testing.T) {
	k := Kind{One: "list", Many: "lists", Empty: "begin with wait:", Top: "write wait: first"}
	for _, tt := range []struct{ name, text, want string }{
		{"good", "wait: 2s\nword: b\n", ""},
		{"empty", "", "l.yaml:1:1: is empty\n  begin with wait:"},
		{"no mapping", "[a]", "l.yaml:1:1: is a list, must be a mapping\n    [a]\n    ^\n  write wait: first"},
		{"two documents", "wait: 2s\n---\n", "l.yaml:2:1: holds more than one document\n    ---\n    ^\n  keep one list a file, without --- lines"},
		{"alias", "wait: &w 2s\nword: *w\n", "l.yaml:2:1: word: is an alias\n    word: *w\n    ^\n  write the value out; lists have no aliases"},
		{"all at once", "wait: 2h\nwort: b\n", "l.yaml:1:1: wait: is 2h, must be at most 1h\n    wait: 2h\n    ^\n" +
			"l.yaml:1:1: word: is missing\n  say one\nl.yaml:2:1: wort: unknown key\n    wort: b\n    ^\n  did you mean word?"},
		{"no word", "wait: 2s\nword: c\n", "l.yaml:2:1: word: is \"c\", must be a or b\n    word: c\n    ^\n  did you mean a?"},
		{"wrong form", "wait: x\nword: a\n", "l.yaml:1:1: wait: \"x\" is not a duration\n    wait: x\n    ^\n  write a number and a unit: 250ms, 90s, 5m or 1h30m"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var list struct {
				Wait Duration `yaml:"wait"`
				Word string   `yaml:"word"`
			}
			s := ReadSheet(k, "l.yaml", []byte(tt.text), &list)
			if s.Readable() {
				s.Between("wait", list.Wait, Duration(time.Second), Duration(time.Hour))
				if !s.Missing("word", list.Word, "say one") {
					s.Word("word", list.Word, []string{"a", "b"})
				}
				if s.Line("word.nothing") != s.Line("word") {
					t.Errorf("what is not there is in line %d, want that of what is around it", s.Line("word.nothing"))
				}
			}
			if got := message(s.Err()); strings.TrimSpace(got) != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
			}
		})
	}
}
