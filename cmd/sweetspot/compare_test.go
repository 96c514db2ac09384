package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the machines of two runs do not share is said before what the runs
// found.
func TestCompareRunsNamesDifferencesFirst(t *testing.T) {
	dirs := []string{filepath.Join(t.TempDir(), "before"), filepath.Join(t.TempDir(), "after")}
	for i, dir := range dirs {
		if err := simulations["pod"].write(dir, uint64(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	changeManifest(t, filepath.Join(dirs[1], "manifest.json"), `{"Host": {"Kernel": "6.18\u001b[31m"}, "ScenarioHash": "other", "Versions": {"nginx": "1.22.1"}}`)
	b, err := compared(dirs[0], dirs[1], "text", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	first, rest, _ := strings.Cut(text, "The recommended configuration of the candidate sustains ")
	for _, want := range []string{"The runs differ", "kernel: none there, 6.18 here", "version of nginx"} {
		if !strings.Contains(first, want) {
			t.Errorf("before the answer there is no %q:\n%s", want, first)
		}
	}
	if !strings.HasPrefix(rest, "1.0") && !strings.HasPrefix(rest, "0.9") || !strings.Contains(rest, "no difference shown") {
		t.Errorf("runs of one build are told apart:\n%s", rest)
	}
	if strings.Contains(text, "\x1b") {
		t.Error("a manifest steers the terminal")
	}
}

// changeManifest sets fields of a manifest.
func changeManifest(t *testing.T, file, change string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(change), &m); err != nil {
		t.Fatal(err)
	}
	if b, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
}
