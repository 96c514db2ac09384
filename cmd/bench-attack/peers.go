package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"sweetspot/cmd/internal/benchmark"
)

// peer is a program to compare with: built from a Go module, or a package of
// the distribution's.
type peer struct {
	name    string // of the program
	module  string // empty for a package
	version string // of the module
	debian  string
}

// peers are all of them. The versions are the newest that can be built from
// the public module proxy.
var peers = []peer{
	{name: "vegeta", module: "github.com/tsenart/vegeta/v12", version: "v12.13.0"},
	{name: "fortio", module: "fortio.org/fortio", version: "v1.66.5"},
	{name: "bombardier", module: "github.com/codesenberg/bombardier", version: "v1.2.6"},
	{name: "k6", module: "go.k6.io/k6", version: "v1.8.1"},
	{name: "wrk", debian: "wrk"},
	{name: "hey", debian: "hey"},
	{name: "ab", debian: "apache2-utils"},
	{name: "h2load", debian: "nghttp2-client"},
}

// found says where the peers are.
type found struct {
	programs map[string]string // by name
	versions map[string]string
	missing  map[string]string // why
}

// findPeers builds or finds what the tools need, and goes on without what
// cannot be had.
func findPeers(ctx context.Context, wanted func(peer string) bool, w io.Writer) (found, error) {
	f := found{programs: map[string]string{}, versions: map[string]string{}, missing: map[string]string{}}
	for _, p := range peers {
		if !wanted(p.name) {
			continue
		}
		program, version, err := p.find(ctx, w)
		if ctx.Err() != nil {
			return f, ctx.Err()
		}
		if err != nil {
			fmt.Fprintf(w, "without %s: %v\n", p.name, err)
			f.missing[p.name] = err.Error()
			continue
		}
		f.programs[p.name], f.versions[p.name] = program, version
	}
	return f, nil
}

func (p peer) find(ctx context.Context, w io.Writer) (program, version string, err error) {
	if p.module != "" {
		program, err = p.build(ctx, w)
		return program, p.version, err
	}
	if program, err = exec.LookPath(p.name); err != nil {
		return "", "", fmt.Errorf("%w: apt-get install %s, or run .ci/install peers", err, p.debian)
	}
	said, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${Version}", p.debian).Output()
	if err != nil {
		return program, "of unknown version", nil // it did not come as a package
	}
	return program, string(said), nil
}

// build builds the peer from its module, once: the program is kept in the
// user's cache.
func (p peer) build(ctx context.Context, w io.Writer) (program string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("build %s: %w", p.name, err)
	}
	dir := filepath.Join(cache, "sweetspot", "peers")
	program = filepath.Join(dir, p.name+"-"+p.version)
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	fmt.Fprintf(w, "building %s %s, once\n", p.module, p.version)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("build %s: %w", p.name, err)
	}
	scratch, err := os.MkdirTemp("", "sweetspot-peer-")
	if err != nil {
		return "", fmt.Errorf("build %s: %w", p.name, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	if err := os.WriteFile(filepath.Join(scratch, "go.mod"), []byte("module scratch\n\ngo 1.26\n"), 0o644); err != nil {
		return "", fmt.Errorf("build %s: %w", p.name, err)
	}
	built := program + ".next"
	for _, argv := range [][]string{
		{"go", "get", p.module + "@" + p.version},
		{"nice", "-n", "10", "go", "build", "-trimpath", "-o", built, p.module},
	} {
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Dir, cmd.Env = scratch, append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
		if said, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build %s: %s: %w\n%s", p.name, strings.Join(argv, " "), err, benchmark.Tail(string(said)))
		}
	}
	if err := os.Rename(built, program); err != nil {
		return "", fmt.Errorf("build %s: %w", p.name, err)
	}
	return program, nil
}
