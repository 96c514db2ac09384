package hub

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/fleet/wire"
)

const (
	defaultPort = "4222"
	attempt     = 2 * time.Second // of one connection
	pause       = 250 * time.Millisecond
	unprepared  = 20 * time.Second // that a hub may be without its streams, while its cluster elects
)

// Dial joins the fleet of the hub at address: tls://HOST:PORT, or several of a
// cluster with commas between. The key says who joins and what it may do. A hub
// that cannot be reached is tried again until ctx is done; every other error is
// for good, and says what to do.
//
// The connection comes back by itself when it is cut off. It keeps nothing to
// be sent later: what is published meanwhile is an error, so that nothing
// arrives that nobody waits for any more. What the server refuses later comes
// to the nats.ErrorHandler that opts may have; see Explain.
func Dial(ctx context.Context, address, keyFile string, opts ...nats.Option) (*nats.Conn, error) {
	k, nc, err := dial(ctx, address, keyFile, opts)
	if err != nil {
		return nil, err
	}
	if err := k.understands(ctx, nc); err != nil {
		nc.Close()
		return nil, fmt.Errorf("hub %s: %w", address, err)
	}
	return nc, nil
}

// Adopt prepares a cluster that is not sweetspot's own, as Prepare does, with
// the key of a controller. Config is what lets that key in.
func Adopt(ctx context.Context, address, keyFile string, replicas int) error {
	k, nc, err := dial(ctx, address, keyFile, nil)
	if err != nil {
		return err
	}
	defer nc.Close()
	if k.Role != Controller {
		return fmt.Errorf("hub %s: key %s is that of %s, want a controller's: only it makes streams", address, k.File, k.Identity)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("hub %s: %w", address, err)
	}
	if err := Prepare(ctx, js, replicas); err != nil {
		return fmt.Errorf("hub %s: %w", address, cmp.Or(k.refusal(nc), err))
	}
	return nil
}

func dial(ctx context.Context, address, keyFile string, opts []nats.Option) (Key, *nats.Conn, error) {
	k, err := ReadKey(keyFile)
	if err != nil {
		return k, nil, err
	}
	if k.Role == hubRole {
		return k, nil, fmt.Errorf("key %s is the hub's own; agents and controllers need one each: sweetspot hub issue", keyFile)
	}
	servers, err := addresses(address)
	if err != nil {
		return k, nil, err
	}
	nc, err := k.connect(ctx, servers, opts)
	if err != nil {
		return k, nil, fmt.Errorf("hub %s: %w", address, err)
	}
	return k, nc, nil
}

// addresses are the URLs of a list with commas between.
func addresses(list string) (string, error) {
	var all []string
	for one := range strings.SplitSeq(list, ",") {
		scheme, at, ok := strings.Cut(strings.TrimSpace(one), "://")
		if !ok {
			scheme, at = "tls", scheme
		}
		if scheme != "tls" && scheme != "nats" || at == "" {
			return "", fmt.Errorf("address of the hub %q: want tls://HOST:PORT", one)
		}
		u, err := url.Parse("tls://" + at)
		if err != nil || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" {
			return "", fmt.Errorf("address of the hub %q: want tls://HOST:PORT", one)
		}
		port := u.Port()
		if port == "" {
			port = defaultPort
		}
		all = append(all, "tls://"+net.JoinHostPort(u.Hostname(), port))
	}
	return strings.Join(all, ","), nil
}

// options are those of every connection of a key; later ones win.
func (k Key) options(opts []nats.Option) []nats.Option {
	return append([]nats.Option{
		nats.Name(k.Identity.String()), nats.Secure(k.client()), nats.CustomInboxPrefix(inboxes(k.Name, k.Site)),
		nats.Timeout(attempt), nats.MaxReconnects(-1), nats.ReconnectWait(pause), nats.ReconnectBufSize(-1),
		nats.PingInterval(wire.Beat), nats.MaxPingsOutstanding(2),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // the default one writes to the terminal
	}, opts...)
}

// connect tries until it works, will never work, or ctx is done.
func (k Key) connect(ctx context.Context, servers string, opts []nats.Option) (*nats.Conn, error) {
	all := k.options(opts)
	last := errors.New("no answer")
	for {
		nc, err := connectOnce(ctx, servers, all)
		if err == nil {
			return nc, nil
		}
		if remedy := k.remedy(err); remedy != nil {
			return nil, fmt.Errorf("%w: %w", remedy, err)
		}
		if !errors.Is(err, errLeft) {
			last = err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w; %w: is sweetspot hub running there, and its port open?", unreachable(servers, last), ctx.Err())
		case <-time.After(pause):
		}
	}
}

var errLeft = errors.New("left alone")

// connectOnce leaves an attempt alone when ctx is done: its end is near.
func connectOnce(ctx context.Context, servers string, opts []nats.Option) (*nats.Conn, error) {
	type result struct {
		nc  *nats.Conn
		err error
	}
	done := make(chan result, 1)
	go func() {
		nc, err := nats.Connect(servers, opts...)
		done <- result{nc, err}
	}()
	select {
	case r := <-done:
		return r.nc, r.err
	case <-ctx.Done():
		go func() {
			if r := <-done; r.nc != nil {
				r.nc.Close()
			}
		}()
		return nil, errLeft
	}
}

// unreachable says why nobody answers, which the client does not. A hub that is
// full hangs up, or says so without TLS.
func unreachable(servers string, err error) error {
	if strings.HasSuffix(err.Error(), "EOF") || strings.Contains(err.Error(), "does not look like a TLS handshake") {
		return fmt.Errorf("it hangs up at once, as a hub does that has all the connections it takes: %w", err)
	}
	if !errors.Is(err, nats.ErrNoServers) {
		return err
	}
	var all []error
	for server := range strings.SplitSeq(servers, ",") {
		c, err := net.DialTimeout("tcp", strings.TrimPrefix(server, "tls://"), attempt)
		if err == nil {
			err = fmt.Errorf("%s says nothing, as a hub would", server)
			_ = c.Close() // nothing was sent
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}

// remedy says what to do about an error that another attempt does not mend;
// nil: it may.
func (k Key) remedy(err error) error {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var remote *net.OpError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("its certificate is of another authority than key %s; take a key that was issued in the --pki folder of this hub", k.File)
	case errors.As(err, &host):
		return fmt.Errorf("its certificate is for %s, not for the host you name; dial one of those, or move hub.pem away and make another: sweetspot hub init --pki DIR --host HOST", strings.Join(hostsOf(host.Certificate), ", "))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return errors.New("its certificate does not hold at the time of this clock; set the clock, or move hub.pem away and make another: sweetspot hub init --pki DIR --host HOST")
	case errors.As(err, &remote) && remote.Op == "remote error":
		return k.turnedAway(remote.Err.Error())
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired):
		return fmt.Errorf("it does not let %s in; a cluster of your own needs what sweetspot hub permissions prints, made after the key was issued", k.Identity)
	case errors.Is(err, nats.ErrSecureConnWanted):
		return errors.New("it is no hub but a NATS server without TLS; name the address that sweetspot hub printed")
	case errors.Is(err, nats.ErrNoInfoReceived), strings.Contains(err.Error(), "expected 'INFO'"):
		return errors.New("it is no hub; name the address that sweetspot hub printed")
	}
	return nil
}

// turnedAway explains the alert that a hub ends the handshake with.
func (k Key) turnedAway(alert string) error {
	switch {
	case strings.Contains(alert, "expired"):
		return fmt.Errorf("it takes key %s for expired; compare the clocks, or issue another: %s", k.File, k.issue())
	// The client shows no key that is not of an authority which the hub asks for.
	case strings.Contains(alert, "authority"), strings.Contains(alert, "certificate required"), strings.Contains(alert, "bad certificate"):
		return fmt.Errorf("it does not know the authority of key %s; take a key that was issued in the --pki folder of this hub", k.File)
	case strings.Contains(alert, "protocol version"):
		return errors.New("it speaks no TLS 1.3; it is no hub")
	}
	return fmt.Errorf("it does not accept key %s; take one that was issued in the --pki folder of this hub", k.File)
}

// understands says whether the hub speaks our protocol. A hub that has just
// started may be without its streams for a moment.
func (k Key) understands(ctx context.Context, nc *nats.Conn) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, unprepared)
	defer cancel()
	for {
		s, err := js.Stream(within, wire.WorkStream)
		if err == nil {
			return k.compare(s.CachedInfo().Config.Metadata)
		}
		if refused := k.refusal(nc); refused != nil {
			return refused
		}
		select {
		case <-within.Done():
			return fmt.Errorf("it is a NATS server without the streams of a fleet; prepare it: sweetspot hub prepare --hub %s --key CONTROLLER.pem: %w", nc.ConnectedUrl(), err)
		case <-time.After(pause):
		}
	}
}

// compare reads what Prepare left.
func (k Key) compare(metadata map[string]string) error {
	if metadata[protocolKey] == strconv.Itoa(wire.Protocol) {
		return nil
	}
	who := "agent"
	if k.Role == Controller {
		who = Controller
	}
	return fmt.Errorf("this %s speaks protocol %d, the hub %s: install the same sweetspot on both; the hub's is %s",
		who, wire.Protocol, metadata[protocolKey], metadata[versionKey])
}

// refusal explains what the server last refused; nil: nothing.
func (k Key) refusal(nc *nats.Conn) error {
	if last := nc.LastError(); last != nil && violation.MatchString(last.Error()) {
		return Explain(k, last)
	}
	return nil
}
