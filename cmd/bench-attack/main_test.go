package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"sweetspot/runner/process"
)

var update = flag.Bool("update", false, "rewrite golden files")

// TestMain is also the program that tests start as an engine, a server or a hog.
func TestMain(m *testing.M) {
	process.Main()
	if len(os.Args) > 1 && (os.Args[1] == engineCommand || os.Args[1] == truthCommand || os.Args[1] == hogCommand) {
		if err := execute(context.Background(), os.Args[1:], os.Stdout, os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// golden compares text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s\nwant:\n%s\nIf it is meant to, run the test with -update.", path, got, want)
	}
}
