package main

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseOptions(t *testing.T) {
	for _, tt := range []struct {
		name   string
		args   []string
		parts  []string
		closed time.Duration
		dir    string
	}{
		{"nothing said", nil, allParts, 5 * time.Second, "bench-attack"},
		{"some parts", []string{"--parts", "cpu,soak"}, []string{cpu, soak}, 5 * time.Second, "bench-attack"},
		{"quick", []string{"--quick"}, allParts, time.Second, "bench-attack/quick"},
		{"quick, but for what is said", []string{"--quick", "--closed", "9s", "--dir", "here"}, allParts, 9 * time.Second, "here"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, err := parseOptions(tt.args, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(o.parts, tt.parts) || o.closed != tt.closed || o.dir != tt.dir {
				t.Errorf("parts %v, closed loops of %v, in %s; want %v, %v, %s", o.parts, o.closed, o.dir, tt.parts, tt.closed, tt.dir)
			}
		})
	}
}

func TestParseOptionsRefuses(t *testing.T) {
	for _, args := range [][]string{{"--parts", "luck"}, {"soak"}, {"--closed", "long"}} {
		if _, err := parseOptions(args, io.Discard); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}

func TestHelpIsNoError(t *testing.T) {
	var out strings.Builder
	if err := execute(t.Context(), []string{"--help"}, io.Discard, &out); err != nil || !strings.Contains(out.String(), "-parts") {
		t.Errorf("error %v, help:\n%s", err, out.String())
	}
}
