package attack

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sweetspot/scenarios"
)

// closeAfter ends an answer after which the server closes the connection.
const closeAfter = "\x00"

// Both clients find the same in an answer, and use its connection again in the
// same cases.
func TestConformance(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for _, tt := range []struct {
		name   string
		method string
		answer string // of every request
		body   int    // bytes of it
		want   string // fault
		status string
		kept   bool // the connection is used again
	}{
		{"length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes", 3, "", "200", true},
		{"names in any case", "GET", "HTTP/1.1 200 OK\r\ncONTENT-lENGTH:3\r\n\r\nyes", 3, "", "200", true},
		{"nothing", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, "", "200", true},
		{"long", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + long, 100_000, "", "200", true},
		{"no reason", "GET", "HTTP/1.1 200\r\nContent-Length: 3\r\n\r\nyes", 3, "", "200", true},
		{"bare line feeds", "GET", "HTTP/1.1 200 OK\nContent-Length: 3\n\nyes", 3, "", "200", true},
		{"folded header", "GET", "HTTP/1.1 200 OK\r\nX-Long: a\r\n b\r\nContent-Length: 3\r\n\r\nyes", 3, "", "200", true},
		{"many headers", "GET", "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: "+long[:90]+"\r\n", 300) + "Content-Length: 3\r\n\r\nyes", 3, "", "200", true},
		{"one long header", "GET", "HTTP/1.1 200 OK\r\nX-A: " + long + "\r\nContent-Length: 3\r\n\r\nyes", 3, "", "200", true},
		{"chunked", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n2;a=b\r\n!!\r\n0\r\n\r\n", 5, "", "200", true},
		{"chunked, nothing", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, "", "200", true},
		{"chunked, trailer", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\nX-Sum: 1\r\n\r\n", 3, "", "200", true},
		{"chunked, long", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n" + long + "\r\n0\r\n\r\n", 100_000, "", "200", true},
		{"chunked and a length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n", 3, "", "200", true},
		{"to the end", "GET", "HTTP/1.1 200 OK\r\n\r\nyes" + closeAfter, 3, "", "200", false},
		{"HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nyes" + closeAfter, 3, "", "200", false},
		{"HTTP/1.0, kept", "GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nyes", 3, "", "200", true},
		{"announced end", "GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nyes" + closeAfter, 3, "", "200", false},
		{"announced among others", "GET", "HTTP/1.1 200 OK\r\nConnection: Foo, Close\r\nContent-Length: 3\r\n\r\nyes" + closeAfter, 3, "", "200", false},
		{"HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", 0, "", "200", true},
		{"HEAD of chunks", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0, "", "200", true},
		{"no content", "GET", "HTTP/1.1 204 No Content\r\n\r\n", 0, "status 204", "204", true},
		{"not modified", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", 0, "status 304", "304", true},
		{"redirect", "GET", "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 3\r\n\r\nyes", 3, "status 302", "302", true},
		{"server error", "GET", "HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\nyes", 3, "status 500", "500", true},
		{"after interim ones", "GET", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes", 3, "", "200", true},
		{"POST", "POST", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes", 3, "", "200", true},

		{"truncated", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nyes" + closeAfter, 3, "truncated body", "200", false},
		{"truncated chunk", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nyes" + closeAfter, 3, "truncated body", "200", false},
		{"no last chunk", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n" + closeAfter, 3, "truncated body", "200", false},
		{"not a chunk", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nyes\r\n", 0, "malformed response", "200", false},
		{"chunk without its end", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes!!0\r\n\r\n", 3, "malformed response", "200", false},
		{"two lengths", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nyes", 0, "malformed response", "0", false},
		{"not a length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nyes", 0, "malformed response", "0", false},
		{"unknown encoding", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\nyes", 0, "malformed response", "0", false},
		{"no HTTP", "GET", "SSH-2.0-OpenSSH\r\n\r\n", 0, "malformed response", "0", false},
		{"no status", "GET", "HTTP/1.1 OK\r\n\r\n", 0, "malformed response", "0", false},
		{"no colon", "GET", "HTTP/1.1 200 OK\r\nHello\r\n\r\n", 0, "malformed response", "0", false},
		{"control character", "GET", "HTTP/1.1 200 OK\r\nX-A: \x01\r\nContent-Length: 3\r\n\r\nyes", 0, "malformed response", "0", false},
		{"cut in the headers", "GET", "HTTP/1.1 200 OK\r\nContent-Le" + closeAfter, 0, "malformed response", "0", false},
		{"nothing at all", "GET", closeAfter, 0, "connection closed without an answer", "0", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, by := range []struct {
				network string
				pieces  int // bytes that the server writes at once; 0: all
			}{{"tcp", 0}, {"unix", 0}, {"tls", 0}, {"tcp", 1}} {
				if by.pieces > 0 && len(tt.answer) > 1000 {
					continue
				}
				for _, standard := range []bool{false, true} {
					name := fmt.Sprintf("%s, pieces of %d, net/http %v", by.network, by.pieces, standard)
					const hits = 3
					s, connections := scripted(t, by.network, tt.answer, by.pieces)
					s.Connections, s.Duration, s.MaxHits, s.Timeout, s.Standard = 1, time.Minute, hits, 5*time.Second, standard
					request := page
					request.Method = tt.method
					if tt.method == http.MethodPost {
						request.Body = "a=b"
					}
					res := mustRun(t, s.requests(request))
					all := res.Load.Classes[scenarios.All]
					fault := ""
					for name := range all.Faults {
						fault = name
					}
					status := ""
					for code := range all.Statuses {
						status = code
					}
					if fault != tt.want || status != tt.status || all.Sent != hits || len(all.Faults) > 1 {
						t.Errorf("%s: %d sent, statuses %v, faults %v; want %s and %q", name, all.Sent, all.Statuses, all.Faults, tt.status, tt.want)
					}
					if got := all.Bytes; tt.status != "0" && got != uint64(hits*tt.body) {
						t.Errorf("%s: %d bytes of bodies, want %d", name, got, hits*tt.body)
					}
					want := hits
					if tt.kept {
						want = 1
					}
					if got := connections(); got != want {
						t.Errorf("%s: %d connections for %d requests, want %d", name, got, hits, want)
					}
				}
			}
		})
	}
}

// scripted is a server that gives every request the same bytes. connections
// counts those it has accepted; it may be called when the attack is over.
func scripted(t *testing.T, network, text string, pieces int) (s Spec, connections func() int) {
	t.Helper()
	at := "127.0.0.1:0"
	if s.Network = network; network == "unix" {
		at = filepath.Join(t.TempDir(), "s")
	}
	if network == "tls" {
		s.Network = "tcp"
	}
	l, err := net.Listen(s.Network, at)
	if err != nil {
		t.Fatal(err)
	}
	s.Address = l.Addr().String()
	if network == "tls" {
		certificate, client := newCertificate(t, time.Now().Add(time.Hour))
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"http/1.1"}})
		s.TLS = client
	}
	text, last := strings.CutSuffix(text, closeAfter)
	accepted := 0
	counted := make(chan int)
	go func() {
		defer close(counted)
		for {
			c, err := l.Accept()
			if err != nil {
				counted <- accepted
				return
			}
			accepted++
			go answerAll(c, text, pieces, last)
		}
	}()
	return s, func() int { l.Close(); return <-counted }
}

// answerAll answers the requests of a connection.
func answerAll(c net.Conn, text string, pieces int, last bool) {
	defer c.Close()
	for in := bufio.NewReader(c); ; {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		for rest := text; len(rest) > 0; {
			n := len(rest)
			if pieces > 0 {
				n = pieces
				time.Sleep(50 * time.Microsecond)
			}
			if _, err := io.WriteString(c, rest[:n]); err != nil {
				return
			}
			rest = rest[n:]
		}
		if last {
			return
		}
	}
}

// The lean client sends what net/http sends.
func TestRequestsOnTheWire(t *testing.T) {
	for _, tt := range []struct {
		name    string
		request scenarios.Request
		per     int
	}{
		{"plain", page, 0},
		{"announced end", page, 1},
		{"headers", scenarios.Request{Name: "a", Method: "GET", Path: "/", Headers: map[string]string{"x-b": "2", "Accept": "a", "Cookie": "s=1", "Host": "other.test"}}, 0},
		{"form", scenarios.Request{Name: "a", Method: "POST", Path: "/", Headers: map[string]string{"Content-Type": "text/plain", "User-Agent": "me"}, Body: "a=b"}, 0},
		{"POST of nothing", scenarios.Request{Name: "a", Method: "POST", Path: "/"}, 0},
		{"DELETE", scenarios.Request{Name: "a", Method: "DELETE", Path: "/"}, 0},
		{"PATCH", scenarios.Request{Name: "a", Method: "PATCH", Path: "/", Body: "x"}, 0},
		{"HEAD", scenarios.Request{Name: "a", Method: "HEAD", Path: "/"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var sent [2]string
			for i, standard := range []bool{false, true} {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				got := make(chan string, 1)
				accepting(t, l, func(c net.Conn) {
					b := make([]byte, 4096)
					n, _ := io.ReadAtLeast(c, b, 1)
					for !strings.Contains(string(b[:n]), "\r\n\r\n"+tt.request.Body) {
						m, err := c.Read(b[n:])
						if n += m; err != nil {
							break
						}
					}
					got <- string(b[:n])
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
				})
				s := Spec{
					Network: "tcp", Address: l.Addr().String(), Host: "shop.test", Connections: 1, MaxHits: 1, PerConnection: tt.per,
					Duration: time.Minute, Timeout: 20 * time.Second, Standard: standard,
				}.requests(tt.request)
				if all := mustRun(t, s).Load.Classes[scenarios.All]; all.Good != 1 {
					t.Fatalf("faults %v", all.Faults)
				}
				sent[i] = <-got
			}
			if a, b := sortedLines(sent[0]), sortedLines(sent[1]); a != b {
				t.Errorf("the lean client sends\n%s\nnet/http sends\n%s", strconv.Quote(a), strconv.Quote(b))
			}
		})
	}
}

// sortedLines sorts the headers of a request, whose order means nothing.
func sortedLines(request string) string {
	head, body, _ := strings.Cut(request, "\r\n\r\n")
	first, headers, _ := strings.Cut(head, "\r\n")
	lines := strings.Split(headers, "\r\n")
	slices.Sort(lines)
	return first + "\n" + strings.Join(lines, "\n") + "\n\n" + body
}
