package attack

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sweetspot/scenarios"
)

func TestEveryTransportGivesUpItsShareOfConnections(t *testing.T) {
	for _, spread := range []uint64{1, 2, 32} {
		for _, per := range []uint64{1, 2, 10, 32, 1000} {
			c := standard{spread: make([]*http.Transport, spread), per: per}
			const rounds = 3
			lasts := make([]uint64, spread)
			together := make([]uint64, per*rounds) // by hit of the transports
			for seq := range spread * per * rounds {
				if c.last(seq) {
					lasts[seq%spread]++
					together[seq/spread]++
				}
			}
			if n := slices.Max(together); n > (spread+per-1)/per {
				t.Errorf("%d of %d transports give up their connections together, of %d hits each", n, spread, per)
			}
			for i, n := range lasts {
				if n != rounds {
					t.Errorf("transport %d of %d: %d of %d hits end a connection, want %d", i, spread, n, per*rounds, rounds)
				}
			}
		}
	}
}

// counter counts what a server sees of connections.
type counter struct {
	opened, closing, requests atomic.Uint64
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.requests.Add(1)
	if r.Close {
		c.closing.Add(1)
	}
	answer("yes")(w, r)
}

func (c *counter) state(_ net.Conn, s http.ConnState) {
	if s == http.StateNew {
		c.opened.Add(1)
	}
}

func TestPerConnection(t *testing.T) {
	const hits = 1000
	for _, tt := range []struct {
		name        string
		per         int
		connections int
		http2       bool
		closing     uint64 // requests that announce it; HTTP/2 has no such header
		least, most uint64 // connections opened
	}{
		{"any number", 0, 1, false, 0, 1, 1},
		{"one", 1, 4, false, hits, hits, hits},
		{"ten in turn", 10, 1, false, 100, 100, 100},
		{"ten in the mean", 10, 8, false, 100, 100, 108},
		{"ten in the mean, HTTP/2", 10, 8, true, 0, 60, 108},
		{"one, HTTP/2", 1, 8, true, 0, 200, hits + 8},
		{"any number, HTTP/2", 0, 8, true, 0, 8, 8},
		{"as many connections as transports", 0, 40, true, 0, maxSpread, maxSpread},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var seen counter
			certificate, client := newCertificate(t, time.Now().Add(time.Hour))
			s := Spec{
				Network: "tcp", Connections: tt.connections, PerConnection: tt.per, HTTP2: tt.http2, TLS: client,
				Duration: time.Minute, MaxHits: hits, Timeout: 20 * time.Second,
			}.requests(page)
			s.Address = serve(t, &http.Server{Handler: &seen, ConnState: seen.state,
				TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2", "http/1.1"}}})
			l := mustRun(t, s).Load
			if all := l.Classes[scenarios.All]; all.Good != hits || seen.requests.Load() != hits {
				t.Errorf("good %d, served %d, want %d: %v", all.Good, seen.requests.Load(), hits, all.Faults)
			}
			if n := seen.closing.Load(); n != tt.closing {
				t.Errorf("%d requests announced the end of their connection, want %d", n, tt.closing)
			}
			if l.Redials < tt.least || l.Redials > tt.most {
				t.Errorf("%d connections opened, want %d to %d", l.Redials, tt.least, tt.most)
			}
			if n := seen.opened.Load(); n > l.Redials || n < tt.least {
				t.Errorf("server saw %d connections, want %d", n, l.Redials)
			}
		})
	}
}

func TestRedialsAreThoseOfTheMeasuredPart(t *testing.T) {
	for _, tt := range []struct {
		name string
		per  int
		want uint64
	}{
		{"kept since the warm-up", 0, 0},
		{"every second", 100, 3},
		{"every hit", 1, 300},
	} {
		t.Run(tt.name, func(t *testing.T) {
			virtual(t, answer("yes"), func(t *testing.T, run func(context.Context, Spec) Result) {
				l := run(t.Context(), Spec{
					Arrivals: scenarios.Constant, Rate: 100, PerConnection: tt.per,
					Warmup: 2 * time.Second, Duration: 3 * time.Second, Timeout: time.Second,
				}.requests(page)).Load
				if l.Redials != tt.want || l.Sent != 300 {
					t.Errorf("%d connections opened, %d sent, want %d, 300", l.Redials, l.Sent, tt.want)
				}
			})
		})
	}
}

// A connection that the server closes under a request, before a byte of the
// answer, fails that request, unless sending it again does no harm; that is
// counted.
func TestRequestsSentAgain(t *testing.T) {
	for _, tt := range []struct {
		name         string
		method       string
		standard     bool
		good, resent uint64
		served       uint64
	}{
		{"safe", http.MethodGet, false, 100, 99, 199},
		{"not safe", http.MethodPost, false, 50, 0, 100},
		{"net/http", http.MethodGet, true, 50, 0, 100},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var served atomic.Uint64
			var second sync.Map // connections that have answered
			handler := func(w http.ResponseWriter, r *http.Request) {
				served.Add(1)
				if _, again := second.LoadOrStore(r.RemoteAddr, true); again {
					panic(http.ErrAbortHandler)
				}
				answer("yes")(w, r)
			}
			request := page
			request.Method = tt.method
			s := Spec{
				Network: "tcp", Address: listen(t, handler), Connections: 1, Standard: tt.standard,
				Duration: time.Minute, MaxHits: 100, Timeout: 20 * time.Second,
			}.requests(request)
			l := mustRun(t, s).Load
			all := l.Classes[scenarios.All]
			if all.Sent != 100 || served.Load() != tt.served || all.Good != tt.good || all.Faults[stale.String()] != 100-tt.good || l.Resent != tt.resent {
				t.Errorf("sent %d, served %d, good %d, sent again %d, faults %v; want 100, %d, %d, %d, %d × %s",
					all.Sent, served.Load(), all.Good, l.Resent, all.Faults, tt.served, tt.good, tt.resent, 100-tt.good, stale)
			}
		})
	}
}

func TestHost(t *testing.T) {
	var host atomic.Value
	handler := func(_ http.ResponseWriter, r *http.Request) { host.Store(r.Host) }
	plain := listen(t, handler)
	encrypted, client := listenTLS(t, handler, "h2", "http/1.1")
	for _, tt := range []struct {
		name   string
		change func(*Spec)
		want   string
		fault  string
	}{
		{"address", func(s *Spec) {}, plain, ""},
		{"given", func(s *Spec) { s.Host = "shop.test:81" }, "shop.test:81", ""},
		{"of the request", func(s *Spec) {
			s.Host = "shop.test"
			s.Requests[0].Headers = map[string]string{"Host": "other.test"}
		}, "other.test", ""},
		{"verified address", func(s *Spec) { s.Address, s.TLS = encrypted, client }, encrypted, ""},
		{"verified", func(s *Spec) { s.Address, s.TLS, s.Host = encrypted, client, certified+":443" }, certified + ":443", ""},
		{"verified over HTTP/2", func(s *Spec) { s.Address, s.TLS, s.Host, s.HTTP2 = encrypted, client, certified, true }, certified, ""},
		{"not the certificate's", func(s *Spec) { s.Address, s.TLS, s.Host = encrypted, client, "shop.test" },
			"", "certificate for another host"},
		{"not what is verified", func(s *Spec) {
			s.Address, s.TLS, s.Host = encrypted, client.Clone(), "shop.test"
			s.TLS.ServerName = certified
		}, "shop.test", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			host.Store("")
			s := burst.requests(page)
			s.Address = plain
			tt.change(&s)
			status := "200"
			if tt.fault != "" {
				status = "0"
			}
			checkFaults(t, mustRun(t, s), tt.fault, status)
			if got := host.Load(); got != tt.want {
				t.Errorf("host %q, want %q", got, tt.want)
			}
		})
	}
}
