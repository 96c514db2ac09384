package stack

import (
	"net/netip"
	"slices"
	"testing"

	"sweetspot/scenarios"
)

// elsewhere is another address of this machine.
var elsewhere = netip.MustParseAddr("127.0.0.2")

// listensElsewhere asserts that a stack which others attack listens where they
// reach it, and there only.
func listensElsewhere(t *testing.T, cfg Config) {
	t.Helper()
	cfg.Listen = elsewhere
	st, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := st.Stop(); err != nil {
			t.Error(err)
		}
	}()
	at := netip.MustParseAddrPort(st.Address)
	if at.Addr() != elsewhere {
		t.Errorf("it listens at %v", at)
	}
	if !st.Answers(t.Context()) {
		t.Error("it does not answer")
	}
	beside := endpoint{"tcp", netip.AddrPortFrom(loopback, at.Port()).String()}
	if inodes, err := listeners(beside); err != nil || len(inodes) > 0 {
		t.Errorf("somebody listens at %s, too: %v, %v", beside.address, inodes, err)
	}
}

func TestServersListenElsewhere(t *testing.T) {
	for _, srv := range servers {
		if srv.name == scenarios.TargetServer || srv.name == runserver.name { // which is Django's
			continue
		}
		t.Run(srv.name, func(t *testing.T) {
			name := "server=" + srv.name + "/proxy=direct/workers=1/threads=1"
			switch {
			case srv.name == embeddedServer.name:
				listensElsewhere(t, config(t, embeddedApp(t), name))
			case slices.Contains(srv.interfaces, scenarios.WSGI):
				listensElsewhere(t, siteConfig(t, siteFor(t, srv.name, nil), name))
			case slices.Contains(asgiServers, srv.name):
				listensElsewhere(t, asgiConfig(t, asgiApp(t, nil), name))
			default:
				t.Skip("it comes into a virtualenv only")
			}
		})
	}
}

func TestProxiesListenElsewhere(t *testing.T) {
	for _, px := range proxies {
		if px.plan == nil {
			continue
		}
		t.Run(px.name, func(t *testing.T) {
			if px.name == embeddedProxy.name {
				listensElsewhere(t, config(t, embeddedApp(t), "server=embedded/proxy=embedded/workers=1/threads=1"))
				return
			}
			listensElsewhere(t, behindConfig(t, px, scenarios.Proxy{TLS: true, KeepAlive: 8, Buffering: true}))
		})
	}
}
