package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner"
	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
)

// askTimeout is how long a question to the controller waits for its answer;
// then it is asked again. Tests shorten it.
var askTimeout = 2 * time.Second

// queue is one visit as a site makes it: a strategy whose steps the controller
// chooses.
type queue struct {
	*site
	visit    wire.Visit
	token    uint64 // of the lease
	sequence uint64 // of the visit's message
	delivery int    // of that

	ctx    context.Context // of the visit: Strategy has no room for one
	run    *rundir.Run     // in the scratch folder
	facts  *wire.Facts     // that the controller does not know yet; nil: it does
	number int             // of the trial that is made
	class  string          // of its requests that alone are sent; empty: all
	placed *rundir.Placed  // of that trial
	taken  int             // trials of run that were handed in
	err    error           // why there is no next step, though the visit is not complete
}

// newQueue reads the message of a visit.
func newQueue(s *site, l *lease, m jetstream.Msg) (*queue, error) {
	q := &queue{site: s, token: l.token}
	if err := wire.Decode(m.Data(), &q.visit); err != nil {
		return nil, err
	}
	if m.Subject() != wire.Work(q.visit.Run, q.visit.Name) {
		return nil, fmt.Errorf("it is visit %s of run %s", q.visit.Name, q.visit.Run)
	}
	meta, err := m.Metadata()
	if err != nil {
		return nil, err
	}
	q.sequence, q.delivery = meta.Sequence.Stream, int(meta.NumDelivered)
	return q, nil
}

// make makes the visit, from the first question to the last trial.
func (q *queue) make(ctx context.Context) error {
	err := persist(ctx, func() error {
		return q.set(ctx, func(a *wire.Agent) { a.Run, a.Visit, a.Delivery = q.visit.Run, q.visit.Name, q.delivery })
	})
	if err != nil {
		return err
	}
	p, err := q.prepare(ctx, q.visit)
	if err != nil {
		return q.refuse(ctx, err)
	}
	q.facts = &p.facts
	if q.visit.Name == wire.Survey {
		calibrated, err := p.calibrated(ctx)
		if err != nil {
			return err
		}
		q.facts = &calibrated
		_, err = q.ask(ctx, "")
		return err
	}
	return q.refuse(ctx, q.measure(ctx, p))
}

// measure makes the visit's trials in a run directory of its own.
func (q *queue) measure(ctx context.Context, p *prepared) (err error) {
	if err := p.start(ctx); err != nil {
		return err
	}
	dir := q.inScratch("visit")
	if err := os.RemoveAll(dir); err != nil { // of an agent that was killed
		return err
	}
	if q.run, err = rundir.Create(dir, p.manifest); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.run.Close(), os.RemoveAll(dir)) }()
	q.ctx = ctx
	c := runner.Config{Run: q.run, App: p.app, Strategy: q.next, Place: q.place, Watch: q.tell}
	if err := q.aim(&c, p); err != nil {
		return err
	}
	err = q.site.run(ctx, c)
	return cmp.Or(q.err, err)
}

// refuse tells the controller why the visit cannot be made here, unless it ended
// for a reason that the controller knows.
func (q *queue) refuse(ctx context.Context, err error) error {
	for _, known := range []error{errStopped, errRefused, errGivenBack, errLost, runner.ErrInterrupted, context.Canceled} {
		if err == nil || errors.Is(err, known) {
			return err
		}
	}
	if _, e := q.ask(ctx, err.Error()); e != nil && !errors.Is(e, errRefused) {
		return e
	}
	return fmt.Errorf("%w: %w", errRefused, err)
}

// next is the strategy: it hands in the trial that was made, and asks for the
// next step.
func (q *queue) next(done []rundir.Trial) (step rundir.Step, ok bool) {
	step, ok, q.err = q.step(done)
	return step, ok
}

func (q *queue) step(done []rundir.Trial) (rundir.Step, bool, error) {
	var handed *parcel
	if len(done) > q.taken {
		var err error
		if handed, err = q.wrap(done[len(done)-1]); err != nil {
			return rundir.Step{}, false, err
		}
		q.taken = len(done)
	}
	for {
		first, err := q.handIn(q.ctx, handed)
		if err != nil {
			return rundir.Step{}, false, err
		}
		a, err := q.ask(q.ctx, "")
		if err != nil {
			return rundir.Step{}, false, err
		}
		if !first && !a.Over && a.Number == q.number {
			continue // something else was in its place, and is not any more
		}
		if err := handed.discard(); err != nil || a.Over {
			return rundir.Step{}, false, err
		}
		q.number, q.class = a.Number, a.Step.Class
		return *a.Step, true, nil
	}
}

// place says where a trial is made.
func (q *queue) place(t *rundir.Trial) {
	q.placed = &rundir.Placed{Site: q.Site, Agent: q.Name, Token: q.token, Delivery: q.delivery, Visit: q.visit.Name, Number: q.number}
	t.Placed = q.placed
}

// ask asks the controller for the next step, or tells it why there is not to be
// one. It asks again until it is answered, the run is over, or its patience is.
func (q *queue) ask(ctx context.Context, refuse string) (wire.Answer, error) {
	question := wire.Ask{
		Visit: q.visit.Name, Site: q.Site, Agent: q.Name, Token: q.token, Sequence: q.sequence, Delivery: q.delivery, Facts: q.facts, Refuse: refuse,
	}
	data, err := wire.Encode(&question)
	if err != nil {
		return wire.Answer{}, err
	}
	for began := time.Now(); ; {
		a, err := q.request(ctx, data)
		switch {
		case err == nil && a.Refuse != "":
			return a, fmt.Errorf("%w: %s", errRefused, a.Refuse)
		case err == nil:
			q.facts = nil
			return a, nil
		case ctx.Err() != nil:
			return a, context.Cause(ctx)
		}
		if _, err := q.record(ctx, q.visit.Run); errors.Is(err, errStopped) {
			return a, err
		}
		if time.Since(began) > patience {
			return a, fmt.Errorf("%w: the controller did not answer for %v: %w", errGivenBack, patience, err)
		}
		pause(ctx, again)
	}
}

func (q *queue) request(ctx context.Context, data []byte) (a wire.Answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	m, err := q.Conn.RequestWithContext(ctx, wire.Next(q.visit.Run, q.Site), data)
	if err != nil {
		return a, err
	}
	if err := wire.Decode(m.Data, &a); err != nil {
		q.drop(ctx, m.Subject, err)
		return a, err
	}
	return a, nil
}

// tell sends on what comes back, for who watches the run.
func (q *queue) tell(i rundir.Interval) {
	response, err := i.Response.Encode(hdr.V2CompressedEncodingCookieBase)
	if err != nil {
		return // it is for the eye only
	}
	data, err := wire.Encode(&wire.Interval{
		Visit: q.visit.Name, Step: i.Step, At: i.At, Span: i.Span, Warmup: i.Warmup,
		Due: i.Due, Good: i.Good, Errors: i.Errors, InFlight: i.InFlight, Response: response,
	})
	if err == nil {
		_ = q.Conn.Publish(wire.Live(q.visit.Run, q.Site), data) // who is cut off shows nothing
	}
}
