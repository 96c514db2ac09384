package shard

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/attack"
	"sweetspot/runner/fleet/wire"
	"sweetspot/scenarios"
)

// permits says why an attack is not to be: only what the subject of the
// generator's own site has announced, at an address of that subject's host, is
// ever attacked.
func (g *generator) permits(ctx context.Context, a *wire.Arm) error {
	if a.Protocol != wire.Protocol {
		return fmt.Errorf("agent %s speaks protocol %d, it speaks %d: install the same sweetspot on both", a.Subject, a.Protocol, wire.Protocol)
	}
	if a.Site != g.Agent.Site {
		return fmt.Errorf("it is of site %s, not of %s", g.Agent.Site, a.Site)
	}
	var said wire.Announcement
	if err := look(ctx, g.announced, a.Site+"."+a.Subject, &said); errors.Is(err, jetstream.ErrKeyNotFound) {
		return fmt.Errorf("agent %s of site %s has announced nothing to be attacked", a.Subject, a.Site)
	} else if err != nil {
		return fmt.Errorf("look what agent %s has announced: %w", a.Subject, err)
	}
	if said.Run != a.Run || said.Site != a.Site || said.Agent != a.Subject || said.Address != a.Address {
		return fmt.Errorf("agent %s of site %s has announced %v for run %s, not %v for run %s", said.Agent, said.Site, said.Address, said.Run, a.Address, a.Run)
	}
	var subject wire.Agent
	if err := look(ctx, g.agents, a.Subject, &subject); errors.Is(err, jetstream.ErrKeyNotFound) {
		return fmt.Errorf("there is no agent %s", a.Subject)
	} else if err != nil {
		return fmt.Errorf("look who agent %s is: %w", a.Subject, err)
	}
	if subject.Site != g.Agent.Site || subject.Role == wire.Generator {
		return fmt.Errorf("agent %s is a %s of site %s, no subject of %s", a.Subject, subject.Role, subject.Site, g.Agent.Site)
	}
	if !slices.ContainsFunc(subject.IPs, func(ip netip.Addr) bool { return ip.Unmap() == a.Address.Addr().Unmap() }) {
		return fmt.Errorf("agent %s has announced %v, which is no address of its host: it has %v", a.Subject, a.Address, subject.IPs)
	}
	return nil
}

// look reads a key of a bucket.
func look(ctx context.Context, kv jetstream.KeyValue, key string, m wire.Message) error {
	entry, err := kv.Get(ctx, key)
	if err != nil {
		return err
	}
	return wire.Decode(entry.Value(), m)
}

// spec is the attack that is asked for, of the same plan as the subject's.
func (g *generator) spec(ctx context.Context, a *wire.Arm) (attack.Spec, error) {
	mix, err := scenarios.NewMix(a.Traffic.Only(a.Class), a.MixSeed)
	if err != nil {
		return attack.Spec{}, err
	}
	s := attack.Spec{
		Network: "tcp", Address: a.Address.String(), Host: a.Host, HTTP2: a.HTTP2, Standard: a.Standard, PerConnection: a.Traffic.PerConnection,
		Files: a.Files, Requests: a.Traffic.Requests, Mix: mix, Arrivals: a.Traffic.Arrivals, Shape: a.Traffic.Shape,
		Rate: a.Rate, Connections: a.Connections, MaxInFlight: a.MaxInFlight, MaxHits: a.MaxHits,
		Warmup: a.Warmup, Duration: a.Duration, Timeout: a.Traffic.Timeout.Std(), Seed: a.Seed, Objectives: a.Objectives,
		Procs: g.Procs, Shard: a.Shard, Shards: a.Shards,
	}
	if a.TLS {
		s.TLS = &tls.Config{RootCAs: x509.NewCertPool(), ServerName: a.ServerName}
		if !s.TLS.RootCAs.AppendCertsFromPEM(a.Roots) {
			return s, errors.New("it got no certificate to know the subject by")
		}
	}
	if a.Recording != "" {
		if s.Recording, err = g.recordings.get(ctx, g.Objects, a.Recording); err != nil {
			return s, fmt.Errorf("fetch what is replayed: %w", err)
		}
	}
	digest, err := s.Digest()
	if err != nil {
		return s, err
	}
	if digest != a.Digest {
		return s, fmt.Errorf("it would send other hits than agent %s asks for: install the same sweetspot on both", a.Subject)
	}
	return s, nil
}

// recordings keeps the one that was replayed last.
type recordings struct {
	mu    sync.Mutex
	name  string
	times scenarios.Recording
}

func (r *recordings) get(ctx context.Context, from Transfer, name string) (_ scenarios.Recording, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.name == name {
		return r.times, nil
	}
	in, err := from.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	var times scenarios.Recording
	if err := gob.NewDecoder(io.LimitReader(in, wire.MaxObject)).Decode(&times); err != nil {
		return nil, err
	}
	r.name, r.times = name, times
	return times, nil
}
