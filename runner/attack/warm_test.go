package attack

import (
	"context"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"sweetspot/scenarios"
)

// An open loop has connections open before its first request, and uses them
// in the order in which they were opened.
func TestWarmConnections(t *testing.T) {
	for _, tt := range []struct {
		name        string
		rate        float64
		connections int // of the closed loop
		maxInFlight int
		want        int
	}{
		{"as many as requests of 10 ms keep busy", 400, 0, 0, 4},
		{"no more than may be in flight", 400, 0, 3, 3},
		{"none at a low rate", 50, 0, 0, 0},
		{"none of a closed loop", 0, 2, 0, 0},
		{"bounded", 60_000, 0, 0, maxWarm},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var mutex sync.Mutex
			var opened, first int
			var came bool
			server := listen(t, func(http.ResponseWriter, *http.Request) {
				mutex.Lock()
				if first == 0 {
					first = opened
				}
				came = true
				mutex.Unlock()
			})
			s := Spec{
				Network: "tcp", Address: server, Arrivals: scenarios.Constant, Rate: tt.rate, Connections: tt.connections,
				MaxInFlight: tt.maxInFlight, Duration: 20 * time.Millisecond, Timeout: 5 * time.Second, MaxHits: 10,
			}.requests(page)
			s.dial = func(ctx context.Context) (net.Conn, error) {
				conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", server)
				mutex.Lock()
				defer mutex.Unlock()
				opened++
				return conn, err
			}
			mustRun(t, s)
			mutex.Lock()
			defer mutex.Unlock()
			// A request opens at most the connections in use at once, before the first answer.
			if tt.want == 0 && first > 2 || tt.want > 0 && first < tt.want {
				t.Errorf("%d connections open when the first request came, want %d", first, tt.want)
			}
			if !came {
				t.Error("no request came")
			}
		})
	}
}

// The oldest connection is used first: a server that serves one at a time
// waits for it.
func TestWarmConnectionsAreUsedInOrder(t *testing.T) {
	server := listen(t, answer(""))
	var opened []net.Conn
	s := Spec{Network: "tcp", Address: server, Rate: 400, Timeout: 5 * time.Second}
	s.dial = func(ctx context.Context) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", server)
		opened = append(opened, conn)
		return conn, err
	}
	l := newLean(s, newTraffic(t.Context(), s, nil, nil), newDialer(s), 8)
	defer l.close()
	if len(opened) != 4 {
		t.Fatalf("%d connections open, want 4", len(opened))
	}
	for i, want := range opened {
		w, err := l.take(time.Now(), time.Now().Add(s.Timeout), true)
		if err != nil {
			t.Fatal(err)
		}
		if w.conn != want {
			t.Errorf("taken %d: %v, want %v", i, w.conn.LocalAddr(), want.LocalAddr())
		}
	}
}

func TestProcsAreGivenBack(t *testing.T) {
	const have = 4
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(have))
	const percent = 77
	defer debug.SetGCPercent(debug.SetGCPercent(percent))
	for _, tt := range []struct {
		name string
		spec Spec
		want int // while it runs
	}{
		{"a low rate takes one, and one is for what runs beside", Spec{Rate: 2000}, 2},
		{"a high rate takes what it needs", Spec{Rate: 20_000}, 3},
		{"no rate takes more than there are", Spec{Rate: 1e6}, have},
		{"a closed loop takes all", Spec{}, have},
		{"or what it may", Spec{Procs: 2}, 2},
		{"nothing takes more than it may", Spec{Procs: 1, Rate: 40_000}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			restore := limitProcs(tt.spec)
			got := runtime.GOMAXPROCS(0)
			restore()
			if back := runtime.GOMAXPROCS(0); got != tt.want || back != have {
				t.Errorf("%d processors while it runs and %d afterwards, want %d and %d", got, back, tt.want, have)
			}
			if got := debug.SetGCPercent(percent); got != percent {
				t.Errorf("garbage is collected at %d %% afterwards, want %d %%", got, percent)
			}
		})
	}
}
