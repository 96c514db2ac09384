package linger

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// slowly are clients of a kind that act every second.
func slowly(kind string, clients int) *scenarios.Slow {
	return &scenarios.Slow{Clients: clients, Kind: kind, Path: "/large?n=1"}
}

func TestSlowSendersSendByteByByte(t *testing.T) {
	for _, tt := range []struct {
		kind, opening, rest string
	}{
		{scenarios.SlowHeaders, "GET /large?n=1 HTTP/1.1\r\n", "Host: pipe:80\r\nUser-Agent: sweetspot\r\nX-Slow: aaaaaaaa"},
		{scenarios.SlowBody, "POST /large?n=1 HTTP/1.1\r\nHost: pipe:80\r\nUser-Agent: sweetspot\r\nContent-Type: application/octet-stream\r\n" +
			"Content-Length: 1000000\r\nConnection: close\r\n\r\n", "xxxxxxxxxx"},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			var pieces []string
			var began time.Time
			serve := func(c net.Conn) {
				b := make([]byte, 4096)
				for n, err := c.Read(b); err == nil; n, err = c.Read(b) {
					if at := time.Since(began); at != time.Duration(len(pieces))*time.Second {
						t.Errorf("piece %d came after %v", len(pieces), at)
					}
					pieces = append(pieces, string(b[:n]))
				}
			}
			virtual(t, serve, func(t *testing.T, s Spec) {
				began = time.Now()
				s.Slow = slowly(tt.kind, 1)
				h := start(t, s)
				time.Sleep(time.Duration(len(tt.rest))*time.Second + time.Second/2)
				got := *h.Stop().Slow
				synctest.Wait()
				if want := (rundir.SlowClients{Clients: 1, Kind: tt.kind, Most: 1}); got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
				if pieces[0] != tt.opening || strings.Join(pieces[1:], "") != tt.rest || len(pieces) != 1+len(tt.rest) {
					t.Errorf("got %q, want %q and then, one by one, %q", pieces, tt.opening, tt.rest)
				}
			})
		})
	}
}

// An answer of a head, and 9 kB behind it, takes three reads: at once, and two
// seconds later. A client makes its request again at its next beat.
func TestSlowReadersReadInPieces(t *testing.T) {
	var mu sync.Mutex
	var served []time.Duration
	var began time.Time
	serve := func(c net.Conn) {
		if r, err := http.ReadRequest(bufio.NewReader(c)); err != nil || r.URL.Path != "/large" {
			t.Errorf("request %+v, %v", r, err)
		}
		const head = "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"
		if _, err := io.WriteString(c, head+strings.Repeat("x", 9000)); err == nil {
			mu.Lock()
			defer mu.Unlock()
			served = append(served, time.Since(began))
		}
	}
	virtual(t, serve, func(t *testing.T, s Spec) {
		began = time.Now()
		s.Slow = slowly(scenarios.SlowRead, 1)
		h := start(t, s)
		time.Sleep(8500 * time.Millisecond)
		got := *h.Stop().Slow
		synctest.Wait()
		if want := (rundir.SlowClients{Clients: 1, Kind: scenarios.SlowRead, Served: 3, Most: 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if len(served) != 3 || served[0] != 2*time.Second || served[2] != 8*time.Second {
			t.Errorf("answers were taken after %v, want 2s, 5s and 8s", served)
		}
	})
}

func TestWhatBecomesOfSlowClients(t *testing.T) {
	const refused = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"
	for _, tt := range []struct {
		name, kind      string
		serve           func(net.Conn)
		served, dropped uint64 // in ten seconds, of four clients
	}{
		{"held", scenarios.SlowHeaders, silent, 0, 0},
		{"closed after 100 ms", scenarios.SlowHeaders, closes(100 * time.Millisecond), 0, 40},
		{"closed under a body", scenarios.SlowBody, closes(100 * time.Millisecond), 0, 40},
		{"closed on a reader", scenarios.SlowRead, closes(100 * time.Millisecond), 0, 40},
		{"answered in the headers", scenarios.SlowHeaders, func(c net.Conn) {
			if _, err := bufio.NewReader(c).ReadString('\n'); err == nil {
				_, _ = io.WriteString(c, refused)
			}
		}, 0, 40},
		{"body refused", scenarios.SlowBody, answers(refused), 0, 40},
		{"body not wanted", scenarios.SlowBody, answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), 40, 0},
		{"reader refused", scenarios.SlowRead, answers(refused), 0, 40},
		{"small answer", scenarios.SlowRead, answers("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsmall"), 40, 0},
		// The end of a connection takes a read of its own: two seconds each.
		{"answer cut short", scenarios.SlowRead, answers("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbu"), 0, 20},
		{"up to the end", scenarios.SlowRead, answers("HTTP/1.1 200 OK\r\n\r\nsmall"), 20, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			virtual(t, tt.serve, func(t *testing.T, s Spec) {
				s.Slow = slowly(tt.kind, 4)
				h := start(t, s)
				time.Sleep(2550 * time.Millisecond) // between what happens on the beats and 100 ms after them
				h.Measure()
				time.Sleep(10 * time.Second)
				got := h.Stop().Slow
				if got.Served != tt.served || got.Dropped != tt.dropped || got.Most != 4 && tt.name == "held" {
					t.Errorf("got %+v, want %d served and %d dropped", *got, tt.served, tt.dropped)
				}
				if again := h.Stop().Slow; *again != *got {
					t.Errorf("second Stop says %+v, the first %+v", *again, *got)
				}
			})
		})
	}
}

// Nobody listens: the clients go on trying, on the beat, and never faster than
// the least wait allows.
func TestRefusedSlowClientsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int64
		s := Spec{Network: "tcp", Slow: slowly(scenarios.SlowHeaders, 3), dial: func(context.Context) (net.Conn, error) {
			tries.Add(1)
			return nil, os.NewSyscallError("connect", syscall.ECONNREFUSED)
		}}
		s.Slow.Every = scenarios.Duration(time.Millisecond)
		h := start(t, s)
		time.Sleep(999 * time.Millisecond)
		got := h.Stop().Slow
		if most := int64(3 * (time.Second / leastWait)); tries.Load() > most || tries.Load() < most/2 {
			t.Errorf("%d tries of 3 clients in a second, want no more than %d and not far fewer", tries.Load(), most)
		}
		if got.Dropped != uint64(tries.Load()) || got.Most != 0 {
			t.Errorf("got %+v, want %d dropped", *got, tries.Load())
		}
	})
}

func TestBeats(t *testing.T) {
	now := time.Now()
	b := beats(now, time.Second, 1, 4) // half a second in
	for _, tt := range []struct {
		name      string
		now, want time.Duration
	}{
		{"before the first", 0, 500 * time.Millisecond},
		{"just before", 499 * time.Millisecond, 500 * time.Millisecond},
		{"on it", 500 * time.Millisecond, 1500 * time.Millisecond},
		{"some were missed", 3700 * time.Millisecond, 4500 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := b.next(now.Add(tt.now)).Sub(now); got != tt.want {
				t.Errorf("next(%v) = %v, want %v", tt.now, got, tt.want)
			}
		})
	}
}
