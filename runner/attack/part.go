package attack

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"sweetspot/runner/rundir"
)

// Part is all that one shard measured. Parts of one attack are merged.
type Part struct {
	Plan          string    // Spec.Digest
	Shard, Shards int       // Shard counts from 0
	Began         time.Time // the attack, by the clock of the shard's raw results
	Sent, Unsent  uint64    // of the measured part
	Late          uint64    // as those of rundir.Load
	LateBusy      uint64
	Redials       uint64
	Resent        uint64
	Span          time.Duration
	Aborted       string  `json:",omitempty"`
	CPUSeconds    float64 // of the generator's process, in the measured part
	StarveLag     Bars
	Protocols     map[string]uint64 `json:",omitempty"`
	Requests      []PartRequest     // in the order of the spec
	Windows       []PartWindow      // one per second of completion
}

// PartRequest is the hits of one request.
type PartRequest struct {
	Name                   string
	Sent, Good, Bytes      uint64
	Time                   time.Duration     // sum of the service times
	Statuses               map[uint16]uint64 `json:",omitempty"`
	Faults                 map[string]uint64 `json:",omitempty"`
	Response, Service, Lag Bars
}

// PartWindow is the hits that completed in one second.
type PartWindow struct {
	Good, Errors uint64
	Response     Bars // two significant digits
}

// Bars is a histogram as it travels: HdrHistogram's compressed V2 encoding, in
// base64. It is empty for a histogram without values.
type Bars string

// Bounds of a part.
const (
	mostShards   = 1000
	mostRequests = 1000
	mostSeconds  = 3 * 60 * 60 // an hour of attack, and two until the last response
	mostCounts   = 300         // different statuses, or faults, of a request
	longestText  = 1000        // bytes
)

// RunPart is Run for a generator whose measurement is merged with those of
// others. The part is also whole when the error says that Raw could not be
// written.
func RunPart(ctx context.Context, spec Spec) (Part, error) {
	digest, err := spec.Digest()
	if err != nil {
		return Part{}, err
	}
	spec.part = true
	c, err := run(ctx, spec)
	if c == nil {
		return Part{}, err
	}
	p, packErr := c.part()
	p.Plan = digest
	return p, errors.Join(err, packErr)
}

// part is what was collected, but for the digest of the plan.
func (c *collector) part() (Part, error) {
	all := newTally()
	for _, t := range c.tallies {
		all.merge(t)
	}
	l := c.load(all)
	p := Part{
		Shard: c.spec.Shard, Shards: max(c.spec.Shards, 1), Began: c.began.Round(0),
		Sent: l.Sent, Late: l.Late, LateBusy: l.LateBusy, Redials: l.Redials, Resent: l.Resent,
		Span: l.Span, Aborted: l.Aborted, Protocols: l.Protocols,
	}
	if c.plan.open() { // counted, not what is left of the plan: together with Sent it shows a gap
		p.Unsent = c.plan.hits - max(c.all, c.plan.first) + c.unsent
	}
	var err, packErr error
	p.CPUSeconds, err = c.meter.stop()
	pack := func(h *hdr.Histogram) Bars {
		b, err := packed(h)
		packErr = errors.Join(packErr, err)
		return b
	}
	p.StarveLag = pack(c.starveLag)
	for i, t := range c.tallies {
		r := PartRequest{
			Name: c.spec.Requests[i].Name, Sent: t.sent, Good: t.good, Bytes: t.bytes, Time: t.service, Statuses: t.statuses,
			Faults: map[string]uint64{}, Response: pack(t.latency.Response), Service: pack(t.latency.Service), Lag: pack(t.latency.Lag),
		}
		for f, n := range t.faults {
			r.Faults[f.String()] = n
		}
		p.Requests = append(p.Requests, r)
	}
	for _, w := range c.windows.kept {
		p.Windows = append(p.Windows, PartWindow{Good: w.good, Errors: w.errors, Response: pack(w.responses)})
	}
	return p, errors.Join(err, packErr)
}

// Check says what cannot be in a part. Every histogram in it has been read then.
func (p *Part) Check() error {
	err := errors.Join(p.checkCounts(), p.checkWindows())
	sent := uint64(0)
	for i := range p.Requests {
		r := &p.Requests[i]
		if e := r.check(); e != nil {
			err = errors.Join(err, fmt.Errorf("request %.100q: %w", r.Name, e))
		}
		sent += min(r.Sent, p.Sent)
	}
	if sent != p.Sent {
		err = errors.Join(err, fmt.Errorf("%d hits by request, %d in all", sent, p.Sent))
	}
	if err != nil {
		return fmt.Errorf("part of shard %d: %w", p.Shard, err)
	}
	return nil
}

func (p *Part) checkCounts() error {
	lags, err := p.StarveLag.read(threeDigits, p.Sent)
	switch {
	case err != nil:
		return fmt.Errorf("lags: %w", err)
	case p.Shards < 1 || p.Shards > mostShards || p.Shard < 0 || p.Shard >= p.Shards:
		return fmt.Errorf("of %d: want 1 to %d, counted from 0", p.Shards, mostShards)
	case p.Sent > maxPlanned || p.Unsent > maxPlanned || p.Redials > maxPlanned || len(p.Requests) > mostRequests:
		return fmt.Errorf("%d requests, %d hits sent, %d not, %d connections: at most %d and %.0f are taken",
			len(p.Requests), p.Sent, p.Unsent, p.Redials, mostRequests, maxPlanned)
	case p.Late+p.LateBusy > p.Sent || max(p.Late, p.LateBusy) > p.Sent || uint64(lags.TotalCount()) > p.Sent || p.Resent > p.Sent:
		return fmt.Errorf("%d and %d late, %d lags, %d sent again, of %d hits", p.Late, p.LateBusy, lags.TotalCount(), p.Resent, p.Sent)
	case !(p.CPUSeconds >= 0 && p.CPUSeconds <= 1e9) || p.Span < 0 || p.Span > time.Hour:
		return fmt.Errorf("%v s of CPU time, span %v", p.CPUSeconds, p.Span)
	case len(p.Plan) > longestText || len(p.Aborted) > longestText:
		return fmt.Errorf("plan of %d bytes, end of %d: at most %d are taken", len(p.Plan), len(p.Aborted), longestText)
	}
	for name := range p.Protocols {
		if protocolNamed(name) == 0 {
			return fmt.Errorf("%.100q is no protocol", name)
		}
	}
	_, err = sum(p.Protocols, p.Sent)
	return err
}

func (p *Part) checkWindows() error {
	if len(p.Windows) > mostSeconds {
		return fmt.Errorf("%d windows: at most %d are taken", len(p.Windows), mostSeconds)
	}
	all := uint64(0)
	for i, w := range p.Windows {
		n := w.Good + w.Errors
		if w.Good > p.Sent || w.Errors > p.Sent || all+n > p.Sent {
			return fmt.Errorf("second %d: %d good, %d errors: more than the %d sent", i, w.Good, w.Errors, p.Sent)
		}
		if _, err := w.Response.count(twoDigits, n); err != nil {
			return fmt.Errorf("second %d: %w", i, err)
		}
		all += n
	}
	if all != p.Sent {
		return fmt.Errorf("%d hits by second, %d in all", all, p.Sent)
	}
	return nil
}

func (r *PartRequest) check() error {
	if r.Sent > maxPlanned || r.Good > r.Sent || r.Time < 0 || len(r.Name) > longestText {
		return fmt.Errorf("%d good of %d hits, %v together", r.Good, r.Sent, r.Time)
	}
	for name := range r.Faults {
		if f, err := faultNamed(name); err != nil || f == unsent {
			return fmt.Errorf("%.100q is no fault", name)
		}
	}
	statuses, err := sum(r.Statuses, r.Sent)
	faults, faultErr := sum(r.Faults, r.Sent)
	if err := errors.Join(err, faultErr); err != nil {
		return err
	}
	if statuses != r.Sent || faults != r.Sent-r.Good {
		return fmt.Errorf("%d good of %d hits, %d by status, %d by fault", r.Good, r.Sent, statuses, faults)
	}
	for _, b := range []Bars{r.Response, r.Service, r.Lag} {
		if _, err := b.count(threeDigits, r.Sent); err != nil {
			return err
		}
	}
	return nil
}

// sum adds counts up, of which there is a bound.
func sum[K comparable](counts map[K]uint64, most uint64) (all uint64, err error) {
	if len(counts) > mostCounts {
		return 0, fmt.Errorf("%d different counts: at most %d are taken", len(counts), mostCounts)
	}
	for k, n := range counts {
		if n > most-all {
			return 0, fmt.Errorf("count %d of %v: more than the %d of all", n, k, most)
		}
		all += n
	}
	return all, nil
}

// The two configurations of histograms: rundir.NewHistogram's, and
// rundir.NewBriefHistogram's.
const (
	threeDigits = 3
	twoDigits   = 2
)

// packed encodes a histogram.
func packed(h *hdr.Histogram) (Bars, error) {
	if h.TotalCount() == 0 {
		return "", nil
	}
	b, err := h.Encode(hdr.V2CompressedEncodingCookieBase)
	return Bars(b), err
}

// PackInterval encodes the histogram of a rundir.Interval.
func PackInterval(h *hdr.Histogram) (Bars, error) { return packed(h) }

// Interval decodes the histogram of a rundir.Interval with so many hits.
func (b Bars) Interval(hits uint64) (*hdr.Histogram, error) { return b.count(twoDigits, hits) }

// count reads a histogram that has a number of values.
func (b Bars) count(digits int, want uint64) (*hdr.Histogram, error) {
	h, err := b.read(digits, want)
	if err == nil && uint64(h.TotalCount()) != want {
		err = fmt.Errorf("histogram of %d hits, where %d were sent", h.TotalCount(), want)
	}
	return h, err
}

// read decodes a histogram of one of the configurations, with a bound on its
// values. One of another configuration would cost its decoder up to 48 MB, and
// is refused before.
func (b Bars) read(digits int, most uint64) (*hdr.Histogram, error) {
	empty := rundir.NewHistogram()
	if digits == twoDigits {
		empty = rundir.NewBriefHistogram()
	}
	if b == "" {
		return empty, nil
	}
	if err := b.checkHeader(empty); err != nil {
		return nil, fmt.Errorf("histogram: %w", err)
	}
	h, err := hdr.Decode([]byte(b))
	if err != nil {
		return nil, fmt.Errorf("histogram: %w", err)
	}
	if uint64(h.TotalCount()) > most {
		return nil, fmt.Errorf("histogram of %d hits, where %d were sent", h.TotalCount(), most)
	}
	return h, nil
}

// checkHeader makes sure that the encoding is of a histogram like another one.
func (b Bars) checkHeader(like *hdr.Histogram) error {
	const prefix = 8 // cookie and length, before what is compressed
	text := base64.NewDecoder(base64.StdEncoding, bytes.NewReader([]byte(b)))
	if _, err := io.CopyN(io.Discard, text, prefix); err != nil {
		return err
	}
	z, err := zlib.NewReader(text)
	if err != nil {
		return err
	}
	var header struct {
		Cookie, Length, Offset, Digits int32
		Lowest, Highest                int64
		Ratio                          float64
	}
	if err := binary.Read(z, binary.BigEndian, &header); err != nil {
		return err
	}
	if int64(header.Digits) != like.SignificantFigures() || header.Lowest != like.LowestTrackableValue() || header.Highest != like.HighestTrackableValue() {
		return fmt.Errorf("%d digits, %d to %d: want %d, %d to %d", header.Digits, header.Lowest, header.Highest,
			like.SignificantFigures(), like.LowestTrackableValue(), like.HighestTrackableValue())
	}
	return nil
}
