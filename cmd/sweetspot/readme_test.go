package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"sweetspot/reports"
)

// Every command of sweetspot that the README shows, in its shell blocks and in
// the examples for CI, has a subcommand, flags and arguments that exist.
func TestReadmeCommandsParse(t *testing.T) {
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	gates := 0
	for _, block := range fencedBlocks(string(b)) {
		scripts := []string{block.text}
		switch block.language {
		case "yaml":
			if scripts, err = ciScripts(block.text); err != nil {
				t.Errorf("%v\n%s", err, block.text)
			}
		case "sh":
		default:
			continue
		}
		for _, s := range scripts {
			for _, args := range sweetspotCommands(s) {
				if err := parses(newRoot(), args); err != nil {
					t.Errorf("sweetspot %s: %v", strings.Join(args, " "), err)
				}
				if block.language == "yaml" && args[0] == "gate" {
					gates++
				}
			}
		}
	}
	if gates != 2 {
		t.Errorf("the examples for CI call sweetspot gate %d times, want once for GitHub and once for GitLab", gates)
	}
}

type fenced struct{ language, text string }

func fencedBlocks(markdown string) (blocks []fenced) {
	for _, m := range regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$").FindAllStringSubmatch(markdown, -1) {
		blocks = append(blocks, fenced{m[1], m[2]})
	}
	return blocks
}

// ciScripts are the scripts of a CI configuration: what stands at any depth under
// run, script, before_script or after_script.
func ciScripts(text string) (scripts []string, err error) {
	var doc any
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return nil, err
	}
	var walk func(v any, script bool)
	walk = func(v any, script bool) {
		switch v := v.(type) {
		case map[string]any:
			for k, sub := range v {
				walk(sub, slices.Contains([]string{"run", "script", "before_script", "after_script"}, k))
			}
		case []any:
			for _, sub := range v {
				walk(sub, script)
			}
		case string:
			if script {
				scripts = append(scripts, v)
			}
		}
	}
	walk(doc, false)
	return scripts, nil
}

// sweetspotCommands are the arguments of the calls of sweetspot in a script of a
// POSIX shell.
func sweetspotCommands(script string) (calls [][]string) {
	for _, words := range shellCommands(strings.ReplaceAll(script, "\\\n", " ")) {
		if len(words) > 1 && filepath.Base(words[0]) == "sweetspot" {
			calls = append(calls, words[1:])
		}
	}
	return calls
}

// shellCommands parts a script into commands and these into words, without
// redirections and comments. It knows quotes, and no substitutions.
func shellCommands(script string) (commands [][]string) {
	var words []string
	word, begun, skip := "", false, false
	endWord := func() {
		if begun && !skip {
			words = append(words, word)
		}
		if begun {
			skip = false
		}
		word, begun = "", false
	}
	endCommand := func() {
		endWord()
		if len(words) > 0 {
			commands = append(commands, words)
		}
		words, skip = nil, false
	}
	for i := 0; i < len(script); i++ {
		switch c := script[i]; c {
		case ' ', '\t':
			endWord()
		case '\n', ';', '&', '|', '(', ')':
			endCommand()
		case '>', '<':
			endWord()
			skip = true // the file
		case '\'', '"':
			n := strings.IndexByte(script[i+1:], c)
			if n < 0 {
				n = len(script) - i - 1
			}
			word, begun = word+script[i+1:i+1+n], true
			i += n + 1
		case '#':
			if !begun {
				if n := strings.IndexByte(script[i:], '\n'); n >= 0 {
					i += n - 1
				} else {
					i = len(script)
				}
				continue
			}
			word += "#"
		default:
			word, begun = word+string(c), true
		}
	}
	endCommand()
	return commands
}

// parses says what is wrong with a command line, without running it.
func parses(root *cobra.Command, args []string) error {
	c, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	if err := c.ParseFlags(rest); err != nil {
		return err
	}
	if err := c.ValidateArgs(c.Flags().Args()); err != nil {
		return err
	}
	for flag, values := range map[string][]string{"format": reports.GateFormatNames(), "inconclusive": {"pass", "fail", "3"}} {
		if f := c.Flags().Lookup(flag); c.Name() == "gate" && f != nil && f.Changed && !slices.Contains(values, f.Value.String()) {
			return badInputf("--%s %s: want one of %q", flag, f.Value, values)
		}
	}
	return nil
}

func TestShellCommands(t *testing.T) {
	for _, tt := range []struct {
		script string
		want   [][]string
	}{
		{"bin/sweetspot run x.yaml --set 'a b=c' # why", [][]string{{"run", "x.yaml", "--set", "a b=c"}}},
		{"make build && sweetspot gate > out.txt; sweetspot doctor | tail", [][]string{{"gate"}, {"doctor"}}},
		{"sweetspot gate \\\n  --aa\n# sweetspot nothing", [][]string{{"gate", "--aa"}}},
		{"sudo install bin/sweetspot /usr/local/bin/", nil},
	} {
		got := sweetspotCommands(tt.script)
		if !slices.EqualFunc(got, tt.want, slices.Equal) {
			t.Errorf("%q calls %q, want %q", tt.script, got, tt.want)
		}
	}
}

func TestUnknownFlagsDoNotParse(t *testing.T) {
	for _, args := range [][]string{{"run", "--no-such-flag"}, {"no-such-command"}, {"validate"}, {"run", "a.yaml", "b.yaml"}} {
		if err := parses(newRoot(), args); err == nil {
			t.Errorf("sweetspot %q parses", args)
		}
	}
}
