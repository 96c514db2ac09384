package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"sweetspot/analysis/gate"
	"sweetspot/cmd/internal/benchmark"
	"sweetspot/fixtures"
)

// trap is a slowdown of the Django shop, put into its WSGI entry point.
type trap struct {
	name    string
	gates   int
	path    string  // regular expression of the paths that are slowed; empty: none is, and the shop is compared with itself
	request string  // the one that they are
	of      float64 // of the mean CPU time of all requests, that is added to all CPU time
	own     float64 // of the request's own CPU time, that is added to it
	weight  float64 // share of the traffic
	fail    string  // criteria of its own; empty: the default ones
	promise string
	kept    func(tally) bool
}

var traps = []trap{
	{name: "the same", gates: 60, promise: "no more than 1 of 60 fails", kept: func(t tally) bool { return t.of(gate.Regressed) <= max(1, t.n/60) }},
	{
		name: "10 % more CPU", gates: 20, path: `^/products/[0-9]`, request: "product", of: 0.10, weight: 0.18,
		promise: "at least 19 of 20 are caught, and the right request is named",
		kept:    func(t tally) bool { return t.of(gate.Regressed)*20 >= t.n*19 && t.named == t.of(gate.Regressed) },
	},
	{
		name: "5 % more CPU", gates: 20, path: `^/products/[0-9]`, request: "product", of: 0.05, weight: 0.18,
		promise: "at least 15 of 20 are caught, none passes",
		kept: func(t tally) bool {
			return t.of(gate.Regressed)*20 >= t.n*15 && t.of(gate.Pass)+t.of(gate.Improved) == 0
		},
	},
	{
		name: "one request in twenty 50 % slower", gates: 20, path: `^/api/products/$`, request: "api-list", own: 0.5, weight: 0.05,
		fail:    "[throughput drops > 5%, api-list response grows > 10%]",
		promise: "caught by its own metric", kept: func(t tally) bool { return t.of(gate.Regressed)*20 >= t.n*19 && t.named == t.of(gate.Regressed) },
	},
}

func (t trap) String() string { return "real, " + t.name }

// runReal makes the real gates that are not there. How much CPU time is added
// comes from the gates of the shop against itself.
func runReal(ctx context.Context, o options, s *benchmark.Ledger[outcome], progress io.Writer) error {
	program, err := benchmark.Sweetspot(ctx, o.sweetspot, o.dir, progress)
	if err != nil {
		return err
	}
	plain := filepath.Join(o.dir, "shop")
	if err := extract(plain); err != nil {
		return err
	}
	for _, t := range traps {
		for seed := range uint64(math.Ceil(o.share * float64(t.gates))) {
			if s.Holds(outcome{Case: t.String(), Seed: seed + 1}.Key()) {
				continue
			}
			fmt.Fprintf(progress, "%v: %d of %d\n", t, seed+1, t.gates)
			one, err := t.gate(ctx, o, program, plain, seed+1, meanCPU(s.All))
			if err != nil {
				return err
			}
			if err := s.Add(one); err != nil {
				return err
			}
		}
	}
	return nil
}

// meanCPU is the CPU time of a request of the shop, ms.
func meanCPU(all []outcome) float64 {
	sum, n := 0., 0.
	for _, o := range all {
		if o.Case == traps[0].String() && o.CPU > 0 {
			sum, n = sum+o.CPU, n+1
		}
	}
	return sum / n
}

func extract(dir string) error {
	return errors.Join(os.RemoveAll(dir), fixtures.Extract("django", dir))
}

// entry is added to the shop's entry point. It burns CPU time after the requests
// that match.
const entry = `

import re as _re
import time as _time

_inner, _slow = application, _re.compile(%q)


def application(environ, start_response):
    """Serve, and burn CPU time behind what is to be slow."""
    began = _time.thread_time()
    answer = _inner(environ, start_response)
    if _slow.match(environ["PATH_INFO"]):
        end = _time.thread_time() + %g + %g * (_time.thread_time() - began)
        while _time.thread_time() < end:
            pass
    return answer
`

// slowed writes the shop with the trap in it.
func (t trap) slowed(dir string, cpu float64) error {
	if err := extract(dir); err != nil {
		return err
	}
	file := filepath.Join(dir, "shop", "wsgi.py")
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	fixed := 0.
	if t.of > 0 {
		if math.IsNaN(cpu) {
			return fmt.Errorf("%s: it needs the CPU time of a request, which the gates of the shop against itself tell: run those first", t.name)
		}
		fixed = t.of * cpu / 1000 / t.weight
	}
	return os.WriteFile(file, append(b, fmt.Sprintf(entry, t.path, fixed, t.own)...), 0o644)
}

// gate makes one gate and reads what it came to.
func (t trap) gate(ctx context.Context, o options, program, plain string, seed uint64, cpu float64) (outcome, error) {
	out := filepath.Join(o.dir, "runs", strings.NewReplacer(" ", "-", "%", "percent").Replace(fmt.Sprintf("%s-%d", t.name, seed)))
	if err := os.RemoveAll(out); err != nil {
		return outcome{}, err
	}
	args := []string{"gate", "django-shop", "--json", "--quiet", "--out", out, "--seed", fmt.Sprint(seed), "--budget", o.budget}
	if t.path == "" {
		args = append(args, "--aa", "--candidate", plain)
	} else {
		slow := filepath.Join(o.dir, "slowed")
		if err := t.slowed(slow, cpu); err != nil {
			return outcome{}, err
		}
		args = append(args, "--base", plain, "--candidate", slow)
	}
	if t.fail != "" {
		args = append(args, "--set", "gate.fail="+t.fail)
	}
	ended, err := benchmark.Run(ctx, program, args...)
	if err != nil {
		return outcome{}, err
	}
	if ended.Code != 0 && len(ended.Out) == 0 { // neither regressed nor inconclusive
		return outcome{}, ended.Failure()
	}
	return t.read(ended.Out, seed)
}

// result is what is read of a gate's JSON.
type result struct {
	Verdict gate.Verdict `json:"verdict"`
	Because string       `json:"because"`
	Rounds  int          `json:"rounds"`
	Voids   []any        `json:"void_rounds"`
	Spent   float64      `json:"spent_seconds"`
	Metrics []struct {
		Name    string       `json:"name"`
		Scope   string       `json:"scope"`
		Base    float64      `json:"base"`
		Verdict gate.Verdict `json:"verdict"`
	} `json:"metrics"`
}

func (t trap) read(text []byte, seed uint64) (outcome, error) {
	var r result
	if err := json.Unmarshal(text, &r); err != nil {
		return outcome{}, fmt.Errorf("read what the gate printed: %w", err)
	}
	one := outcome{Case: t.String(), Seed: seed, Verdict: r.Verdict, Because: r.Because, Rounds: r.Rounds, Voids: len(r.Voids), Spent: r.Spent}
	for _, m := range r.Metrics {
		if m.Name == "cpu" {
			one.CPU = m.Base
		}
		one.Named = one.Named || m.Scope == t.request && m.Scope != "" && m.Verdict == gate.Regressed
	}
	one.Named = one.Named || t.request != "" && strings.Contains(r.Because, "the request "+t.request+":")
	return one, nil
}
