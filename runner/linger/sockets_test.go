package linger

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"sweetspot/scenarios"
)

func TestWebSocketsEchoOnTheBeat(t *testing.T) {
	var mu sync.Mutex
	var came []time.Duration // of every message, within its period
	var began time.Time
	serve := websockets(func(s webSocket, n int, op byte, payload []byte) bool {
		mu.Lock()
		came = append(came, time.Since(began)%(5*time.Second))
		mu.Unlock()
		time.Sleep(30 * time.Millisecond)
		return echo(s, n, op, payload)
	})
	virtual(t, serve, func(t *testing.T, s Spec) {
		began = time.Now()
		s.WebSockets = sockets100
		h := start(t, s)
		time.Sleep(6040 * time.Millisecond) // when no message is under way
		h.Measure()
		time.Sleep(20 * time.Second)
		synctest.Wait()
		got := h.Stop().WebSockets
		sums(t, got)
		if got.Held != 100 || got.Wrong != 0 || len(got.Refusals) != 0 {
			t.Errorf("got %+v, want all 100 held and no echo wrong", *got)
		}
		if e := got.Echo; e.Count != 400 || e.P50.Round(time.Millisecond) != 30*time.Millisecond || e.Max.Round(time.Millisecond) != 30*time.Millisecond {
			t.Errorf("echoes %+v, want 400 of 30 ms: 100 connections, every 5 s, 20 s measured", e)
		}
		slices.Sort(came)
		if spread := slices.Compact(came); len(spread) != 100 || spread[1]-spread[0] != 50*time.Millisecond {
			t.Errorf("messages left at %d times of a period, want 100, 50 ms apart", len(spread))
		}
		if again := h.Stop().WebSockets; again.Held != got.Held || again.Echo != got.Echo {
			t.Errorf("second Stop says %+v, the first %+v", *again, *got)
		}
	})
}

func TestRefusedWebSockets(t *testing.T) {
	const wrongAccept = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: c3dlZXRzcG90\r\n\r\n"
	for _, tt := range []struct {
		name  string
		serve func(net.Conn)
		want  string
	}{
		{"not found", answers("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), "status 404"},
		{"a page", answers("HTTP/1.0 200 OK\r\n\r\nhello"), "status 200"},
		{"another key", answers(wrongAccept), "wrong handshake"},
		{"another protocol", answers(strings.Replace(wrongAccept, "websocket", "h2c", 1)), "wrong handshake"},
		{"closed", answers(""), "closed without an answer"},
		{"closed in the head", answers("HTTP/1.1 101 Switching"), "closed without an answer"},
		{"not HTTP", answers("220 mail ready\r\n\r\n"), "malformed response"},
		{"never answered", silent, "timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			virtual(t, tt.serve, func(t *testing.T, s Spec) {
				s.WebSockets = sockets100
				got := start(t, s).Stop().WebSockets
				sums(t, got)
				if want := map[string]int{tt.want: 100}; !maps.Equal(got.Refusals, want) {
					t.Errorf("refusals %v, want %v", got.Refusals, want)
				}
			})
		})
	}
}

func TestUnreachableWebSockets(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"nobody listens", os.NewSyscallError("connect", syscall.ECONNREFUSED), "connection refused"},
		{"queue full", os.NewSyscallError("connect", syscall.EAGAIN), "listen queue full"},
		{"reset", os.NewSyscallError("connect", syscall.ECONNRESET), "connection reset"},
		{"no socket file", os.NewSyscallError("connect", syscall.ENOENT), "no such file or directory"},
		{"timeout", os.ErrDeadlineExceeded, "timeout"},
		{"anything else", errors.New("at 127.0.0.1:45678"), "other error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := start(t, Spec{Network: "tcp", WebSockets: sockets100, dial: func(context.Context) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: tt.err}
			}}).Stop().WebSockets
			sums(t, got)
			if want := map[string]int{tt.want: 100}; !maps.Equal(got.Refusals, want) {
				t.Errorf("refusals %v, want %v", got.Refusals, want)
			}
		})
	}
}

// A stack that answers nobody must not take the timeout of every handshake in
// turn.
func TestSilentStackIsGivenUp(t *testing.T) {
	virtual(t, silent, func(t *testing.T, s Spec) {
		s.WebSockets = &scenarios.WebSockets{Connections: 10_000, Path: "/"}
		s.Timeout = 3 * time.Second
		began := time.Now()
		got := start(t, s).Stop().WebSockets
		if took := time.Since(began); took > 2*s.Timeout || got.Refusals["timeout"] != 10_000 {
			t.Errorf("took %v, refusals %v: want all 10000 timed out within two timeouts", took, got.Refusals)
		}
	})
}

// What a server may do to a connection that sends a message every 5 s, for 24 s.
func TestConversation(t *testing.T) {
	half := func(b []byte) ([]byte, []byte) { return b[:len(b)/2], b[len(b)/2:] }
	for _, tt := range []struct {
		name   string
		handle func(s webSocket, n int, op byte, payload []byte) bool
		echoes int64
		wrong  uint64
		held   int
	}{
		{"echo", echo, 4, 0, 1},
		{"wrong", func(s webSocket, _ int, _ byte, p []byte) bool { return s.send(0x80|text, append(p, '!')) }, 4, 4, 1},
		{"the one before", func() func(webSocket, int, byte, []byte) bool {
			last := []byte("hello")
			return func(s webSocket, _ int, _ byte, p []byte) bool {
				message := last
				last = p
				return s.send(0x80|text, message)
			}
		}(), 2, 2, 1}, // the first is wrong at once; the second is waited for, 10 s, through the third's time
		{"never", func(webSocket, int, byte, []byte) bool { return true }, 1, 1, 1},
		{"dropped after two", func(s webSocket, n int, op byte, p []byte) bool { return n < 2 && echo(s, n, op, p) }, 2, 0, 0},
		{"close frame after two", func(s webSocket, n int, op byte, p []byte) bool {
			if op == text && n == 2 {
				return s.send(0x80|closing, []byte{0x03, 0xE8})
			}
			return echo(s, n, op, p)
		}, 2, 0, 0},
		{"unasked before and after", func(s webSocket, _ int, _ byte, p []byte) bool {
			return s.send(0x80|text, p) && s.send(0x80|text, bytes.Repeat([]byte("news "), 20_000)) && s.send(0x80|pong, nil)
		}, 4, 0, 1},
		{"in fragments, a ping between", func(s webSocket, _ int, op byte, p []byte) bool {
			a, b := half(p)
			return op != text || s.send(text, a) && s.send(0x80|ping, []byte("alive?")) && s.send(0x80|continuation, b)
		}, 4, 0, 1},
		{"byte by byte", func(s webSocket, _ int, op byte, p []byte) bool {
			for _, c := range serverFrame(0x80|text, p) {
				if _, err := s.Write([]byte{c}); err != nil {
					return false
				}
			}
			return true
		}, 4, 0, 1},
		{"masked", func(s webSocket, _ int, _ byte, p []byte) bool {
			_, err := s.Write(appendFrame(nil, text, p))
			return err == nil
		}, 0, 0, 0},
		{"endless", func(s webSocket, _ int, _ byte, p []byte) bool {
			_, err := s.Write([]byte{0x80 | text, 127, 0x7F, 0, 0, 0, 0, 0, 0, 0})
			return err == nil
		}, 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			virtual(t, websockets(tt.handle), func(t *testing.T, s Spec) {
				s.WebSockets = &scenarios.WebSockets{Connections: 1, Path: "/"}
				h := start(t, s)
				time.Sleep(24 * time.Second)
				got := h.Stop().WebSockets
				sums(t, got)
				if got.Echo.Count != tt.echoes || got.Wrong != tt.wrong || got.Held != tt.held {
					t.Errorf("echoes %d, wrong %d, held %d; want %d, %d, %d",
						got.Echo.Count, got.Wrong, got.Held, tt.echoes, tt.wrong, tt.held)
				}
			})
		})
	}
}

func TestPingsAreAnswered(t *testing.T) {
	var got []byte
	serve := func(c net.Conn) {
		s, err := upgraded(c)
		if err == nil && s.send(0x80|ping, []byte("alive?")) {
			_, got, _ = s.read()
		}
		silent(c)
	}
	virtual(t, serve, func(t *testing.T, s Spec) {
		s.WebSockets = &scenarios.WebSockets{Connections: 1, Path: "/", Every: scenarios.Duration(time.Hour)}
		h := start(t, s)
		synctest.Wait()
		if held := h.Stop().WebSockets.Held; string(got) != "alive?" || held != 1 {
			t.Errorf("pong %q, held %d; want the ping's payload and 1", got, held)
		}
	})
}

// An echo that the end of the attack found unanswered counts once the next was
// due: else a stack that hangs would look quick.
func TestEchoOutstandingAtTheEnd(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after time.Duration // of the end, from the start; messages leave every second
		wrong uint64
	}{
		{"young", 1500 * time.Millisecond, 0},
		{"old", 2500 * time.Millisecond, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			virtual(t, websockets(func(webSocket, int, byte, []byte) bool { return true }), func(t *testing.T, s Spec) {
				s.WebSockets = &scenarios.WebSockets{Connections: 1, Path: "/", Every: scenarios.Duration(time.Second)}
				h := start(t, s)
				time.Sleep(tt.after)
				if got := h.Stop().WebSockets; got.Wrong != tt.wrong || got.Echo.Count != int64(tt.wrong) || got.Held != 1 {
					t.Errorf("got %+v, want %d wrong and 1 held", *got, tt.wrong)
				}
			})
		})
	}
}

func TestMemoryOfWebSockets(t *testing.T) {
	var open int
	var mu sync.Mutex
	serve := func(c net.Conn) {
		if _, err := upgraded(c); err == nil {
			mu.Lock()
			open++
			mu.Unlock()
			silent(c)
		}
	}
	virtual(t, serve, func(t *testing.T, s Spec) {
		s.WebSockets = sockets100
		s.Memory = func() (uint64, error) {
			synctest.Wait()
			return uint64(1000 + open), nil
		}
		if got := start(t, s).Stop().WebSockets; got.BytesBefore != 1000 || got.BytesAfter != 1100 {
			t.Errorf("%d and %d bytes, want 1000 before the connections and 1100 after", got.BytesBefore, got.BytesAfter)
		}
	})
	gone := errors.New("no such process")
	for calls := range 2 {
		virtual(t, serve, func(t *testing.T, s Spec) {
			s.WebSockets = sockets100
			s.Memory = func() (uint64, error) {
				if calls--; calls < 0 {
					return 0, gone
				}
				return 1, nil
			}
			if _, err := Start(t.Context(), s); !errors.Is(err, gone) {
				t.Errorf("got %v, want %v", err, gone)
			}
		})
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	virtual(t, silent, func(t *testing.T, s Spec) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		s.WebSockets = sockets100
		began := time.Now()
		if _, err := Start(ctx, s); !errors.Is(err, context.Canceled) || time.Since(began) != time.Second {
			t.Errorf("ended after %v with %v, want after 1s with %v", time.Since(began), err, context.Canceled)
		}
	})
}

func TestMachineOutOfFilesOrPorts(t *testing.T) {
	for _, tt := range []struct {
		name   string
		err    syscall.Errno
		remedy string
	}{
		{"files", syscall.EMFILE, "ulimit -n"},
		{"ports", syscall.EADDRNOTAVAIL, "net.ipv4.ip_local_port_range"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			virtual(t, func(c net.Conn) { _, _ = upgraded(c); silent(c) }, func(t *testing.T, s Spec) {
				connect, left := s.dial, make(chan struct{}, 30)
				s.dial = func(ctx context.Context) (net.Conn, error) {
					select {
					case left <- struct{}{}:
						return connect(ctx)
					default:
						return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", tt.err)}
					}
				}
				sockets, slow := s, s
				sockets.WebSockets = sockets100
				slow.Slow = &scenarios.Slow{Clients: 40, Kind: scenarios.SlowHeaders}
				for _, s := range []Spec{sockets, slow} {
					if _, err := Start(t.Context(), s); err == nil || !strings.Contains(err.Error(), tt.remedy) {
						t.Errorf("got %v, want an error that names %s", err, tt.remedy)
					}
				}
			})
		})
	}
}

func TestFaultySpecs(t *testing.T) {
	for _, tt := range []struct {
		name string
		spec Spec
		want string
	}{
		{"network", Spec{Network: "udp"}, `network "udp": want tcp or unix`},
		{"timeout", Spec{Network: "tcp", Timeout: -1}, "want above 0"},
		{"kind", Spec{Network: "tcp", Slow: &scenarios.Slow{Clients: 1, Kind: "feet"}}, `kind of slow clients "feet": want headers, body or read`},
		{"no clients", Spec{Network: "tcp", Slow: &scenarios.Slow{Kind: scenarios.SlowRead}}, "0 slow clients: want at least 1"},
		{"no sockets", Spec{Network: "tcp", WebSockets: &scenarios.WebSockets{Path: "/"}}, "0 WebSockets: want at least 1"},
		{"no path", Spec{Network: "tcp", WebSockets: &scenarios.WebSockets{Connections: 1}}, "name an endpoint that echoes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Start(t.Context(), tt.spec); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(serverFrame(0x80|text, []byte("hello")))
	f.Add(append(serverFrame(text, make([]byte, 126)), serverFrame(0x80, make([]byte, 70_000))...))
	f.Add(append(serverFrame(0x80|ping, make([]byte, 200)), 0x88, 0))
	f.Fuzz(func(t *testing.T, in []byte) {
		frame, n, err := parse(in)
		if n > len(in) || len(frame.payload) > n || err != nil && n != 0 {
			t.Fatalf("frame of %d bytes with a payload of %d in %d, %v", n, len(frame.payload), len(in), err)
		}
		if n > 0 && !bytes.HasSuffix(in[:n], frame.payload) {
			t.Errorf("payload % x is not the end of frame % x", frame.payload, in[:n])
		}
		client, server := net.Pipe()
		go func() {
			_, _ = server.Write(in)
			server.Close()
		}()
		go func() { _, _ = io.Copy(io.Discard, server) }()
		s := &session{link: link{client, client}}
		for err = nil; err == nil; {
			_, err = s.receive()
		}
		client.Close()
	})
}
