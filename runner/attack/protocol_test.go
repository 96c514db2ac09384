package attack

import (
	"crypto/tls"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sweetspot/scenarios"
)

func TestProtocolNames(t *testing.T) {
	for _, tt := range []struct {
		major, minor int
		tls          uint16
		want         string
	}{
		{1, 0, 0, "HTTP/1.0"},
		{1, 1, 0, "HTTP/1.1"},
		{1, 1, tls.VersionTLS12, "HTTP/1.1 TLS 1.2"},
		{1, 1, tls.VersionTLS13, "HTTP/1.1 TLS 1.3"},
		{2, 0, tls.VersionTLS13, "HTTP/2.0 TLS 1.3"},
		{1, 7, 0, "other HTTP"},
		{3, 0, tls.VersionTLS13, "other HTTP TLS 1.3"},
	} {
		t.Run(tt.want, func(t *testing.T) {
			r := &http.Response{ProtoMajor: tt.major, ProtoMinor: tt.minor}
			if tt.tls != 0 {
				r.TLS = &tls.ConnectionState{Version: tt.tls}
			}
			f := finding{over: protocolOf(r), fault: wrongSum, queued: true, in: 1 << 40, out: 1 << 41}
			record := f.encode()
			if got := decodeFinding(record[:]); got != f {
				t.Errorf("decoded %+v, want %+v", got, f)
			}
			if got := f.over.String(); got != tt.want {
				t.Errorf("name %q, want %q", got, tt.want)
			}
		})
	}
}

// TestNegotiated asks nginx in its access log what was really spoken.
func TestNegotiated(t *testing.T) {
	for _, tt := range []struct {
		name             string
		listen           string // options
		server           string // directives
		encrypted, http2 bool
		want             string // protocol
		logged           string
		faults           string
	}{
		{"plain", "", "", false, false, "HTTP/1.1", "HTTP/1.1 -", ""},
		{"TLS 1.2", "ssl", "ssl_protocols TLSv1.2;", true, false, "HTTP/1.1 TLS 1.2", "HTTP/1.1 TLSv1.2", ""},
		{"TLS 1.3", "ssl", "ssl_protocols TLSv1.2 TLSv1.3;", true, false, "HTTP/1.1 TLS 1.3", "HTTP/1.1 TLSv1.3", ""},
		{"HTTP/2 on TLS 1.2", "ssl http2", "ssl_protocols TLSv1.2;", true, true, "HTTP/2.0 TLS 1.2", "HTTP/2.0 TLSv1.2", ""},
		{"HTTP/2 on TLS 1.3", "ssl http2", "ssl_protocols TLSv1.3;", true, true, "HTTP/2.0 TLS 1.3", "HTTP/2.0 TLSv1.3", ""},
		{"HTTP/2 not asked for", "ssl http2", "ssl_protocols TLSv1.3;", true, false, "HTTP/1.1 TLS 1.3", "HTTP/1.1 TLSv1.3", ""},
		{"HTTP/2 not spoken", "ssl", "ssl_protocols TLSv1.3;", true, true, "HTTP/1.1 TLS 1.3", "HTTP/1.1 TLSv1.3", "HTTP/1.1 instead of HTTP/2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, stop := nginxSpec(t, tt.listen, tt.server, tt.encrypted)
			s.HTTP2 = tt.http2
			l := mustRun(t, s)
			checkFaults(t, l, tt.faults, "200")
			if want := map[string]uint64{tt.want: l.Load.Sent}; !maps.Equal(l.Load.Protocols, want) {
				t.Errorf("protocols %v, want %v", l.Load.Protocols, want)
			}
			lines := stop()
			if uint64(len(lines)) != l.Load.Sent {
				t.Errorf("nginx logged %d requests, want %d", len(lines), l.Load.Sent)
			}
			used := map[string]bool{}
			for _, line := range lines {
				if !strings.Contains(line, `" 200 `+tt.logged+" ") {
					t.Fatalf("nginx logged %q, want %q", line, tt.logged)
				}
				used[line[strings.LastIndexByte(line, ' '):]] = true
			}
			if tt.http2 && tt.faults == "" && (len(used) != s.Connections || l.Load.Redials != uint64(s.Connections)) {
				t.Errorf("%d connections opened, %d used, want %d", l.Load.Redials, len(used), s.Connections)
			}
			if uint64(len(used)) > l.Load.Redials {
				t.Errorf("%d connections opened, %d used", l.Load.Redials, len(used))
			}
		})
	}
}

// nginxSpec starts nginx with one server and returns an attack on it, with a
// certificate made for it when it is encrypted.
func nginxSpec(t *testing.T, listen, server string, encrypted bool) (s Spec, stop func() []string) {
	t.Helper()
	dir := t.TempDir()
	if encrypted {
		certificate, client := newCertificate(t, time.Now().Add(time.Hour))
		file := filepath.Join(dir, "server.pem")
		if err := os.WriteFile(file, pemOf(t, certificate), 0o600); err != nil {
			t.Fatal(err)
		}
		server += fmt.Sprintf(" ssl_certificate %[1]s; ssl_certificate_key %[1]s;", file)
		s.TLS = client
	}
	socket := filepath.Join(dir, "nginx.sock")
	block := fmt.Sprintf("server { listen unix:%s %s; %s location / { return 200 yes; } }\n", socket, listen, server)
	stop = startNginx(t, dir, block, socket)
	s.Network, s.Address, s.Host = "unix", socket, certified
	s.Connections, s.Duration, s.Timeout, s.MaxHits = 8, time.Minute, 20*time.Second, 400
	r := page
	r.Expect = scenarios.Expect{Contains: "yes"}
	return s.requests(r), stop
}
