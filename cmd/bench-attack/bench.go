package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"sweetspot/runner/process"
	"sweetspot/runner/sample"
)

// bench is a benchmark under way.
type bench struct {
	options
	self      string // this program
	tools     []tool // that could be had, in the order of the tables
	found     found
	server    int // CPU of the server
	generator int // CPU of the tools
	env       []string
	dir       string // for everything that passes and is small
	nginx     *nginx
	kids      children
}

// measure makes the measurements that are missing, and keeps each at once.
func measure(ctx context.Context, o options, results *store, w io.Writer) (err error) {
	b := &bench{options: o}
	if b.self, err = selfPath(); err != nil {
		return err
	}
	if err := b.placeOn(results); err != nil {
		return err
	}
	if err := b.find(ctx, results, w); err != nil {
		return err
	}
	runID := "bench-attack-" + strconv.Itoa(os.Getpid())
	release, err := process.Watch(runID)
	if err != nil {
		return err
	}
	defer release()
	if b.dir, err = process.TempDir(runID); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	b.env = append(os.Environ(), process.Mark(runID))
	b.kids = children{cpu: b.generator, env: b.env}
	if b.nginx, err = startNginx(ctx, b.server, b.env, b.dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.nginx.process.Stop()) }()
	return b.run(ctx, results, w)
}

// placeOn chooses the CPUs of server and generator.
func (b *bench) placeOn(results *store) error {
	cpus, err := sample.Allowed()
	if err != nil {
		return err
	}
	if len(cpus) < 2 {
		return errors.New("one CPU: the benchmark needs two, one for the server and one for the generator")
	}
	b.server, b.generator = cpus[0], cpus[1]
	results.held.Host, err = sample.Host()
	return err
}

// find finds the tools of the wanted parts.
func (b *bench) find(ctx context.Context, results *store, w io.Writer) (err error) {
	all := tools(b.self, b.seed)
	b.found, err = findPeers(ctx, func(peer string) bool {
		return slices.ContainsFunc(all, func(t tool) bool { return t.peer == peer && slices.ContainsFunc(t.parts, b.has) })
	}, w)
	if err != nil {
		return err
	}
	for _, t := range all {
		if t.peer == "" || b.found.programs[t.peer] != "" {
			b.tools = append(b.tools, t)
		}
	}
	h := &results.held
	if h.Versions == nil {
		h.Versions = map[string]string{}
	}
	maps.Copy(h.Versions, b.found.versions)
	h.Versions["go"] = strings.TrimPrefix(runtime.Version(), "go")
	if v := nginxVersion(ctx); v != "" {
		h.Versions["nginx"] = v
	}
	h.Missing = b.found.missing
	return nil
}

// in returns the tools that are in a part.
func (b *bench) in(part string) []tool {
	return slices.DeleteFunc(slices.Clone(b.tools), func(t tool) bool { return !slices.Contains(t.parts, part) })
}

// run does what is to be done, in order.
func (b *bench) run(ctx context.Context, results *store, w io.Writer) error {
	all := b.plan()
	todo := slices.DeleteFunc(slices.Clone(all), func(j job) bool {
		return !b.fresh && !slices.ContainsFunc(j.wants, func(m measurement) bool { return !results.has(m) })
	})
	printPlan(w, b.parts, todo, len(all), results.held.Date)
	for i, j := range todo {
		began := time.Now()
		done := j.run(ctx, j.wants)
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted after %d of %d: the same command goes on from here", i, len(todo))
		}
		if err := results.put(done...); err != nil {
			return err
		}
		printDone(w, i+1, len(todo), left(todo[i+1:]), time.Since(began), done)
	}
	return nil
}
