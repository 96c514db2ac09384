package attack

import (
	"context"
	"net"
	"net/url"
	"sync/atomic"
	"time"
)

// dialer opens the connections of an attack and counts them.
type dialer struct {
	dial   func(ctx context.Context) (net.Conn, error)
	from   time.Time     // start of the measured part; set before the first hit, far off until then
	opened atomic.Uint64 // in the measured part
}

func newDialer(s Spec) *dialer {
	d := &dialer{dial: s.dial, from: time.Now().Add(24 * time.Hour)}
	if d.dial == nil {
		d.dial = func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, s.Network, s.Address)
		}
	}
	return d
}

func (d *dialer) open(ctx context.Context) (net.Conn, error) {
	conn, err := d.dial(ctx)
	if err == nil && !time.Now().Before(d.from) {
		d.opened.Add(1)
	}
	return conn, err
}

// base returns the address that requests go to, without a path.
func (s Spec) base() *url.URL {
	u := &url.URL{Scheme: "http", Host: s.Host}
	if s.TLS != nil {
		u.Scheme = "https"
	}
	switch {
	case u.Host != "":
	case s.Network == "unix":
		u.Host = "localhost"
	default:
		u.Host = s.Address
	}
	return u
}
