package live

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// Feed keeps the state of a run and passes on what changes. All of its methods
// may be called at any time, and none waits for a reader.
type Feed struct {
	now func() time.Time

	mu     sync.Mutex
	state  State
	recent []rundir.Interval // of the stage, oldest first
	trial  int               // that they belong to
	reads  map[*reader]struct{}
	closed bool
}

// Events of the stream, and what their data is.
const (
	eventRun      = "run"      // State, once, first
	eventBegin    = "begin"    // Doing: a step, or something else, has begun
	eventInterval = "interval" // interval
	eventTrial    = "trial"    // Line: a trial has ended
	eventRace     = "race"     // race
	eventNote     = "note"     // Line
	eventEnd      = "end"      // End, last
)

type interval struct {
	Second Second `json:"second"`
	Recent Recent `json:"recent"`
	Doing  Doing  `json:"doing"`
}

type race struct {
	Race   []Row  `json:"race"`
	Counts Counts `json:"counts"`
}

// NewFeed returns the feed of a run that begins now.
func NewFeed(s *scenarios.Scenario) *Feed {
	f := &Feed{now: time.Now, reads: map[*reader]struct{}{}}
	f.state = State{Scenario: s.Name, Objectives: objectives(s.Objectives), Began: f.now().UnixMilli()}
	return f
}

// In names the directory of the run, and says what it took before if it goes on.
func (f *Feed) In(dir string, taken time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state.Dir = dir
	f.state.Began -= taken.Milliseconds()
}

// State returns what is known now. Nobody changes what it holds.
func (f *Feed) State() State {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.copy()
}

func (f *Feed) copy() State {
	s := f.state
	s.Seconds, s.Lines, s.Now = slices.Clone(s.Seconds), slices.Clone(s.Lines), f.now().UnixMilli()
	return s
}

// Do says what the run is at outside of any step.
func (f *Feed) Do(text string, left time.Duration) {
	f.begin(Doing{Text: text, Left: left.Seconds()})
}

// Begin says that a step begins, and names its load.
func (f *Feed) Begin(s rundir.Step, load string) {
	f.begin(Doing{
		Text: s.Note, Phase: s.Phase, Cell: s.Cell.String(), Build: s.Build, Load: load, Stage: Starting,
		Warmup: s.Warmup.Seconds(), Duration: s.Duration.Seconds(), Left: s.Left.Seconds(),
	})
}

func (f *Feed) begin(d Doing) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d.At = f.now().UnixMilli()
	d.Since = d.At
	f.state.Doing, f.state.Recent, f.recent = d, nil, nil
	f.tell(eventBegin, d)
}

// Interval tells what came back in about a second.
func (f *Feed) Interval(i rundir.Interval) {
	f.mu.Lock()
	defer f.mu.Unlock()
	stage := Measuring
	if i.Warmup {
		stage = WarmingUp
	}
	if d := &f.state.Doing; d.Stage != stage || f.trial != i.Trial {
		d.Stage, d.Since = stage, i.At.Add(-i.Span).UnixMilli()
		f.recent = nil
	}
	f.trial = i.Trial
	f.recent = append(f.recent, i)
	f.recent = f.recent[max(0, len(f.recent)-recentSeconds):]
	second, recent := newSecond(i), newRecent(f.recent)
	f.state.Seconds = appendKept(f.state.Seconds, second, keptSeconds)
	f.state.Recent = &recent
	f.tell(eventInterval, interval{second, recent, f.state.Doing})
}

// Trial tells how a trial of a cell ended, by the verdict and in words.
func (f *Feed) Trial(cell, verdict, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state.Counts.add(verdict)
	f.log(eventTrial, Line{Kind: verdict, Cell: cell, Text: text})
}

// Race tells where the cells stand. The rows are not changed any more.
func (f *Feed) Race(rows []Row) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state.Race = rows
	f.tell(eventRace, race{rows, f.state.Counts})
}

// Note adds a line to the log.
func (f *Feed) Note(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log(eventNote, Line{Kind: Note, Text: text})
}

func (f *Feed) log(event string, l Line) {
	l.At = f.now().UnixMilli()
	f.state.Lines = appendKept(f.state.Lines, l, keptLines)
	f.tell(event, l)
}

// Close tells that the run is over and ends all streams. Only the first call
// counts.
func (f *Feed) Close(e End) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.closed, f.state.End = true, &e
	f.tell(eventEnd, e)
	for r := range f.reads {
		f.drop(r)
	}
}

// appendKept appends and forgets the oldest beyond n.
func appendKept[E any](s []E, e E, n int) []E {
	s = append(s, e)
	if len(s) > n {
		s = slices.Delete(s, 0, len(s)-n)
	}
	return s
}

func newSecond(i rundir.Interval) Second {
	span := max(i.Span.Seconds(), 1e-3)
	return Second{
		Trial: i.Trial, At: i.At.UnixMilli(), Span: rounded(span), Warmup: i.Warmup,
		Due: rounded(float64(i.Due) / span), Good: rounded(float64(i.Good) / span), Errors: rounded(float64(i.Errors) / span),
		InFlight: i.InFlight, Answers: i.Response.TotalCount(),
		P50: millis(i.Response.ValueAtQuantile(50)), P99: millis(i.Response.ValueAtQuantile(99)), Max: millis(i.Response.Max()),
	}
}

// newRecent sums up intervals, of which there is at least one.
func newRecent(in []rundir.Interval) Recent {
	var due, good, errors uint64
	var span time.Duration
	all := rundir.NewBriefHistogram()
	for _, i := range in {
		due, good, errors, span = due+i.Due, good+i.Good, errors+i.Errors, span+i.Span
		rundir.Merge(all, i.Response)
	}
	s := newSecond(rundir.Interval{Span: span, Due: due, Good: good, Errors: errors, InFlight: in[len(in)-1].InFlight, Response: all})
	return Recent{Span: s.Span, Due: s.Due, Good: s.Good, Errors: s.Errors, InFlight: s.InFlight, P50: s.P50, P99: s.P99, Max: s.Max, Answers: s.Answers}
}

// Readers of the stream.
const (
	queuedMessages = 64 // that a reader may be behind; who is more is dropped, and may come back
	mostReaders    = 32
)

// reader is one stream.
type reader struct{ queue chan []byte }

// read begins a stream: with what is known, then what changes. It returns nil
// when there are enough readers. The stream ends when its queue is closed.
func (f *Feed) read() *reader {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.reads) >= mostReaders {
		return nil
	}
	r := &reader{queue: make(chan []byte, queuedMessages)}
	r.queue <- message(eventRun, f.copy())
	f.reads[r] = struct{}{}
	if f.closed {
		r.queue <- message(eventEnd, f.state.End)
		f.drop(r)
	}
	return r
}

// leave ends a stream.
func (f *Feed) leave(r *reader) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(r)
}

// drop closes the queue of a reader that still has one.
func (f *Feed) drop(r *reader) {
	if _, ok := f.reads[r]; ok {
		delete(f.reads, r)
		close(r.queue)
	}
}

// tell passes an event on to the readers that keep up.
func (f *Feed) tell(event string, data any) {
	if len(f.reads) == 0 {
		return
	}
	m := message(event, data)
	for r := range f.reads {
		select {
		case r.queue <- m:
		default:
			f.drop(r)
		}
	}
}

// message is an event as it is sent. JSON has no line breaks of its own.
func message(event string, data any) []byte {
	text, err := json.Marshal(data)
	if err != nil {
		panic(fmt.Sprintf("live: %s: %v", event, err)) // plain data of this package, without NaN
	}
	return fmt.Appendf(nil, "event: %s\ndata: %s\n\n", event, text)
}
