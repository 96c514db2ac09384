package stack

import (
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
)

// url returns the address of a path of the stack.
func (st *Stack) url(path string) string {
	scheme := "http"
	if st.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + cmp.Or(st.Host, st.Address) + path
}

// client returns a client that dials the stack whatever it is asked for.
func (st *Stack) client() *http.Client {
	return clientAt(endpoint{st.Network, st.Address}, st.TLS)
}

// clientAt returns a client that dials one place whatever it is asked for.
func clientAt(at endpoint, secure *tls.Config) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, at.network, at.address)
			},
			TLSClientConfig:    secure,
			DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Answers tells whether the stack answers on its readiness path now.
func (st *Stack) Answers(ctx context.Context) bool {
	g := gate{at: endpoint{st.Network, st.Address}, path: st.app.Ready, host: st.Host, tls: st.TLS, trialID: st.trialID}
	ok, err := g.answers(ctx)
	return ok && err == nil
}

// Get asks for a path and returns the status of the answer, whose body is read
// to its end. Redirects are not followed.
func (st *Stack) Get(ctx context.Context, path string) (status int, err error) {
	client := st.client()
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, st.url(path), nil)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}
