package linger

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

const (
	atOnce  = 64                     // handshakes under way: more would only fill the listen queue
	parting = 100 * time.Millisecond // for the close frame at the end
)

// sockets are the WebSockets that are held.
type sockets struct {
	place place
	want  scenarios.WebSockets
	gate  chan struct{} // a place for every handshake under way

	mu       sync.Mutex
	counts   rundir.WebSockets // Held is those ever opened, until the summary
	echo     *hdr.Histogram
	timeouts int // handshakes that timed out since one was answered
}

func newSockets(s Spec) *sockets {
	return &sockets{
		place: newPlace(s, 0), want: *s.WebSockets, gate: make(chan struct{}, atOnce),
		counts: rundir.WebSockets{Wanted: s.WebSockets.Connections, Refusals: map[string]int{}},
		echo:   rundir.NewHistogram(),
	}
}

// open opens the WebSockets, and returns when each is held or refused.
func (w *sockets) open(ctx context.Context, crew crew, memory func() (uint64, error)) error {
	if memory == nil {
		memory = func() (uint64, error) { return 0, nil }
	}
	before, err := memory()
	if err != nil {
		return fmt.Errorf("read the stack's memory: %w", err)
	}
	var answered sync.WaitGroup
	now := time.Now()
	for i := range w.want.Connections {
		answered.Add(1)
		crew.running.Go(func() {
			s, err := w.dial(ctx)
			if trouble := exhausted(err); trouble != nil {
				crew.fail(trouble)
			}
			answered.Done()
			if err == nil {
				w.hold(ctx, s, i, beats(now, w.want.Every.Std(), i, w.want.Connections))
			}
		})
	}
	answered.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	after, err := memory()
	if err != nil {
		return fmt.Errorf("read the stack's memory: %w", err)
	}
	w.counts.BytesBefore, w.counts.BytesAfter = before, after
	return nil
}

// dial opens one WebSocket and counts what comes of it. Once as many in a row
// as are under way have timed out, the rest is given up without a try: a stack
// that answers nobody would take its timeout for every one of them.
func (w *sockets) dial(ctx context.Context) (*session, error) {
	select {
	case w.gate <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-w.gate }()
	if w.deaf() {
		w.opened(context.DeadlineExceeded)
		return nil, context.DeadlineExceeded
	}
	s, err := w.place.upgrade(ctx, w.want.Path)
	if ctx.Err() == nil {
		w.opened(err)
	}
	return s, err
}

func (w *sockets) deaf() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.timeouts >= atOnce
}

func (w *sockets) opened(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if timedOut(err) {
		w.timeouts++
	} else {
		w.timeouts = 0
	}
	if err == nil {
		w.counts.Held++
		return
	}
	w.counts.Refused++
	w.counts.Refusals[reason(err)]++
}

// hold echoes on the beat until the stack ends the connection, or ctx does.
func (w *sockets) hold(ctx context.Context, s *session, id int, b beat) {
	defer s.Close()
	defer context.AfterFunc(ctx, func() {
		defer time.AfterFunc(parting, func() { s.Close() }).Stop()
		_, _ = s.Write(appendFrame(nil, closing, goingAway)) // a courtesy: the stack may be gone
		s.Close()
	})()
	prefix := fmt.Appendf(nil, "sweetspot %d ", id)
	var err error
	for n := 0; err == nil; n++ {
		if err = s.drain(b.next(time.Now())); err == nil {
			err = w.roundTrip(ctx, s, prefix, n)
		}
	}
	if ctx.Err() == nil {
		w.mu.Lock()
		w.counts.Dropped++
		w.mu.Unlock()
	}
}

// goingAway is the payload of a close frame: status 1001 (RFC 6455, 7.4.1).
var goingAway = []byte{0x03, 0xE9}

// roundTrip sends message n of a connection and waits for it to come back. An
// echo that is wrong or late is counted; the error is that of the connection.
func (w *sockets) roundTrip(ctx context.Context, s *session, prefix []byte, n int) error {
	sent := time.Now()
	if err := s.SetDeadline(sent.Add(w.place.timeout)); err != nil {
		return err
	}
	message := fmt.Appendf(nil, "%s%d", prefix, n)
	if err := s.send(text, message); err != nil {
		return err
	}
	got, err := s.receive()
	for err == nil && overdue(got, prefix, n) {
		got, err = s.receive()
	}
	took := time.Since(sent)
	switch {
	case err == nil:
		w.echoed(took, bytes.Equal(got, message))
		return nil
	case timedOut(err):
		w.echoed(took, false)
		return nil
	case ctx.Err() != nil && took >= w.want.Every.Std():
		w.echoed(took, false) // the end came first, but the next echo was due already
	}
	return err
}

// overdue tells whether a message is the echo of one before the n-th, which
// was counted as late when its time was over.
func overdue(message, prefix []byte, n int) bool {
	number, ok := bytes.CutPrefix(message, prefix)
	if !ok {
		return false
	}
	earlier, err := strconv.Atoi(string(number))
	return err == nil && earlier < n
}

// echoed counts an echo, or one that did not come: it took its time too.
func (w *sockets) echoed(took time.Duration, right bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.echo.RecordValue(min(took, time.Hour).Microseconds()) // in range: the histogram ends at an hour
	if !right {
		w.counts.Wrong++
	}
}

func (w *sockets) measure() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.echo.Reset()
	w.counts.Wrong = 0
}

// summary is called once all connections have ended.
func (w *sockets) summary() *rundir.WebSockets {
	w.mu.Lock()
	defer w.mu.Unlock()
	counts := w.counts
	counts.Held -= counts.Dropped
	counts.Echo = rundir.Summary(w.echo)
	return &counts
}
