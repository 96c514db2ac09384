package runner

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sweetspot/runner/attack"
	"sweetspot/runner/rundir"
	"sweetspot/runner/sample"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

// attack drives the running stack with the load of the step while the sampler
// watches the machine.
func (b *bench) attack(ctx context.Context, p *rundir.Pending, t *rundir.Trial) (_ map[string]rundir.Histograms, err error) {
	raw, err := rundir.CreateRaw(filepath.Join(p.Dir, rundir.RawFile))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, raw.Close()) }() // flushes: a full disk shows here, too

	t.Unlimited = b.live.Unlimited()
	alive, cancel := b.whileAlive(ctx)
	defer cancel()
	if b.Run.Manifest.Scenario.Traffic.PageCache == scenarios.ColdCache {
		if err := b.files.evict(); err != nil {
			return nil, err
		}
	}
	held, err := b.linger(alive, t)
	if err != nil {
		return nil, b.unlessDead(ctx, t, err)
	}
	begin := newOutset()
	watch := b.watchAfter(alive, begin, t.Step)
	usage := b.sampleAfter(alive, begin, t.Step, held)
	res, err := b.drive(alive, begin, b.spec(t, raw))
	u, sampleErr := usage()
	t.Beside = held.stop()
	t.Load, t.Usage = res.Load, u
	switch {
	case errors.Is(err, ErrVoid), err != nil && alive.Err() != nil:
		t.Broken = err.Error()
	case err != nil:
		return nil, fmt.Errorf("attack %v: %w", t.Step.Cell, err)
	case sampleErr != nil:
		t.Broken = sampleErr.Error()
	}
	b.inspect(ctx, t)
	if why := b.live.OutOfMemory(); why != "" {
		t.Broken, t.Failure = "", strings.TrimSpace(why+"\n"+t.Failure)
	}
	watch(t)
	return res.Histograms, nil
}

// ownCPUs returns the CPUs that are the generator's own; none when it shares
// them or has a host of its own. A target that was running already may use any.
func ownCPUs(c rundir.CPUs, cell scenarios.Cell) []int {
	if c.Shared || cell.Server == scenarios.TargetServer {
		return nil
	}
	return c.Generator
}

// spec is the load of a step.
func (b *bench) spec(t *rundir.Trial, raw io.Writer) attack.Spec {
	s := b.Run.Manifest.Scenario
	return attack.Spec{
		Network: b.live.Network, Address: b.live.Address, Host: b.live.Host,
		TLS: b.live.TLS, HTTP2: s.Proxy.HTTP2, PerConnection: s.Traffic.PerConnection, Standard: s.Traffic.Transport == scenarios.StandardTransport,
		Requests: s.Traffic.Requests, Mix: b.mixes[t.Step.Class], Files: b.files.expect,
		Arrivals: s.Traffic.Arrivals, Shape: s.Traffic.Shape, Recording: b.Run.Manifest.Recording,
		Rate: t.Step.Rate, Connections: t.Step.Connections, Procs: b.Run.Manifest.CPUs.Procs(),
		Warmup: t.Step.Warmup, Duration: t.Step.Duration,
		Timeout:    time.Duration(s.Traffic.Timeout),
		Seed:       ArrivalsSeed(&b.Run.Manifest, t),
		Objectives: b.abortsOn(t.Step),
		Raw:        raw,
		Tell:       b.tell(t),
	}
}

// tell returns who is told what comes back in a trial; nil for nobody.
func (b *bench) tell(t *rundir.Trial) func(rundir.Interval) {
	if b.Watch == nil {
		return nil
	}
	id, step := t.ID, t.Step
	return func(i rundir.Interval) {
		i.Trial, i.Step = id, step
		b.Watch(i)
	}
}

// ArrivalsSeed is the seed of a trial's arrivals in its run: each trial has its
// own. The bursts of a gate's round have the same ones, so that what chance puts
// into them is alike for both builds and goes out of their difference.
func ArrivalsSeed(m *rundir.Manifest, t *rundir.Trial) uint64 {
	if t.Step.Phase == rundir.Duel {
		return m.Seed + uint64(t.Step.Start)
	}
	return m.Seed + uint64(number(t))
}

// number tells the trials of a run apart. One of a fleet has its ID only once
// it is committed; its visit and its number there tell it apart before.
func number(t *rundir.Trial) int {
	if t.Placed == nil {
		return t.ID
	}
	h := fnv.New32a()
	fmt.Fprintf(h, "%s %d", t.Placed.Visit, t.Placed.Number)
	return int(h.Sum32())
}

// abortsOn are the objectives that end an attack which can no longer meet them.
// A burst of a gate is measured to its end, however slow: the other build's is.
func (b *bench) abortsOn(step rundir.Step) scenarios.Objectives {
	if step.Build != "" {
		return nil
	}
	return b.Run.Manifest.Scenario.Objectives
}

// whileAlive returns a context that is also done when the stack dies.
func (b *bench) whileAlive(ctx context.Context) (context.Context, context.CancelFunc) {
	alive, cancel := context.WithCancel(ctx)
	died := b.live.Died()
	go func() {
		select {
		case <-died:
			cancel()
		case <-alive.Done():
		}
	}()
	return alive, cancel
}

// sampleAfter starts the sampler when the warm-up is over. The function that
// it returns stops it. What is held beside the attack is counted from the same
// moment.
func (b *bench) sampleAfter(ctx context.Context, begin *outset, step rundir.Step, held held) func() (rundir.Usage, error) {
	type started struct {
		s   *sample.Sampler
		err error
	}
	ready := make(chan started, 1)
	ctx, cancel := context.WithCancel(ctx)
	var roles sample.Roles
	roles.App, roles.Proxy, roles.Services = b.live.Groups()
	go func() {
		if !begin.wait(ctx, step.Warmup) {
			ready <- started{err: errors.New("the attack ended before its warm-up did")}
			return
		}
		held.measure()
		s, err := sample.Start(roles, b.sampling())
		if b.Attack != nil && err == nil {
			// What the generators have to say afterwards is not of the measured part.
			time.AfterFunc(step.Duration, func() { _, _ = s.Stop() }) // the error is that of the other Stop, too
		}
		ready <- started{s, err}
	}()
	return func() (rundir.Usage, error) {
		cancel()
		r := <-ready
		if r.err != nil {
			return rundir.Usage{}, fmt.Errorf("sample: %w", r.err)
		}
		return r.s.Stop()
	}
}

// inspect looks at the stack after an attack: is it alive, and is it the cell?
// A worker that is being replaced gets a moment to come back.
func (b *bench) inspect(ctx context.Context, t *rundir.Trial) {
	deadline := time.Now().Add(time.Second)
	for {
		select {
		case <-b.live.Died():
			t.Broken, t.Failure = "", b.live.Err().Error()
			return
		default:
		}
		e, err := b.live.Effective()
		if err == nil {
			t.Effective = e
			t.Effective.Peak, t.Effective.Static = b.proof.peak, b.proof.static
		}
		if e.Workers == t.Step.Cell.Processes() || ctx.Err() != nil || time.Now().After(deadline) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// idle waits until a stack that a trial has overloaded answers again, so that
// its backlog is not the next trial's.
func (b *bench) idle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, b.app.Deadline)
	defer cancel()
	for {
		if b.live.Answers(ctx) {
			return nil
		}
		select {
		case <-b.live.Died():
			return fmt.Errorf("%w: %w", stack.ErrNotReady, b.live.Err())
		case <-ctx.Done():
			return fmt.Errorf("%w: %v did not recover from the trial before within %v", stack.ErrNotReady, b.cell, b.app.Deadline)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// logTail is how much of a log a trial keeps.
const logTail = 64 << 10

// keep copies the rendered configs and the logs of the running stack into the
// trial's folder.
func (b *bench) keep(p *rundir.Pending) error {
	if b.live == nil {
		return nil
	}
	for name, content := range b.live.Configs() {
		if err := os.WriteFile(filepath.Join(p.Dir, name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("keep config: %w", err)
		}
	}
	for name, path := range b.live.Logs() {
		if err := copyTail(filepath.Join(p.Dir, name+".log"), path); err != nil {
			return fmt.Errorf("keep log: %w", err)
		}
	}
	return nil
}

// keepStart copies what a start that failed left in its folder: rendered
// configs and logs, no sockets or data.
func (b *bench) keepStart(p *rundir.Pending) error {
	entries, err := os.ReadDir(b.liveDir())
	if err != nil {
		return fmt.Errorf("keep what a failed start left: %w", err)
	}
	for _, e := range entries {
		switch filepath.Ext(e.Name()) {
		case ".conf", ".py", ".log", ".json", ".ini", ".toml", ".cfg", ".wsgi", "":
			if e.IsDir() {
				continue
			}
			if err := copyTail(filepath.Join(p.Dir, e.Name()), filepath.Join(b.liveDir(), e.Name())); err != nil {
				return fmt.Errorf("keep what a failed start left: %w", err)
			}
		}
	}
	return nil
}

// copyTail copies the end of a file that may not exist.
func copyTail(dst, src string) (err error) {
	in, err := os.Open(src)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	if info, err := in.Stat(); err != nil {
		return err
	} else if over := info.Size() - logTail; over > 0 {
		if _, err := in.Seek(over, io.SeekStart); err != nil {
			return err
		}
	}
	out, err := os.Create(dst)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}
