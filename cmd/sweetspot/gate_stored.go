package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"sweetspot/analysis/gate"
	"sweetspot/reports"
	"sweetspot/runner/rundir"
	"sweetspot/runner/stack"
	"sweetspot/runner/store"
	"sweetspot/scenarios"
)

// measuredHash is of what of a scenario decides how a gate measures: not of
// what it says about the figures, how long it may take, nor of the folder that
// the application happens to be in.
func measuredHash(s scenarios.Scenario) (string, error) {
	s.Search, s.Objectives = scenarios.Search{}, nil
	s.Gate.Fail, s.Gate.Warn, s.Gate.Rounds, s.Gate.Budget = nil, nil, 0, 0
	b, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	if filepath.IsAbs(s.App.Dir) {
		dir, err := json.Marshal(s.App.Dir)
		if err != nil {
			return "", err
		}
		b = bytes.ReplaceAll(b, bytes.Trim(dir, `"`), []byte("{app}"))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// mostApart is how far the rates of a baseline's sessions may be apart, as a
// ratio: latencies at other loads do not compare.
const mostApart = 1.15

// readBaseline makes the file of --baseline the base of the gate. It refuses
// what does not compare with what would be measured here.
func (f *gateFlags) readBaseline(m *rundir.Manifest) error {
	all, err := store.ReadBaseline(f.baseline)
	if err != nil {
		return err
	}
	newest := slices.MaxFunc(all, func(a, b store.Summary) int { return a.Time.Compare(b.Time) })
	hash, err := measuredHash(m.Scenario)
	if err != nil {
		return err
	}
	switch {
	case newest.Kind != store.Gate:
		return fmt.Errorf("--baseline %s: it is of searches, which measure at other loads than a gate: record gates by sweetspot gate --store STORE, and export those", f.baseline)
	case newest.Scenario != m.Scenario.Name:
		return fmt.Errorf("--baseline %s: it is of the scenario %q, not of %q", f.baseline, newest.Scenario, m.Scenario.Name)
	case newest.ScenarioHash != hash:
		return fmt.Errorf("--baseline %s: the scenario %s measures something else since, by its traffic, application, matrix or the loads of its gate: record a new baseline", f.baseline, newest.Scenario)
	}
	b := &rundir.Stored{File: f.baseline}
	low, high := newest.Rate, newest.Rate
	for _, s := range all {
		low, high = min(low, s.Rate), max(high, s.Rate)
		session := map[string][]float64{}
		for key, metric := range s.Metrics {
			session[key] = metric.Values
		}
		b.Sessions = append(b.Sessions, session)
		b.Rate += s.Rate / float64(len(all))
	}
	if low <= 0 || high > mostApart*low {
		return fmt.Errorf("--baseline %s: its sessions offered %.4g to %.4g requests/s where they measured latencies, and these do not compare: export sessions whose rates differ by at most %.0f %%", f.baseline, low, high, 100*(mostApart-1))
	}
	if b.Doubts = store.HostMismatch(all, m.Host); len(b.Doubts) > 0 && !f.foreign {
		return fmt.Errorf("--baseline %s: it was measured on another kind of machine, and the figures do not compare:\n  %s\nrecord a baseline on this kind, compare two builds here by --base, or accept it by --allow-host-mismatch", f.baseline, strings.Join(b.Doubts, "\n  "))
	}
	for i, d := range b.Doubts {
		b.Doubts[i] = "the baseline is of another kind of machine: " + d
	}
	if m.Gate.Cell, err = scenarios.ParseCell(newest.Cell); err != nil {
		return fmt.Errorf("--baseline %s: its configuration: %w", f.baseline, err)
	}
	b.Rounds = gate.AgainstRounds(m.Scenario.Gate, sessions(b))
	m.Gate.Source, m.Gate.Stored, m.Gate.Base = gate.Baseline, b, rundir.Build{Revision: newest.Revision, Branch: newest.Branch}
	return nil
}

func sessions(b *rundir.Stored) (out []gate.Series) {
	for _, s := range b.Sessions {
		out = append(out, s)
	}
	return out
}

// keep adds what the builds of a complete gate came to to the store of --store:
// both of a duet, the one of the other gates. A gate that goes on adds nothing
// twice.
func (f *gateFlags) keep(ctx context.Context, run *rundir.Run, res *gate.Result, p *progress) (err error) {
	if f.store == "" {
		return nil
	}
	all, err := gateSummaries(ctx, run, res)
	if err != nil {
		return stopped(ctx, err)
	}
	s, err := openStore(ctx, f.store, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	added, known, err := s.AddAll(ctx, all)
	if err != nil {
		return stopped(ctx, err)
	}
	p.note("recorded %d in %s; %d were there already", added, s.Name(), known)
	return nil
}

// gateSummaries sums up the builds of a gate that have rounds. The sides of a
// build against itself are one session, of which one is kept.
func gateSummaries(ctx context.Context, run *rundir.Run, res *gate.Result) (all []store.Summary, err error) {
	m := run.Manifest
	about := store.Summary{ID: runSummaryID(m), Time: m.Began, Tool: m.Tool, Scenario: m.Scenario.Name, Host: m.Host, Rate: gatePlan(&m).OpenRate(run.Trials())}
	if about.ScenarioHash, err = measuredHash(m.Scenario); err != nil {
		return nil, err
	}
	for side, b := range map[string]rundir.Build{rundir.Base: m.Gate.Base, rundir.Candidate: m.Gate.Candidate} {
		if side == rundir.Base && m.Gate.Source == gate.Self {
			continue
		}
		s := gateSummary(res, side, about)
		if len(s.Metrics) == 0 {
			continue
		}
		at, err := commitOfBuild(ctx, b)
		if err != nil {
			return nil, err
		}
		all = append(all, placed(s, at))
	}
	return all, nil
}

// commitOfBuild is where a build stands in git, as when the gate began.
func commitOfBuild(ctx context.Context, b rundir.Build) (commit, error) {
	dir := b.Dir
	if b.Checkout != "" {
		dir = b.Repo
	}
	if !filepath.IsAbs(dir) {
		return commit{Revision: b.Revision}, nil
	}
	at, err := commitOf(ctx, dir, b.Checkout)
	if b.Checkout != "" {
		at.Branch = b.Branch
	}
	if then, _, _ := strings.Cut(b.Revision, "+"); err == nil && !strings.HasPrefix(at.Revision, then) {
		return commit{Revision: b.Revision}, nil // the folder has moved on since
	}
	return at, err
}

// changes prints where the metrics of a store changed over commits. It measures
// nothing, and is advisory: a change is no error.
func (f *gateFlags) changes(ctx context.Context, args []string, w io.Writer) error {
	filter := store.Filter{}
	if len(args) == 1 {
		s, _, _, err := scenarios.Open(args[0], nil, stack.Catalogue())
		if err != nil {
			return badInput(err)
		}
		filter.Scenario = s.Name
	}
	h, err := historyChanges(ctx, f.history, filter, f.metric)
	if err != nil {
		return err
	}
	if f.print.format == "json" {
		return printed(w)(reports.HistoryJSON(h))
	}
	return printed(w)(reports.HistoryText(h), nil)
}

// branchNamed is the branch that a name stands for; empty: it is none.
func branchNamed(ctx context.Context, root, name string) string {
	full, err := git(ctx, root, "rev-parse", "--symbolic-full-name", "--verify", "--quiet", "--end-of-options", name)
	if err != nil {
		return ""
	}
	if branch, ok := strings.CutPrefix(full, "refs/heads/"); ok {
		return branch
	}
	if remote, ok := strings.CutPrefix(full, "refs/remotes/"); ok {
		_, branch, _ := strings.Cut(remote, "/")
		return branch
	}
	return ""
}
