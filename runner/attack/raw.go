package attack

import (
	"bufio"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// rawLog writes results in vegeta's gob encoding. Its queue is unbounded:
// dropping results is forbidden, and blocking would turn a slow disk into
// latency of the subject. Encoding is faster than any attack, so that the
// queue stays short unless the disk stops, and then takes some 60 bytes a hit.
type rawLog struct {
	spec  Spec
	base  string    // of URLs
	began time.Time // of a part, whose times all count from it; zero: they are as vegeta took them

	mu    sync.Mutex
	more  sync.Cond
	queue []rawHit
	ended bool

	done chan struct{}
	err  error // of writing; set before done is closed
}

// rawHit is what is kept of a hit until it is written.
type rawHit struct {
	seq       uint64
	timestamp time.Time
	latency   time.Duration
	code      uint16
	found     finding
}

// newRawLog returns a log that writes to s.Raw; nil when there is none. The
// log has to be closed.
func newRawLog(s Spec) *rawLog {
	if s.Raw == nil {
		return nil
	}
	l := &rawLog{spec: s, base: s.base().String(), done: make(chan struct{})}
	l.more.L = &l.mu
	go l.write()
	return l
}

// add queues a hit. A nil log takes none.
func (l *rawLog) add(h rawHit) {
	if l == nil {
		return
	}
	l.mu.Lock()
	l.queue = append(l.queue, h)
	l.mu.Unlock()
	l.more.Signal()
}

// close waits until everything is written, and returns the first error.
func (l *rawLog) close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.more.Signal()
	<-l.done
	return l.err
}

// write encodes the queue until the log is closed. After an error it only
// empties the queue.
func (l *rawLog) write() {
	defer close(l.done)
	out := bufio.NewWriterSize(l.spec.Raw, 64<<10)
	encode := vegeta.NewEncoder(out)
	var batch []rawHit
	for l.take(&batch) {
		for _, h := range batch {
			if l.err == nil {
				r := l.result(h)
				l.err = encode(&r)
			}
		}
	}
	if l.err == nil {
		l.err = out.Flush()
	}
}

// take swaps the queue for the batch that was written; false when the log is
// closed and empty.
func (l *rawLog) take(batch *[]rawHit) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) == 0 && !l.ended {
		l.more.Wait()
	}
	*batch, l.queue = l.queue, (*batch)[:0]
	return len(*batch) > 0
}

// result returns the hit as vegeta would have recorded it, had it known the
// request. Headers and body are left out, they would be most of the file.
func (l *rawLog) result(h rawHit) vegeta.Result {
	r := vegeta.Result{
		Seq:       numberOf(l.spec.Mix, h.seq),
		Code:      h.code,
		Timestamp: h.timestamp,
		Latency:   h.latency,
		BytesIn:   h.found.in,
		BytesOut:  h.found.out,
		Error:     h.found.fault.String(),
		Method:    l.spec.Requests[l.spec.Mix.Pick(h.seq)].Method,
		URL:       string(l.spec.Mix.AppendPath([]byte(l.base), h.seq)),
	}
	if !l.began.IsZero() {
		r.Timestamp = l.began.Add(h.timestamp.Sub(l.began))
	}
	if r.Error == "" { // expected, but vegeta may mark it
		r.Error = marked(r.Code)
	}
	return r
}
