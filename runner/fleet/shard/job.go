package shard

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"sweetspot/runner/attack"
	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
)

// job is one attack of a generator.
type job struct {
	arm     *wire.Arm
	ctx     context.Context         // of all of it
	drop    context.CancelCauseFunc // ends all of it
	attack  context.Context         // of the attack alone
	end     context.CancelFunc      // ends that; what was measured is kept
	fire    chan time.Time          // when it begins, by this process's clock; holds one
	ready   chan struct{}           // closed when it could begin
	silence *time.Timer             // drops it when its subject is silent

	mu    sync.Mutex
	ticks []wire.Tick // that nobody has asked for yet

	done    chan struct{} // closed when it is over; what follows is set before
	part    []byte        // an attack.Part
	aborted bool
	err     error
}

func newJob(ctx context.Context, a *wire.Arm, silent func(*job)) *job {
	j := &job{arm: a, fire: make(chan time.Time, 1), ready: make(chan struct{}), done: make(chan struct{})}
	j.ctx, j.drop = context.WithCancelCause(ctx)
	j.attack, j.end = context.WithCancel(j.ctx)
	j.silence = time.AfterFunc(time.Hour, func() { silent(j) })
	return j
}

// heard has the job wait for its subject for a time from now.
func (j *job) heard(silence time.Duration) {
	if j.silence.Stop() { // else it is being dropped
		j.silence.Reset(silence)
	}
}

// over tells whether the job is.
func (j *job) over() bool {
	select {
	case <-j.done:
		return true
	default:
		return false
	}
}

// begin waits until it is said when the attack begins.
func (j *job) begin(ctx context.Context) (time.Time, error) {
	close(j.ready)
	select {
	case at := <-j.fire:
		return at, nil
	case <-ctx.Done():
		return time.Time{}, context.Cause(ctx)
	}
}

// tick keeps what came back until somebody asks; the oldest go when nobody does.
func (j *job) tick(began time.Time, i rundir.Interval) {
	bars, err := attack.PackInterval(i.Response)
	if err != nil {
		return // it cannot be, and costs a second of the live view
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ticks = append(j.ticks, wire.Tick{
		End: i.At.Sub(began), Span: i.Span, Warmup: i.Warmup, Due: i.Due, Good: i.Good, Errors: i.Errors, InFlight: i.InFlight, Response: string(bars),
	})
	j.ticks = j.ticks[max(0, len(j.ticks)-wire.MostTicks):]
}

// status is how far the job is. What came back is told once.
func (j *job) status() *wire.Status {
	s := &wire.Status{Trial: j.arm.Trial, Done: j.over()}
	if s.Done {
		s.Aborted = j.aborted
		if j.err != nil {
			s.Err = j.err.Error()
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	s.Ticks, j.ticks = j.ticks, nil
	return s
}

// run attacks, and hands the raw results in.
func (g *generator) run(j *job, spec attack.Spec) {
	defer j.drop(nil)
	defer close(j.done)
	g.Note("attack %s of run %s at %v: shard %d of %d", j.arm.Trial, j.arm.Run, j.arm.Address, j.arm.Shard, j.arm.Shards)
	part, err := g.measure(j, spec)
	if err == nil && j.ctx.Err() != nil {
		err = context.Cause(j.ctx) // it ended because nobody wants it any more, or can have it
	}
	if err == nil {
		if j.part, err = wire.Encode(&part); err != nil {
			err = fmt.Errorf("what it measured, of %d requests and %d seconds: %w", len(part.Requests), len(part.Windows), err)
		}
	}
	j.aborted, j.err = part.Aborted != "", err
	if err != nil {
		g.Note("attack %s of run %s: %v", j.arm.Trial, j.arm.Run, err)
	}
}

// measure attacks, and keeps the raw results in a file until they are handed in.
func (g *generator) measure(j *job, spec attack.Spec) (_ attack.Part, err error) {
	var began time.Time
	spec.Begin = func(ctx context.Context) (_ time.Time, err error) {
		began, err = j.begin(ctx)
		return began, err
	}
	spec.Tell = func(i rundir.Interval) { j.tick(began, i) }
	if !j.arm.Raw {
		return attack.RunPart(j.attack, spec)
	}
	file, err := os.CreateTemp(g.Scratch, "sweetspot-shard-")
	if err != nil {
		return attack.Part{}, fmt.Errorf("keep raw results: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	z, err := gzip.NewWriterLevel(file, gzip.BestSpeed)
	if err != nil {
		return attack.Part{}, err
	}
	spec.Raw = z
	part, err := attack.RunPart(j.attack, spec)
	if err := errors.Join(err, z.Close()); err != nil {
		return part, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return part, err
	}
	ctx, cancel := context.WithTimeout(j.ctx, handIn)
	defer cancel()
	if err := g.Objects.Put(ctx, rawObject(j.arm.Run, j.arm.Trial, j.arm.Shard), file); err != nil {
		return part, fmt.Errorf("hand raw results in: %w", err)
	}
	return part, nil
}
