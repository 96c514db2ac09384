package attack

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// Recount sums up the raw results of an attack anew and returns what the attack
// should have recorded; spec is that of Run, of which what plans and names the
// hits counts. Raw results do not hold everything. Taken from what was recorded
// are the span of an aborted attack, whose fault late hits were, protocols,
// connections opened and requests sent again.
//
// Nor do they hold when the attack began, from which lags count. That is found:
// the histograms that were recorded leave a few nanoseconds for it, and the
// moment is taken at which they come out again. When there is none, the result
// differs from what was recorded.
func Recount(spec Spec, recorded Result, raw io.Reader) (Result, error) {
	spec.Raw, spec.Network = nil, "tcp"
	if err := spec.check(); err != nil {
		return Result{}, fmt.Errorf("recount: %w", err)
	}
	plan := newPlan(spec)
	hits, err := readHits(spec, plan, raw)
	if err != nil {
		return Result{}, err
	}
	var best Result
	least := math.MaxInt
	for _, began := range beginnings(spec, plan, recorded, hits) {
		r := recount(spec, plan, recorded, hits, began)
		if n := r.unlike(recorded); n < least {
			best, least = r, n
		}
		if least == 0 {
			break
		}
	}
	return best, nil
}

// pastHit is one raw result. Its times count from the first of the file.
type pastHit struct {
	request   int
	code      uint16
	found     finding
	sent, due time.Duration // due counts from the beginning of the attack, and is 0 in a closed loop
	service   time.Duration
}

// lag is how late the hit left in an attack that began at a time.
func (h pastHit) lag(began time.Duration) time.Duration { return max(h.sent-began-h.due, 0) }

// readHits reads raw results, and makes sure that the spec plans every one.
func readHits(spec Spec, p plan, raw io.Reader) (hits []pastHit, err error) {
	var due []time.Duration
	if p.open() {
		next := p.arrivals()
		for range p.hits {
			d, _ := next()
			due = append(due, d)
		}
	}
	decode := vegeta.NewDecoder(bufio.NewReader(raw))
	var first time.Time
	var path []byte
	for {
		var r vegeta.Result
		if err := decode(&r); errors.Is(err, io.EOF) {
			return hits, nil
		} else if err != nil {
			return nil, fmt.Errorf("read raw results: after %d of them: %w", len(hits), err)
		}
		if len(hits) == 0 {
			first = r.Timestamp
		}
		h := pastHit{request: spec.Mix.Pick(r.Seq), code: r.Code, sent: r.Timestamp.Sub(first), service: r.Latency}
		h.found.in = r.BytesIn
		if h.found.fault, err = faultCalled(r); err != nil {
			return nil, fmt.Errorf("read raw results: hit %d: %w", r.Seq, err)
		}
		if path, err = spec.sends(r, path); err != nil {
			return nil, fmt.Errorf("read raw results: %w", err)
		}
		if p.open() {
			if r.Seq < p.first || r.Seq >= p.hits {
				return nil, fmt.Errorf("read raw results: hit %d is not planned: those from %d to %d are", r.Seq, p.first, p.hits-1)
			}
			h.due = due[r.Seq]
		}
		hits = append(hits, h)
	}
}

// sends makes sure that the traffic has the request of a raw result. The buffer
// is used for its path, and returned.
func (s Spec) sends(r vegeta.Result, buffer []byte) ([]byte, error) {
	path := s.Mix.AppendPath(buffer[:0], r.Seq)
	method := s.Requests[s.Mix.Pick(r.Seq)].Method
	if r.Method != method || !strings.HasSuffix(r.URL, string(path)) {
		return path, fmt.Errorf("hit %d is %s %s, where the traffic has %s %s", r.Seq, r.Method, r.URL, method, path)
	}
	return path, nil
}

// faultCalled is the fault of a raw result, by its text.
func faultCalled(r vegeta.Result) (fault, error) {
	if r.Error == "" || r.Error == marked(r.Code) {
		return good, nil
	}
	return faultNamed(r.Error)
}

// faultNamed is the fault that has a text.
func faultNamed(text string) (fault, error) {
	for f, name := range faultNames {
		if name == text {
			return f, nil
		}
	}
	if code, ok := strings.CutPrefix(text, "status "); ok {
		if code, err := strconv.ParseUint(code, 10, 16); err == nil && code < uint64(errno-status) {
			return status + fault(code), nil
		}
	}
	for n := range syscall.Errno(200) {
		if n > 0 && n.Error() == text {
			return errno + fault(n), nil
		}
	}
	return unknown, fmt.Errorf("%q is no fault", text)
}

// marked is the error of a good response whose status is none of success: vegeta
// marks it so.
func marked(code uint16) string {
	if code >= 200 && code < 400 {
		return ""
	}
	return strconv.Itoa(int(code)) + " " + http.StatusText(int(code))
}

// recount sums up the hits of an attack that began at a time.
func recount(spec Spec, p plan, recorded Result, hits []pastHit, began time.Duration) Result {
	c := newCollector(spec, p)
	if c.aborted = recorded.Load.Aborted; c.aborted != "" {
		c.ended = spec.Warmup + recorded.Load.Span
	}
	var behind uint64 // hits that were late
	for _, h := range hits {
		x := hit{code: h.code, found: h.found, service: h.service}
		if p.open() {
			x.lag = h.lag(began)
		}
		if x.lag > late {
			behind++
		}
		x.response = x.lag + x.service
		c.sent++
		c.tallies[h.request].add(x)
		c.windows.add(h.sent-began+h.service-spec.Warmup, h.found.fault == good, x.response)
	}
	res := c.result()
	l, was := &res.Load, recorded.Load
	l.Late, l.LateBusy, l.StarveLag = was.Late, behind-min(was.Late, behind), was.StarveLag
	l.Protocols, l.Redials, l.Resent = was.Protocols, was.Redials, was.Resent
	return res
}

// unlike counts in what a recount differs from the record, as far as it depends
// on when the attack began.
func (r Result) unlike(recorded Result) (n int) {
	for name, h := range recorded.Histograms {
		mine, ok := r.Histograms[name]
		if !ok || !mine.Lag.Equals(h.Lag) {
			n++
		}
		if !ok || !mine.Response.Equals(h.Response) {
			n++
		}
	}
	if !reflect.DeepEqual(r.Load.Windows, recorded.Load.Windows) {
		n++
	}
	return n
}

// mostBeginnings bounds how many moments are tried. More than some ten come up
// only where the record contradicts the raw results.
const mostBeginnings = 30

// beginnings returns moments at which the attack may have begun: one for every
// way in which the times of its hits can fall into the bars of histograms,
// within the bounds that the record leaves.
func beginnings(spec Spec, p plan, recorded Result, hits []pastHit) []time.Duration {
	if len(hits) == 0 {
		return []time.Duration{0}
	}
	b := span{math.MinInt64 / 2, math.MaxInt64 / 2}
	if !p.open() {
		b.bySecond(spec.Warmup, recorded.Load.Windows, hits)
		b.byMeasured(spec, hits)
		return []time.Duration{b.low + (b.high-b.low)/2}
	}
	b.byLag(recorded.Histograms[scenarios.All].Lag, hits)
	found := []time.Duration{b.high}
	add := func(end time.Duration) { // of what is counted from the beginning
		bar := barOf(end - b.high)
		for at := b.high - modulo(b.high-end, bar); at >= b.low && len(found) < mostBeginnings; at -= bar {
			found = append(found, at)
		}
	}
	for _, h := range hits {
		add(h.sent - h.due)
		add(h.sent - h.due + h.service)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// barOf is how wide the bar is that a time falls into: of three digits, a
// microsecond up to 2,048 of them, and twice as wide from every doubling on.
func barOf(d time.Duration) time.Duration {
	return time.Microsecond << max(bits.Len64(uint64(max(d, 0)/time.Microsecond))-11, 0)
}

// modulo is the remainder that is not negative.
func modulo(d, by time.Duration) time.Duration { return (d%by + by) % by }

// span bounds when an attack began; both ends are in it.
type span struct{ low, high time.Duration }

// byLag narrows the span to where the lags fall into the bars of a histogram.
// The later an attack began, the less late were its hits.
func (s *span) byLag(lags *hdr.Histogram, hits []pastHit) {
	past := make([]time.Duration, len(hits))
	for i, h := range hits {
		past[i] = h.sent - h.due
	}
	slices.Sort(past)
	s.high = past[len(past)-1] // from there on no hit was late
	if lags == nil || lags.TotalCount() != int64(len(past)) {
		s.high, s.low = past[0], past[0]
		return
	}
	n := int64(0)
	for _, bar := range lags.Distribution() {
		if bar.Count == 0 {
			continue
		}
		first, last := past[n], past[n+bar.Count-1]
		n += bar.Count
		if bar.From > 0 {
			s.high = min(s.high, first-micros(bar.From))
		}
		s.low = max(s.low, last-micros(bar.To+1)+1)
	}
}

// bySecond narrows the span to where as many hits of a closed loop complete in
// every second as was recorded.
func (s *span) bySecond(warmup time.Duration, windows []rundir.Window, hits []pastHit) {
	done := make([]time.Duration, len(hits))
	for i, h := range hits {
		done[i] = h.sent + h.service
	}
	slices.Sort(done)
	n := 0
	for k, w := range windows {
		n += int(min(w.Sent, uint64(len(done))))
		border := warmup + time.Duration(k+1)*time.Second
		if n > 0 && n <= len(done) {
			s.low = max(s.low, done[n-1]-border+1)
		}
		if n < len(done) {
			s.high = min(s.high, done[n]-border)
		}
	}
}

// byMeasured narrows the span to where every hit of a closed loop was sent in
// the measured part.
func (s *span) byMeasured(spec Spec, hits []pastHit) {
	for _, h := range hits {
		s.high = min(s.high, h.sent-spec.Warmup)
		s.low = max(s.low, h.sent-spec.Warmup-spec.Duration+1)
	}
}
