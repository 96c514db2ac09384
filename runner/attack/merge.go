package attack

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	vegeta "github.com/tsenart/vegeta/v12/lib"

	"sweetspot/runner/rundir"
)

// PartError says which shard's part cannot be merged, and why.
type PartError struct {
	Shard  int
	Reason string
}

func (e *PartError) Error() string { return fmt.Sprintf("shard %d: %s", e.Shard, e.Reason) }

func faulty(shard int, format string, args ...any) error {
	return &PartError{shard, fmt.Sprintf(format, args...)}
}

// Merge is the result of the attack of which each shard measured a part, each of
// which has been checked: the one that a single attack would have computed from
// all their hits. Histograms are added up, so that percentiles are those of one
// histogram. The spec is that of Run, for all shards. An error is a *PartError
// when a shard is missing or doubled, measured another plan, or does not account
// for all its hits.
func Merge(spec Spec, parts []Part) (Result, error) {
	if err := accounted(spec, parts); err != nil {
		return Result{}, err
	}
	spec.Shard, spec.Shards, spec.Raw, spec.Objectives = 0, 0, nil, nil
	c := newCollector(spec, newPlan(spec))
	for _, p := range parts {
		if err := c.merge(p); err != nil {
			return Result{}, faulty(p.Shard, "%v", err)
		}
	}
	c.aborted = whyAborted(parts)
	c.ended = spec.Warmup + longestSpan(parts)
	var err error
	if c.windows.done, err = mergeWindows(parts); err != nil {
		return Result{}, err
	}
	return c.result(), nil
}

// accounted makes sure that the parts are those of all shards, each once, of the
// spec's plan, and that every planned hit is in one of them.
func accounted(spec Spec, parts []Part) error {
	digest, err := spec.Digest()
	if err != nil {
		return fmt.Errorf("merge shards: %w", err)
	}
	if len(parts) == 0 {
		return errors.New("merge shards: there is none")
	}
	spec.Shard, spec.Shards = 0, 0
	p := newPlan(spec)
	n := parts[0].Shards
	seen := make([]bool, n)
	for _, part := range parts {
		switch {
		case part.Plan != digest:
			return faulty(part.Shard, "it measured another plan than the one that was asked for")
		case part.Shards != n || part.Shard >= n:
			return faulty(part.Shard, "it is one of %d, and others are of %d", part.Shards, n)
		case seen[part.Shard]:
			return faulty(part.Shard, "its part came twice")
		}
		seen[part.Shard] = true
		if err := part.gap(spec, p.part(part.Shard, n)); err != nil {
			return err
		}
	}
	if missing := slices.Index(seen, false); missing >= 0 {
		return faulty(missing, "its part is missing, of %d", n)
	}
	return nil
}

// gap says which of a shard's planned hits are in no count.
func (p Part) gap(spec Spec, own plan) error {
	if len(p.Requests) != len(spec.Requests) {
		return faulty(p.Shard, "it counted %d requests, where %d were asked for", len(p.Requests), len(spec.Requests))
	}
	if p.Aborted == "" && p.Span != spec.Duration {
		return faulty(p.Shard, "it measured for %v, where %v was asked for", p.Span, spec.Duration)
	}
	if planned := own.hits - own.first; own.open() && p.Sent+p.Unsent != planned {
		return faulty(p.Shard, "gap in its hits: %d sent and %d not, of %d", p.Sent, p.Unsent, planned)
	}
	return nil
}

// merge adds a part's hits, but for its windows.
func (c *collector) merge(p Part) error {
	c.sent += p.Sent
	c.late += p.Late
	c.lateBusy += p.LateBusy
	c.redials += p.Redials
	c.resent += p.Resent
	for name, n := range p.Protocols {
		c.protocols[protocolNamed(name)] += n
	}
	lags, err := p.StarveLag.read(threeDigits, p.Sent)
	if err != nil {
		return err
	}
	rundir.Merge(c.starveLag, lags)
	for i, r := range p.Requests {
		t, err := r.tally()
		if err != nil {
			return err
		}
		c.tallies[i].merge(t)
	}
	return nil
}

// tally is the request's hits as they were counted.
func (r PartRequest) tally() (*tally, error) {
	t := &tally{sent: r.Sent, good: r.Good, bytes: r.Bytes, service: r.Time, statuses: r.Statuses, faults: map[fault]uint64{}}
	for name, n := range r.Faults {
		f, err := faultNamed(name)
		if err != nil {
			return nil, err
		}
		t.faults[f] += n
	}
	for _, x := range []struct {
		from Bars
		to   **hdr.Histogram
	}{{r.Response, &t.latency.Response}, {r.Service, &t.latency.Service}, {r.Lag, &t.latency.Lag}} {
		var err error
		if *x.to, err = x.from.count(threeDigits, r.Sent); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// mergeWindows sums the parts up, second by second.
func mergeWindows(parts []Part) ([]rundir.Window, error) {
	var all []rundir.Window
	for more := true; more; {
		more = false
		w := window{responses: rundir.NewBriefHistogram()}
		for _, p := range parts {
			if len(all) >= len(p.Windows) {
				continue
			}
			more = true
			own := p.Windows[len(all)]
			responses, err := own.Response.count(twoDigits, own.Good+own.Errors)
			if err != nil {
				return nil, faulty(p.Shard, "%v", err)
			}
			w.good, w.errors = w.good+own.Good, w.errors+own.Errors
			rundir.Merge(w.responses, responses)
		}
		if more {
			all = append(all, w.summary(len(all)))
		}
	}
	return all, nil
}

// whyAborted is why the attack ended early: a shard that knows a reason ends
// that of the others.
func whyAborted(parts []Part) string {
	why := ""
	for _, p := range parts {
		if why == "" || why == interrupted {
			why = cmp.Or(p.Aborted, why)
		}
	}
	return why
}

func longestSpan(parts []Part) (longest time.Duration) {
	for _, p := range parts {
		longest = max(longest, p.Span)
	}
	return longest
}

// Lag sums up how late the part's hits left.
func (p Part) Lag() (rundir.Latency, error) {
	all := rundir.NewHistogram()
	for _, r := range p.Requests {
		lags, err := r.Lag.count(threeDigits, r.Sent)
		if err != nil {
			return rundir.Latency{}, faulty(p.Shard, "%v", err)
		}
		rundir.Merge(all, lags)
	}
	return summarise(all), nil
}

// MergeRaw writes the raw results of all parts, raw[i] being those of parts[i],
// to spec.Raw in the order of their numbers, as if the attack had begun at a
// time of the caller's clock. An error is a *PartError when a shard's raw
// results are not the hits that its part counts.
func MergeRaw(spec Spec, began time.Time, parts []Part, raw []io.Reader) error {
	var hits []rawHit
	for i, p := range parts {
		more, err := p.readRaw(spec, began, raw[i])
		if err != nil {
			return faulty(p.Shard, "raw results: %v", err)
		}
		hits = append(hits, more...)
	}
	slices.SortFunc(hits, func(a, b rawHit) int { return cmp.Compare(a.seq, b.seq) })
	out := bufio.NewWriterSize(spec.Raw, 64<<10)
	encode := vegeta.NewEncoder(out)
	l := &rawLog{spec: spec, base: spec.base().String()}
	for i, h := range hits {
		if i > 0 && h.seq == hits[i-1].seq {
			return faulty(int(h.seq%uint64(len(parts))), "raw results: hit %d is in them twice", h.seq)
		}
		r := l.result(h)
		if err := encode(&r); err != nil {
			return fmt.Errorf("write raw results: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write raw results: %w", err)
	}
	return nil
}

// readRaw reads the raw results of the shard, and moves them to another clock.
func (p Part) readRaw(spec Spec, began time.Time, raw io.Reader) ([]rawHit, error) {
	decode := vegeta.NewDecoder(bufio.NewReader(raw))
	hits := make([]rawHit, 0, p.Sent)
	var path []byte
	for {
		var r vegeta.Result
		if err := decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("after %d of them: %w", len(hits), err)
		}
		if uint64(len(hits)) == p.Sent || r.Seq%uint64(p.Shards) != uint64(p.Shard) {
			return nil, fmt.Errorf("hit %d is not one of the %d of shard %d of %d", r.Seq, p.Sent, p.Shard, p.Shards)
		}
		var err error
		if path, err = spec.sends(r, path); err != nil {
			return nil, err
		}
		h := rawHit{seq: r.Seq, timestamp: began.Add(r.Timestamp.Sub(p.Began)), latency: r.Latency, code: r.Code}
		h.found.in, h.found.out = r.BytesIn, r.BytesOut
		if h.found.fault, err = faultCalled(r); err != nil {
			return nil, err
		}
		hits = append(hits, h)
	}
	if uint64(len(hits)) != p.Sent {
		return nil, fmt.Errorf("they hold %d hits, where %d were sent", len(hits), p.Sent)
	}
	return hits, nil
}
