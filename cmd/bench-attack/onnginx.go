package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// patience is how long beyond its time a tool may go on.
const patience = time.Minute

// attack runs a tool once and fills in what it said and what it spent.
func (b *bench) attack(ctx context.Context, t tool, m measurement, kids children) (_ measurement, stdout []byte, err error) {
	dir, err := os.MkdirTemp(b.dir, "attack-")
	if err != nil {
		return m, nil, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	argv, err := t.command(b.found.programs[t.peer], m.Load, dir)
	if err != nil {
		return m, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*m.Load.Duration+patience)
	defer cancel()
	m.Began = time.Now()
	out, err := kids.run(ctx, argv)
	if err != nil {
		return m, nil, err
	}
	m.CPU, m.Peak = out.cpu, out.peak
	m.reading, err = t.parse(out.stdout, m.Load, dir)
	return m, out.stdout, err
}

// onNginx is attack, with the requests that nginx counted and the CPU time
// that it took.
func (b *bench) onNginx(ctx context.Context, t tool, m measurement, kids children) (_ measurement, stdout []byte, err error) {
	pid := b.nginx.process.PID()
	before, err := b.nginx.requests()
	if err != nil {
		return m, nil, err
	}
	used, began := cpuSeconds(pid), time.Now()
	m, stdout, err = b.attack(ctx, t, m, kids)
	if err != nil {
		return m, nil, err
	}
	m.ServerCPU = (cpuSeconds(pid) - used) / min(time.Since(began), m.Load.Duration).Seconds()
	after, err := b.nginx.requests()
	if err != nil {
		return m, nil, err
	}
	m.Served = after - before - 1 // the count before was a request, too
	return m, stdout, nil
}

// failedAs is a measurement that could not be made.
func failedAs(m measurement, err error) measurement {
	if err != nil {
		m.Error = err.Error()
	}
	return m
}
