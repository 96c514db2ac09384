package attack

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"sweetspot/scenarios"
)

// Splits is how many shards the attack can be split into at most: each keeps
// one request in flight, or one connection, at least.
func (s Spec) Splits() int { return s.inFlight() }

// ownRate is the rate at which this shard sends, in requests per second.
func (s Spec) ownRate() float64 { return s.Rate / float64(max(s.Shards, 1)) }

// portion is how many of the first n of anything are a shard's, if they are
// dealt out in turn. What is left over goes to the first shards.
func portion(n uint64, shard, shards int) uint64 {
	return (n + uint64(shards-1-shard)) / uint64(shards)
}

// part is what one of several shards has of a plan. It numbers its hits from 0.
func (p plan) part(shard, shards int) plan {
	own := p
	own.hits, own.first = portion(p.hits, shard, shards), portion(p.first, shard, shards)
	own.workers = int(portion(uint64(p.workers), shard, shards))
	if p.open() {
		own.arrivals = func() arrivals { return p.arrivals().every(shard, shards) }
	}
	return own
}

// every leaves hit first and each step-th after it.
func (a arrivals) every(first, step int) arrivals {
	skip := first
	return func() (time.Duration, bool) {
		for ; skip > 0; skip-- {
			if _, ok := a(); !ok {
				return 0, false
			}
		}
		skip = step - 1
		return a()
	}
}

// strided is the mix by a shard's own numbers.
type strided struct {
	mix           Mix // by those of all shards
	shard, shards uint64
}

func newStrided(s Spec) strided { return strided{s.Mix, uint64(s.Shard), uint64(s.Shards)} }

// number is that, among the hits of all shards, of the shard's hit k.
func (s strided) number(k uint64) uint64 { return k*s.shards + s.shard }

// Pick implements Mix.
func (s strided) Pick(k uint64) int { return s.mix.Pick(s.number(k)) }

// AppendPath implements Mix.
func (s strided) AppendPath(dst []byte, k uint64) []byte { return s.mix.AppendPath(dst, s.number(k)) }

// AppendBody implements Mix.
func (s strided) AppendBody(dst []byte, k uint64) []byte { return s.mix.AppendBody(dst, s.number(k)) }

// whole returns the mix by the numbers of all shards.
func whole(m Mix) Mix {
	if s, ok := m.(strided); ok {
		return s.mix
	}
	return m
}

// numberOf is the number, among the hits of all shards, of hit k of a mix.
func numberOf(m Mix, k uint64) uint64 {
	if s, ok := m.(strided); ok {
		return s.number(k)
	}
	return k
}

// digested is how many hits of the mix a digest takes a look at.
const digested = 100

// Digest names what all shards of a spec send together: specs of one digest plan
// the same hits, expect the same answers and end for the same objectives. Where
// the requests go is not in it.
func (s Spec) Digest() (string, error) {
	if err := s.check(); err != nil {
		return "", err
	}
	s.Shard, s.Shards = 0, 0
	if len(s.Files) == 0 { // as it is sent
		s.Files = nil
	}
	p := newPlan(s)
	var paths, bodies []string
	for k := range uint64(digested) {
		paths = append(paths, string(s.Mix.AppendPath(nil, k)))
		bodies = append(bodies, string(s.Mix.AppendBody(nil, k)))
	}
	text, err := json.Marshal(struct {
		Hits, First, MaxHits, Seed uint64
		HTTP2, Standard            bool
		PerConnection, InFlight    int
		Arrivals                   string
		Shape                      *scenarios.Shape
		Recording                  scenarios.Recording
		Rate                       float64
		Warmup, Duration, Timeout  time.Duration
		Objectives                 scenarios.Objectives
		Files                      map[string]scenarios.Expect
		Requests                   []scenarios.Request
		Paths, Bodies              []string
	}{
		p.hits, p.first, s.MaxHits, s.Seed, s.HTTP2, s.Standard, s.PerConnection, p.workers, s.Arrivals, s.Shape, s.Recording,
		s.Rate, s.Warmup, s.Duration, s.Timeout, s.Objectives, s.Files, s.Requests, paths, bodies,
	})
	if err != nil {
		return "", fmt.Errorf("digest of an attack: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}
