package stack

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"sweetspot/runner/rundir"
)

const (
	proofFloor = 8                // requests kept in flight beyond the slots, so that an event loop shows
	proofMost  = 64               // slots that can be shown: more, and the machine may be too slow to fill them
	proofTries = 6                // while fewer slots than promised were seen full, each with twice the requests
	proofBound = 256              // requests kept in flight at most
	proofTime  = 20 * time.Second // for all requests of a try
)

// Peak measures how many requests are inside the application at once: it keeps
// more of them in flight on the application's waiting path than the cell has
// slots. The answers tell when they entered and left. It asks the instances
// themselves, each request on a connection of its own: connections that a proxy
// keeps may all have fallen to one worker. It is nil when the application names
// no waiting path or does not tell, and for cells of very many slots.
func (st *Stack) Peak(ctx context.Context) (*rundir.Peak, error) {
	slots := st.cell.Slots()
	if st.app == nil || st.app.Wait == "" || slots > proofMost {
		return nil, nil
	}
	p := &rundir.Peak{Offered: max(2*slots, slots+proofFloor)}
	if st.server.bounded {
		p.Want = slots
	}
	for range proofTries {
		spans, err := st.spans(ctx, p.Offered, p.Offered+slots)
		if err != nil || len(spans) == 0 {
			return nil, err
		}
		p.Seen = max(p.Seen, overlap(spans))
		if p.Seen >= p.Want {
			break
		}
		// Workers that accept as many connections as come, full or not, may have
		// left one of theirs with too few.
		p.Offered = min(2*p.Offered, proofBound)
	}
	return p, nil
}

// A span is when a request was inside the application, CLOCK_MONOTONIC ns.
type span struct{ entered, left int64 }

// spans sends requests to the waiting path, that many at once, and returns when
// they were inside.
func (st *Stack) spans(ctx context.Context, atOnce, total int) ([]span, error) {
	ctx, cancel := context.WithTimeout(ctx, proofTime)
	defer cancel()
	doors := st.doors()
	var (
		mutex sync.Mutex
		spans []span
		first error
		wait  sync.WaitGroup
	)
	numbers := make(chan int, total)
	for i := range total {
		numbers <- i
	}
	close(numbers)
	for range atOnce {
		wait.Go(func() {
			for i := range numbers {
				s, ok, err := doors[i%len(doors)].ask(ctx, st.app.Wait)
				mutex.Lock()
				if ok {
					spans = append(spans, s)
				}
				if err != nil && first == nil {
					first = err
				}
				mutex.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wait.Wait()
	if first != nil {
		return nil, fmt.Errorf("measure how many requests %s works on at once: %w", st.cell, first)
	}
	return spans, nil
}

// A door is one way into the application.
type door struct {
	client *http.Client
	origin string // scheme and host
}

// doors are the instances of the application where they speak HTTP, else the
// stack's own address.
func (st *Stack) doors() (doors []door) {
	px, _ := findProxy(st.cell.Proxy)
	if len(st.apps) == 0 || st.server.uwsgi && px.uwsgi {
		return []door{{st.client(), st.url("")}}
	}
	for _, p := range st.apps {
		doors = append(doors, door{clientAt(p.at, nil), "http://localhost"})
	}
	return doors
}

// ask sends one request to the waiting path; ok says whether the answer tells
// its span.
func (d door) ask(ctx context.Context, path string) (s span, ok bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.origin+path, nil)
	if err != nil {
		return span{}, false, err
	}
	req.Close = true
	resp, err := d.client.Do(req)
	if err != nil {
		return span{}, false, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return span{}, false, err
	}
	if resp.StatusCode != http.StatusOK {
		return span{}, false, fmt.Errorf("GET %s answered %s", path, resp.Status)
	}
	entered, left, found := strings.Cut(resp.Header.Get(spanHeader), " ")
	if !found {
		return span{}, false, nil
	}
	var errEntered, errLeft error
	s.entered, errEntered = strconv.ParseInt(entered, 10, 64)
	s.left, errLeft = strconv.ParseInt(left, 10, 64)
	return s, errEntered == nil && errLeft == nil, nil
}

// overlap returns the largest number of spans that hold one moment.
func overlap(spans []span) (most int) {
	type event struct {
		at   int64
		step int
	}
	var events []event
	for _, s := range spans {
		events = append(events, event{s.entered, 1}, event{s.left, -1})
	}
	// At the same moment one leaves before the next enters.
	slices.SortFunc(events, func(a, b event) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.step, b.step)) })
	inside := 0
	for _, e := range events {
		inside += e.step
		most = max(most, inside)
	}
	return most
}
