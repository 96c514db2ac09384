package scenarios

import (
	"slices"
	"testing"
)

func TestTargetAddress(t *testing.T) {
	for _, tt := range []struct {
		name, target, network, address, host string
		tls                                  bool
	}{
		{"no target", "", "", "", "", false},
		{"a port", "http://127.0.0.1:8000", "tcp", "127.0.0.1:8000", "127.0.0.1:8000", false},
		{"HTTP's own port", "http://localhost/", "tcp", "localhost:80", "localhost", false},
		{"HTTPS's own port", "https://shop.example", "tcp", "shop.example:443", "shop.example", true},
		{"TLS at another port", "https://shop.example:8443/", "tcp", "shop.example:8443", "shop.example:8443", true},
		{"IPv6", "http://[::1]:8000", "tcp", "[::1]:8000", "[::1]:8000", false},
		{"IPv6 without a port", "https://[::1]", "tcp", "[::1]:443", "[::1]", true},
	} {
		s := Scenario{Target: tt.target}
		network, address, host, tls := s.TargetAddress()
		if network != tt.network || address != tt.address || host != tt.host || tls != tt.tls {
			t.Errorf("%s: got %q %q %q %v, want %q %q %q %v", tt.name, network, address, host, tls, tt.network, tt.address, tt.host, tt.tls)
		}
	}
}

func TestParseTargetRefuses(t *testing.T) {
	const hint = ": write scheme, host and port, as http://127.0.0.1:8000"
	for _, tt := range []struct{ target, want string }{
		{"127.0.0.1:8000", `"127.0.0.1:8000" is not the address of a server` + hint},
		{"localhost:8000", `"localhost:8000" is not the address of a server` + hint},
		{"http://a b", `"http://a b" is not the address of a server` + hint},
		{"http://ä", `"http://ä" is not the address of a server` + hint},
		{"http://a/#top", `"http://a/#top" is not the address of a server` + hint},
		{"http://a:x", `"http://a:x" is not the address of a server` + hint},
		{"ftp://a", `"ftp://a" does not begin with http:// or https://` + hint},
		{"HTTP://a", `"HTTP://a" does not begin with http:// or https://` + hint},
		{"http://:80", `"http://:80" names no host` + hint},
		{"http://a:0", `"http://a:0" has no port from 1 to 65535` + hint},
		{"http://a:", `"http://a:" has no port from 1 to 65535` + hint},
		{"http://a:65536", `"http://a:65536" has no port from 1 to 65535` + hint},
		{"http://u:p@a", `"http://u:p@a" holds a user: send an Authorization header with the requests instead`},
		{"http://a/shop/", `"http://a/shop/" holds a path: write paths in traffic.requests; the target ends at the port`},
		{"http://a?q=1", `"http://a?q=1" holds a query: write it in the paths of traffic.requests`},
		{"http://a/?", `"http://a/?" holds a query: write it in the paths of traffic.requests`},
	} {
		if u, err := parseTarget(tt.target); message(err) != tt.want {
			t.Errorf("parseTarget(%q) = %v, %q; want %q", tt.target, u, message(err), tt.want)
		}
	}
}

func TestCellsOfTarget(t *testing.T) {
	for _, tt := range []struct{ name, matrix, want string }{
		{"as given", "matrix: {workers: 4, threads: 2}\n", "server=target/proxy=direct/workers=4/threads=2"},
		{"in lists", "matrix: {workers: [9]}\n", "server=target/proxy=direct/workers=9/threads=1"},
		{"by the cores", "matrix: {workers: 2*cores+1}\n", "server=target/proxy=direct/workers=5/threads=1"},
		{"without a matrix", "", "server=target/proxy=direct/workers=1/threads=1"},
		{"written out", "matrix: {servers: [target], proxies: [direct], workers: 1}\n", "server=target/proxy=direct/workers=1/threads=1"},
	} {
		s := parseText(t, "name: a\ntarget: http://127.0.0.1:8000\n"+tt.matrix+"traffic: {requests: [{name: home, path: /}]}\n")
		if got := planned(s.Cells(2, testCatalogue)); !slices.Equal(got, []string{tt.want}) {
			t.Errorf("%s: cells are %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestTargetLeavesTheRestEmpty(t *testing.T) {
	s := parseText(t, targeted)
	if s.App.Dir != "" || s.App.Ready != "" || s.Proxy != (Proxy{}) || s.Services != nil {
		t.Errorf("app is %+v, proxy %+v, services %v; want none of them", s.App, s.Proxy, s.Services)
	}
}
