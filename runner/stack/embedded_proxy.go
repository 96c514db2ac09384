package stack

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"

	"sweetspot/scenarios"
)

// runProxy serves the mounts from their folders and hands the rest to the
// application, one connection a request: a kept one would hold a slot.
func runProxy(c embeddedConfig) error {
	listener, err := net.Listen(c.Network, c.Address)
	if err != nil {
		return err
	}
	return http.Serve(listener, proxyHandler(c.Upstream, c.Mounts))
}

func proxyHandler(socket string, mounts []scenarios.Mount) http.Handler {
	app := &url.URL{Scheme: "http", Host: "app"}
	mux := http.NewServeMux()
	mux.Handle("/", &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(app)
			r.Out.Host = r.In.Host
			r.SetXForwarded()
		},
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "unix", socket)
			},
			DisableKeepAlives:  true,
			DisableCompression: true,
		},
		BufferPool: &buffers{},
	})
	for _, m := range mounts {
		if m.Dir != "" && m.URL != "/" {
			mux.Handle(m.URL, http.StripPrefix(m.URL, http.FileServer(http.Dir(m.Dir))))
		}
	}
	return mux
}

// buffers spares the proxy an allocation a request.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(p []byte) { b.pool.Put(&p) }
