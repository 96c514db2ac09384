package attack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"path"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	message "sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// shards attacks as n generators do, and returns what each measured, and its
// raw results.
func shards(t *testing.T, n int, s Spec) (parts []Part, raw []io.Reader) {
	t.Helper()
	// Several attacks in one process undo each other's settings in any order.
	procs, percent := runtime.GOMAXPROCS(0), debug.SetGCPercent(100)
	defer func() { runtime.GOMAXPROCS(procs); debug.SetGCPercent(percent) }()
	parts, raw = make([]Part, n), make([]io.Reader, n)
	at := time.Now().Add(300 * time.Millisecond)
	var all sync.WaitGroup
	for i := range n {
		own, file := s, &bytes.Buffer{}
		own.Shard, own.Shards, own.Raw, raw[i] = i, n, file, file
		own.Begin = func(context.Context) (time.Time, error) { return at, nil }
		all.Go(func() {
			var err error
			if parts[i], err = RunPart(t.Context(), own); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i := range parts {
		parts[i] = sent(t, parts[i])
	}
	return parts, raw
}

// sent returns a part as it arrives.
func sent(t *testing.T, p Part) (arrived Part) {
	t.Helper()
	b, err := message.Encode(&p)
	if err == nil {
		err = message.Decode(b, &arrived)
	}
	if err != nil {
		t.Fatal(err)
	}
	return arrived
}

func mustMerge(t *testing.T, s Spec, parts []Part) Result {
	t.Helper()
	r, err := Merge(s, parts)
	if err != nil {
		t.Fatal(err)
	}
	checkSums(t, r)
	return r
}

// file is a second request of the mix.
var file = scenarios.Request{Name: "file", Class: scenarios.Static, Method: "GET", Path: "/file/", Expect: scenarios.Expect{Status: 200}}

var item = scenarios.Request{Name: "item", Class: scenarios.Dynamic, Method: "GET", Path: "/item/", Expect: scenarios.Expect{Status: 200}}

// kindsOfArrivals are all of them.
var kindsOfArrivals = map[string]Spec{
	"poisson":  {Arrivals: scenarios.Poisson},
	"constant": {Arrivals: scenarios.Constant},
	"ramp":     {Arrivals: scenarios.Ramp, Shape: &scenarios.Shape{To: 2}},
	"step":     {Arrivals: scenarios.Step, Shape: &scenarios.Shape{Steps: []float64{0, 1, 4}}},
	"sine":     {Arrivals: scenarios.Sine, Shape: &scenarios.Shape{Amplitude: 1}},
	"replay":   {Arrivals: scenarios.Replay, Recording: scenarios.Recording{0, 1, 3, 40, 900, 901, 1700}},
}

// arrival is a request as the server sees it.
type arrival struct {
	path string
	at   time.Duration
}

// The hits of all shards are those of the one schedule, each at its time and
// with the request that its number has.
func TestShardsSendTheSchedule(t *testing.T) {
	for name, s := range kindsOfArrivals {
		for _, n := range []int{1, 2, 3, 7} {
			t.Run(fmt.Sprintf("%s, %d", name, n), func(t *testing.T) {
				var mutex sync.Mutex
				var seen []arrival
				var first time.Time
				handler := func(_ http.ResponseWriter, r *http.Request) {
					mutex.Lock()
					defer mutex.Unlock()
					seen = append(seen, arrival{r.URL.Path, time.Since(first)})
				}
				s.Rate, s.Warmup, s.Duration, s.Timeout, s.Seed = 150, time.Second, 4*time.Second, time.Second, 7
				s := s.requests(page, file, item)
				var want []arrival
				for k, due := range s.schedule() {
					want = append(want, arrival{string(s.Mix.AppendPath(nil, uint64(k))), due})
				}
				onPipes(t, handler, func(t *testing.T, aim func(Spec) Spec) {
					first = time.Now().Add(300 * time.Millisecond)
					parts, _ := shards(t, n, aim(s))
					if l := mustMerge(t, aim(s), parts).Load; l.Unsent != 0 || l.Planned != l.Sent {
						t.Errorf("planned %d, sent %d, unsent %d, want all sent", l.Planned, l.Sent, l.Unsent)
					}
				})
				byTime := func(a, b arrival) int {
					if a.at != b.at {
						return int(a.at - b.at)
					}
					return strings.Compare(a.path, b.path)
				}
				slices.SortFunc(seen, byTime)
				slices.SortFunc(want, byTime)
				if !slices.Equal(seen, want) {
					t.Errorf("%d hits arrived, not the %d that are planned, or at other times", len(seen), len(want))
				}
			})
		}
	}
}

// varied answers after a time that depends on the number of the hit only; some
// hits get another status.
func varied(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(path.Base(r.URL.Path))
	u := math.Mod(float64(n)*0.6180339887498949, 1) // evenly spread
	time.Sleep(time.Millisecond + time.Duration(-math.Log(1-u)*float64(60*time.Millisecond)))
	if n%100 == 7 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = io.WriteString(w, "yes")
}

// A merged result is the one that a single attack computes from the same hits:
// percentiles, windows, everything but how many connections it took.
func TestMergeIsTheSingleAttack(t *testing.T) {
	for name, s := range kindsOfArrivals {
		t.Run(name, func(t *testing.T) {
			s.Rate, s.Warmup, s.Duration, s.Timeout, s.Seed = 100, time.Second, 3*time.Second, time.Second, 3
			s := s.requests(page, file)
			var single Result
			virtual(t, varied, func(t *testing.T, run func(context.Context, Spec) Result) { single = run(t.Context(), s) })
			for _, n := range []int{1, 2, 3, 7} {
				onPipes(t, varied, func(t *testing.T, aim func(Spec) Spec) {
					parts, raw := shards(t, n, aim(s))
					merged := mustMerge(t, aim(s), parts)
					checkMergedRaw(t, aim(s), merged, parts, raw)
					want := single
					want.Load.Redials = merged.Load.Redials
					same(t, merged, want)
				})
			}
		})
	}
}

// checkMergedRaw fails unless the merged raw results are all hits in order, and
// come to the merged result when they are summed up anew in one histogram.
func checkMergedRaw(t *testing.T, s Spec, merged Result, parts []Part, raw []io.Reader) {
	t.Helper()
	var out bytes.Buffer
	s.Raw = &out
	began := time.Now().Add(-time.Hour)
	if err := MergeRaw(s, began, parts, raw); err != nil {
		t.Fatal(err)
	}
	service, last := rundir.NewHistogram(), -1
	for _, r := range decoded(t, out.Bytes()) {
		if int(r.Seq) <= last {
			t.Fatalf("hit %d comes after hit %d", r.Seq, last)
		}
		last = int(r.Seq)
		observe(service, r.Latency)
	}
	if !service.Equals(merged.Histograms[scenarios.All].Service) {
		t.Error("one histogram of the raw results is not the merged one")
	}
	again, err := Recount(s, merged, bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	same(t, again, merged)
}

// Two generators at half the rate are, to a server that queues, one at the
// whole rate.
func TestShardsQueueAsOne(t *testing.T) {
	oneAtATime := func() http.HandlerFunc {
		var mutex sync.Mutex
		var free time.Time
		return func(http.ResponseWriter, *http.Request) {
			mutex.Lock()
			now := time.Now()
			if free.Before(now) {
				free = now
			}
			free = free.Add(8 * time.Millisecond)
			wait := free.Sub(now)
			mutex.Unlock()
			time.Sleep(wait)
		}
	}
	s := Spec{Arrivals: scenarios.Poisson, Rate: 100, Warmup: time.Second, Duration: 20 * time.Second, Timeout: 20 * time.Second, Seed: 11}.requests(page)
	var single, merged rundir.Latency
	virtual(t, oneAtATime(), func(t *testing.T, run func(context.Context, Spec) Result) {
		single = run(t.Context(), s).Load.Classes[scenarios.All].Response
	})
	onPipes(t, oneAtATime(), func(t *testing.T, aim func(Spec) Spec) {
		parts, _ := shards(t, 2, aim(s))
		merged = mustMerge(t, aim(s), parts).Load.Classes[scenarios.All].Response
	})
	for _, q := range []struct {
		name      string
		got, want time.Duration
	}{{"p50", merged.P50, single.P50}, {"p95", merged.P95, single.P95}, {"p99", merged.P99, single.P99}, {"max", merged.Max, single.Max}} {
		near(t, q.name, q.got, q.want)
	}
}

func TestShardsOfAClosedLoop(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			const connections = 7
			var now, peak atomic.Int64
			var mutex sync.Mutex
			seen := map[string]bool{}
			handler := func(_ http.ResponseWriter, r *http.Request) {
				inside := now.Add(1)
				defer now.Add(-1)
				mutex.Lock()
				peak.Store(max(peak.Load(), inside))
				if seen[r.URL.Path] {
					t.Errorf("%s came twice", r.URL.Path)
				}
				seen[r.URL.Path] = true
				mutex.Unlock()
				time.Sleep(5 * time.Millisecond)
			}
			s := Spec{Connections: connections, Warmup: time.Second, Duration: 2 * time.Second, Timeout: time.Second}.requests(page, file)
			onPipes(t, handler, func(t *testing.T, aim func(Spec) Spec) {
				parts, _ := shards(t, n, aim(s))
				l := mustMerge(t, aim(s), parts).Load
				if peak.Load() != connections || l.Workers != connections {
					t.Errorf("%d at once, %d workers, want %d", peak.Load(), l.Workers, connections)
				}
				if l.Sent != 2*200*connections || l.Planned != l.Sent || len(seen) < 3*200*connections {
					t.Errorf("sent %d of %d planned, %d arrived, want %d, as many and %d", l.Sent, l.Planned, len(seen), 2*200*connections, 3*200*connections)
				}
			})
		})
	}
}

// A shard ends an attack when its own hits alone make the objective impossible,
// however good those of the others are.
func TestAbortOfAShard(t *testing.T) {
	slow := func(n int) http.HandlerFunc { // the first n hits of shard 0 of 2
		return func(_ http.ResponseWriter, r *http.Request) {
			if k, _ := strconv.Atoi(path.Base(r.URL.Path)); k%2 == 0 && k/2 < n {
				time.Sleep(400 * time.Millisecond)
			}
		}
	}
	s := Spec{
		Arrivals: scenarios.Constant, Rate: 100, Duration: 20 * time.Second, Timeout: time.Second,
		Objectives: scenarios.Objectives{{Class: scenarios.All, Metric: "p99", Limit: 250 * time.Millisecond}},
	}.requests(page)
	for _, tt := range []struct {
		name string
		slow int // of 2,000, of which 20 may be
		want string
	}{
		{"as many as are allowed", 20, ""},
		{"one more", 21, "p99 < 250ms cannot be met any more: 21 of 2,000 planned responses slower"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onPipes(t, slow(tt.slow), func(t *testing.T, aim func(Spec) Spec) {
				parts, _ := shards(t, 2, aim(s))
				l := mustMerge(t, aim(s), parts).Load
				if parts[0].Aborted != tt.want || l.Aborted != tt.want || parts[1].Aborted != "" {
					t.Errorf("aborted %q and %q, together %q, want %q, none, %q", parts[0].Aborted, parts[1].Aborted, l.Aborted, tt.want, tt.want)
				}
			})
		})
	}
}

// What ends a shard is counted: hits that were released, and those that were not.
func TestAnInterruptedShardAccountsForItsHits(t *testing.T) {
	s := Spec{Arrivals: scenarios.Poisson, Rate: 200, MaxInFlight: 6, Warmup: time.Second, Duration: 10 * time.Second, Timeout: 20 * time.Second, Seed: 2}.requests(page)
	for _, after := range []time.Duration{0, 100 * time.Millisecond, 1500 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			onPipes(t, hanging, func(t *testing.T, aim func(Spec) Spec) {
				ctx, cancel := context.WithTimeout(t.Context(), after)
				defer cancel()
				var parts []Part
				for i := range 2 {
					own := aim(s)
					own.Shard, own.Shards = i, 2
					p, err := RunPart(ctx, own)
					if err != nil {
						t.Fatal(err)
					}
					parts = append(parts, p)
				}
				if l := mustMerge(t, aim(s), parts).Load; l.Aborted != interrupted || l.Unsent == 0 {
					t.Errorf("aborted %q, unsent %d", l.Aborted, l.Unsent)
				}
			})
		})
	}
}

// twoParts are those of one attack.
func twoParts(t *testing.T) (s Spec, parts []Part, raw []io.Reader) {
	s = Spec{Arrivals: scenarios.Poisson, Rate: 100, Duration: 2 * time.Second, Timeout: time.Second, Seed: 3}.requests(page, file)
	onPipes(t, varied, func(t *testing.T, aim func(Spec) Spec) {
		parts, raw = shards(t, 2, aim(s))
		s.Network, s.Address = "tcp", "pipe"
	})
	return s, parts, raw
}

func TestWhatCannotBeMerged(t *testing.T) {
	s, good, _ := twoParts(t)
	for _, tt := range []struct {
		name   string
		change func(p []Part) []Part
		shard  int
		want   string
	}{
		{"a missing shard", func(p []Part) []Part { return p[:1] }, 1, "its part is missing, of 2"},
		{"a doubled one", func(p []Part) []Part { return append(p, p[1]) }, 1, "its part came twice"},
		{"another number of shards", func(p []Part) []Part { p[1].Shards = 3; return p }, 1, "it is one of 3, and others are of 2"},
		{"another plan", func(p []Part) []Part { p[0].Plan = "other"; return p }, 0, "it measured another plan"},
		{"a gap", func(p []Part) []Part { p[1].Unsent++; return p }, 1, "gap in its hits: "},
		{"a short measurement", func(p []Part) []Part { p[0].Span--; return p }, 0, "it measured for 1.999999999s"},
		{"other requests", func(p []Part) []Part { p[0].Requests = p[0].Requests[:1]; return p }, 0, "it counted 1 requests, where 2"},
		{"a histogram of other hits", func(p []Part) []Part {
			p[1].Requests = slices.Clone(p[1].Requests)
			p[1].Requests[0].Response = p[1].StarveLag
			return p
		}, 1, "histogram of "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Merge(s, tt.change(slices.Clone(good)))
			var fault *PartError
			if !errors.As(err, &fault) || fault.Shard != tt.shard || !strings.HasPrefix(fault.Reason, tt.want) {
				t.Errorf("error %v, want shard %d: %s…", err, tt.shard, tt.want)
			}
		})
	}
	if _, err := Merge(s, nil); err == nil {
		t.Error("no parts were merged")
	}
}

func TestWhatIsNoRawResultOfAPart(t *testing.T) {
	s, parts, files := twoParts(t)
	s.Raw = io.Discard
	var raw [2][]byte
	for i := range files {
		raw[i], _ = io.ReadAll(files[i])
	}
	first := decoded(t, raw[0])
	for _, tt := range []struct {
		name string
		raw  [2][]byte
		want string
	}{
		{"good", raw, ""},
		{"those of another shard", [2][]byte{raw[1], raw[0]}, "is not one of the"},
		{"one is missing", [2][]byte{encoded(t, first[1:]), raw[1]}, "where "},
		{"one is doubled", [2][]byte{encoded(t, append(slices.Clone(first[1:]), first[1])), raw[1]}, "is in them twice"},
		{"one too many", [2][]byte{encoded(t, append(slices.Clone(first), first[1])), raw[1]}, "is not one of the"},
		{"no gob", [2][]byte{[]byte("no gob"), raw[1]}, "after 0 of them"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := MergeRaw(s, time.Now(), parts, []io.Reader{bytes.NewReader(tt.raw[0]), bytes.NewReader(tt.raw[1])})
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want …%s…", err, tt.want)
			}
		})
	}
}

func TestDigest(t *testing.T) {
	s := Spec{Network: "tcp", Address: "a:1", Arrivals: scenarios.Poisson, Rate: 100, Duration: time.Second, Timeout: time.Second, Seed: 3}.requests(page, file)
	digest := func(s Spec) string {
		t.Helper()
		d, err := s.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	want := digest(s)
	for name, change := range map[string]func(*Spec){
		"address": func(s *Spec) { s.Address = "b:1" },
		"shard":   func(s *Spec) { s.Shard, s.Shards = 1, 3 },
		"raw":     func(s *Spec) { s.Raw = io.Discard },
		"no file": func(s *Spec) { s.Files = map[string]scenarios.Expect{} },
	} {
		other := s
		if change(&other); digest(other) != want {
			t.Errorf("another %s is another plan", name)
		}
	}
	for name, change := range map[string]func(*Spec){
		"seed":       func(s *Spec) { s.Seed++ },
		"rate":       func(s *Spec) { s.Rate++ },
		"arrivals":   func(s *Spec) { s.Arrivals = scenarios.Constant },
		"duration":   func(s *Spec) { s.Duration++ },
		"timeout":    func(s *Spec) { s.Timeout++ },
		"objectives": func(s *Spec) { s.Objectives = scenarios.Objectives{{Class: scenarios.All, Metric: "p99", Limit: 1}} },
		"mix":        func(s *Spec) { s.Mix = cycle{file, page} },
		"requests":   func(s *Spec) { s.Requests = []scenarios.Request{page, page} },
	} {
		other := s
		if change(&other); digest(other) == want {
			t.Errorf("another %s is the same plan", name)
		}
	}
}

// A part of the longest attacks, of many requests whose times spread widely,
// goes into a message.
func TestALargePartIsAMessage(t *testing.T) {
	h, brief := rundir.NewHistogram(), rundir.NewBriefHistogram()
	for k := range 60_000 {
		d := time.Duration(math.Exp(math.Mod(float64(k)*0.6180339887498949, 1)*6) * float64(time.Millisecond)) // 1 to 400 ms
		observe(h, d)
		if k%60 == 0 {
			observe(brief, d)
		}
	}
	bars, err := packed(h)
	second, secondErr := packed(brief)
	if err := errors.Join(err, secondErr); err != nil {
		t.Fatal(err)
	}
	t.Logf("60,000 hits between 1 and 400 ms take %d bytes, 1,000 of them in a window %d", len(bars), len(second))
	const requests = 10
	p := Part{Shards: 1, Span: 10 * time.Minute, Sent: requests * 60_000}
	for range requests {
		p.Requests = append(p.Requests, PartRequest{Sent: 60_000, Good: 60_000, Statuses: map[uint16]uint64{200: 60_000}, Response: bars, Service: bars, Lag: bars})
	}
	for range 600 {
		p.Windows = append(p.Windows, PartWindow{Good: 1000, Response: second})
	}
	b, err := message.Encode(&p)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("a part of 10 requests and 10 minutes takes %d bytes", len(b))
}

func FuzzPart(f *testing.F) {
	h := rundir.NewHistogram()
	observe(h, time.Millisecond)
	bars, err := packed(h)
	if err != nil {
		f.Fatal(err)
	}
	wide := hdr.New(1, math.MaxInt64, 5)
	if err := wide.RecordValue(1); err != nil {
		f.Fatal(err)
	}
	foreign, err := packed(wide)
	if err != nil {
		f.Fatal(err)
	}
	for _, b := range []Bars{bars, foreign, "AAAA", "!"} {
		f.Add(fmt.Appendf(nil, `{"Shards":1,"Sent":1,"Requests":[{"Sent":1,"Good":1,"Statuses":{"200":1},"Response":%q,"Service":%q,"Lag":%q}],"Windows":[{"Good":1,"Response":%q}]}`, b, b, b, b))
		f.Add(fmt.Appendf(nil, `{"Shards":2,"Shard":1,"Sent":18446744073709551615,"LateBusy":18446744073709551615,"Late":1,"StarveLag":%q,"Protocols":{"HTTP/1.1":1}}`, b))
	}
	f.Add([]byte(`{"Shards":1,"Requests":[{"Faults":{"timeout":1,"status 404":2,"unheard of":3}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Part
		if message.Decode(b, &p) != nil {
			return
		}
		if p.Sent > maxPlanned || p.Shard >= p.Shards {
			t.Errorf("accepted shard %d of %d, %d hits", p.Shard, p.Shards, p.Sent)
		}
		if _, err := p.Lag(); err != nil {
			t.Error(err)
		}
		for _, r := range p.Requests {
			if _, err := r.tally(); err != nil {
				t.Error(err)
			}
		}
	})
}
