package simulate

import (
	"fmt"
	"slices"
	"time"

	"sweetspot/runner/rundir"
)

// Sites are machines that make the visits of one search side by side, each on a
// clock of its own. Time is that of the clocks: a search of hours takes seconds.
type Sites struct {
	Machines []*Machine
	Dies     []time.Duration // when a site is gone, with the trial that it makes; 0 or missing: never

	Wall time.Duration // when the last trial ended
}

// Name is what the i-th site is called.
func Name(i int) string { return fmt.Sprintf("site-%d", i+1) }

// site is one of them at work.
type site struct {
	*Machine
	name  string
	dies  time.Duration // 0: never
	at    *rundir.Visit // that it makes; nil: it waits
	trial *rundir.Trial // that it is at; it ends when the clock has come to the machine's Wall
}

// fleet is what a search has come to.
type fleet struct {
	rundir.Fleet
	sites []*site
	done  []rundir.Trial
	back  []rundir.Visit // of sites that are gone
	now   time.Duration
}

// Search lets a strategy measure to its end, for at most so many trials.
func (s *Sites) Search(f rundir.Fleet, most int) (done []rundir.Trial, ended bool) {
	b := &fleet{Fleet: f}
	for i, m := range s.Machines {
		one := &site{Machine: m, name: Name(i)}
		if i < len(s.Dies) {
			one.dies = s.Dies[i]
		}
		b.sites = append(b.sites, one)
	}
	for len(b.done) < most {
		if over := b.hand(); over {
			s.Wall = b.now
			return b.done, true
		}
		b.await()
	}
	s.Wall = b.now
	return b.done, false
}

// hand gives every site that waits a visit, as long as there are any. It tells
// whether the search is over.
func (b *fleet) hand() (over bool) {
	for {
		i := slices.IndexFunc(b.sites, func(s *site) bool { return s.at == nil && !s.gone(b.now) })
		if i < 0 {
			return false
		}
		if len(b.back) == 0 {
			if b.back, over = b.Visits(b.done, b.busy(), 1); over || len(b.back) == 0 {
				return over
			}
		}
		s, v := b.sites[i], b.back[0]
		s.at, b.back = &v, b.back[1:]
		s.Wall = b.now
		b.step(s)
	}
}

// busy are the visits that are at a site, or on their way to one.
func (b *fleet) busy() []rundir.Visit {
	out := slices.Clone(b.back)
	for _, s := range b.sites {
		if s.at != nil {
			out = append(out, *s.at)
		}
	}
	return out
}

// step begins the next trial of a site's visit, if there is one.
func (b *fleet) step(s *site) {
	step, ok := b.Step(b.done, *s.at)
	if !ok {
		s.at, s.trial = nil, nil
		return
	}
	t := s.Trial(step)
	t.Placed = &rundir.Placed{Site: s.name}
	s.trial = &t
}

// await lets time pass until a trial has ended, or a site is gone.
func (b *fleet) await() {
	var next *site
	for _, s := range b.sites {
		if s.trial != nil && (next == nil || s.ends() < next.ends()) {
			next = s
		}
	}
	if next == nil {
		panic("simulate: every site is gone")
	}
	b.now = next.ends()
	if next.gone(next.Wall) {
		b.back = append(b.back, *next.at)
		next.at, next.trial = nil, nil
		return
	}
	next.trial.ID = len(b.done) + 1
	b.done = append(b.done, *next.trial)
	b.step(next)
}

func (s *site) gone(at time.Duration) bool { return s.dies > 0 && s.dies <= at }

// ends is when a site's trial does, or the site itself.
func (s *site) ends() time.Duration {
	if s.dies > 0 {
		return min(s.dies, s.Wall)
	}
	return s.Wall
}
