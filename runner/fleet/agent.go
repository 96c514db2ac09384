package fleet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"sweetspot/runner"
	"sweetspot/runner/fleet/shard"
	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/process"
	"sweetspot/runner/sample"
)

// Agent is one host of a fleet.
type Agent struct {
	Conn    *nats.Conn // with the agent's own key
	Name    string
	Site    string
	Role    string                           // wire.Subject, Generator or Both
	Version string                           // of sweetspot
	IPs     []netip.Addr                     // where others reach the host, the best one first
	Clock   func() time.Time                 // nil: time.Now
	Scratch string                           // folder for what is needed meanwhile; empty: a temporary one
	Say     func(format string, args ...any) // a line of what happens; nil: nobody is told

	run func(context.Context, runner.Config) error // what tests measure with; nil: runner.Run
}

// Serve is an agent until ctx is done: then it gives back what it has begun,
// stops what runs and leaves. A hub that is away is waited for.
func Serve(ctx context.Context, a Agent) (err error) {
	if a.Say == nil {
		a.Say = func(string, ...any) {}
	}
	if a.Clock == nil {
		a.Clock = time.Now
	}
	if a.run == nil {
		a.run = runner.Run
	}
	p, err := a.appear(ctx)
	if err != nil {
		return a.unlessDone(ctx, err)
	}
	ctx, leave := context.WithCancel(ctx)
	left := make(chan struct{})
	go func() { defer close(left); p.keep(ctx) }()
	defer func() { leave(); <-left }()
	a.Say("agent %s, %s of site %s, is at the hub", a.Name, a.Role, a.Site)
	return a.unlessDone(ctx, a.serve(ctx, p))
}

func (a *Agent) unlessDone(ctx context.Context, err error) error {
	if ctx.Err() != nil || err == nil {
		return nil
	}
	return fmt.Errorf("agent %s: %w", a.Name, err)
}

// appear tells the hub of the agent for the first time.
func (a *Agent) appear(ctx context.Context) (*presence, error) {
	b, err := openBuckets(ctx, a.Conn, a.Role)
	if err != nil {
		return nil, err
	}
	host, err := sample.Host()
	if err != nil {
		return nil, err
	}
	cpus, err := sample.Allowed()
	if err != nil {
		return nil, err
	}
	p := &presence{buckets: b, now: a.Clock, agent: wire.Agent{
		Name: a.Name, Site: a.Site, Role: a.Role, Version: a.Version, Protocol: wire.Protocol, Host: host, CPUs: cpus, IPs: a.IPs,
	}}
	return p, persist(ctx, func() error { return p.beat(ctx) })
}

// serve does what the role asks for.
func (a *Agent) serve(ctx context.Context, p *presence) (err error) {
	release, err := process.Watch("agent-" + a.Name)
	if err != nil {
		return err
	}
	defer release()
	if a.Scratch == "" {
		if a.Scratch, err = process.TempDir("agent-" + a.Name); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(a.Scratch)) }()
	}
	if err := enterable(a.Scratch); err != nil {
		return err
	}
	all, ctx := errgroup.WithContext(ctx)
	if a.Role != wire.Subject {
		all.Go(func() error {
			return shard.Serve(ctx, a.Conn, shard.Options{Agent: p.self(), Clock: a.Clock, Scratch: a.Scratch, Note: a.Say, Malformed: func(subject string, err error) {
				a.Say("dropped a message on %s: %v", subject, err)
				p.dropped(ctx)
			}})
		})
	}
	if a.Role != wire.Generator {
		all.Go(func() error { return (&site{Agent: a, presence: p}).serve(ctx) })
	}
	return all.Wait()
}

// enterable makes a folder that servers which give up root can enter. One that
// they can is left as it is: a Pod's volume belongs to somebody else.
func enterable(dir string) error {
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&0o001 != 0 {
		return err
	}
	return os.Chmod(dir, info.Mode().Perm()|0o011)
}

// Addresses returns where others reach this host, the best one first: the
// address that the hub is reached from, if it is the host's own, then those of
// its interfaces.
func Addresses(nc *nats.Conn) ([]netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("addresses of this host: %w", err)
	}
	var own, ips []netip.Addr
	for _, a := range all {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil || !prefix.Addr().Is4() {
			continue
		}
		own = append(own, prefix.Addr())
		if !prefix.Addr().IsLoopback() {
			ips = append(ips, prefix.Addr())
		}
	}
	if ip, err := nc.GetClientIP(); err == nil {
		if from, ok := netip.AddrFromSlice(ip); ok && slices.Contains(own, from.Unmap()) {
			from = from.Unmap()
			return append([]netip.Addr{from}, slices.DeleteFunc(ips, func(ip netip.Addr) bool { return ip == from })...), nil
		}
	}
	return ips, nil
}
