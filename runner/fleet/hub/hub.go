// Package hub is where the parts of a fleet meet: a NATS server with JetStream
// inside this process, the keys of who may join, and what each of them may do.
// It is transit only: the run directory is the archive.
package hub

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/process"
)

// Options of a hub. The zero value is one without a port, whose store is gone
// when it is closed.
type Options struct {
	Listen   string    // HOST:PORT for agents and controllers; empty: no port, only Connect reaches it
	PKI      string    // folder with hub.pem of Init; needed with Listen
	Store    string    // folder of what is in transit; empty: a temporary one
	Name     string    // that no other hub of the cluster has; empty: host and port
	Cluster  Cluster   // zero: it is alone
	NoSync   bool      // acknowledge before the disk has it: what was acknowledged is lost with the power
	MaxStore int64     // bytes in Store; 0: three quarters of what its disk has free
	MaxConns int       // 0: 1024
	Log      io.Writer // takes the server's notices, warnings and errors, a line each; nil: nobody
}

// Cluster is how a hub finds the others that keep the same. Three lose nothing
// when one of them dies.
type Cluster struct {
	Name   string   // of the cluster; empty: there is none
	Listen string   // HOST:PORT for the other hubs
	Routes []string // HOST:PORT of theirs; its own may be among them
}

// Bounds of the server.
const (
	maxPayload    = wire.MaxMessage + 48_576 // bytes, headers included: what a server takes by default
	defaultConns  = 1024
	maxSubs       = 1000     // of one connection
	maxPending    = 32 << 20 // bytes that wait for a slow reader; with more it is cut off
	writeDeadline = 5 * time.Second
	memoryBytes   = 64 << 20 // streams in memory: there are none
	readyWithin   = 20 * time.Second
)

// Server is a hub that runs. Close it.
type Server struct {
	nats  *server.Server
	url   string
	close func() error
}

// Start starts a hub and returns when it takes connections; a cluster may still
// be electing. A store that cannot be read whole, or that another hub uses, is
// an error, and is left as it is.
func Start(o Options) (*Server, error) {
	var undo cleanup
	s, err := o.start(&undo)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the hub: %w", err), undo.run())
	}
	s.close = sync.OnceValue(undo.run)
	return s, nil
}

// cleanup is what has to be undone, the last first.
type cleanup []func() error

func (c *cleanup) add(f func() error) { *c = append(*c, f) }

func (c *cleanup) run() error {
	var err error
	for i := len(*c) - 1; i >= 0; i-- {
		err = errors.Join(err, (*c)[i]())
	}
	return err
}

func (o Options) start(undo *cleanup) (*Server, error) {
	opts, hosts, err := o.server()
	if err != nil {
		return nil, err
	}
	if o.Store == "" {
		if o.Store, err = process.TempDir("hub"); err != nil {
			return nil, err
		}
		undo.add(func() error { return os.RemoveAll(o.Store) })
	}
	unlock, err := lockStore(o.Store)
	if err != nil {
		return nil, err
	}
	undo.add(unlock)
	opts.StoreDir = o.Store
	kept, err := o.kept()
	if err != nil {
		return nil, err
	}
	n, said, err := serve(opts, o.Log, undo)
	if err != nil {
		return nil, err
	}
	if o.Cluster.Name == "" {
		if err := whole(n, o.Store, kept, said); err != nil {
			return nil, err
		}
	}
	return &Server{nats: n, url: joinURL(n, o.Listen, hosts)}, nil
}

// serve starts a server, and returns what it complained of meanwhile.
func serve(opts *server.Options, log io.Writer, undo *cleanup) (*server.Server, []string, error) {
	n, err := server.NewServer(opts)
	if err != nil {
		return nil, nil, err
	}
	j := &journal{w: log, starting: true}
	n.SetLoggerV2(j, false, false, false)
	undo.add(func() error { n.Shutdown(); n.WaitForShutdown(); return nil })
	n.Start()
	ready := awaitReady(n, j)
	said := j.started()
	if !ready {
		return nil, nil, complaints(said)
	}
	return n, said, nil
}

// awaitReady tells whether the server takes connections at last.
func awaitReady(n *server.Server, j *journal) bool {
	for end := time.Now().Add(readyWithin); time.Now().Before(end) && !j.dead(); {
		if n.ReadyForConnections(50 * time.Millisecond) {
			return true
		}
	}
	return false
}

// server are the options of the NATS server, and the hosts that the hub's
// certificate is for.
func (o Options) server() (*server.Options, []string, error) {
	opts := &server.Options{
		ServerName: o.Name, DontListen: o.Listen == "", NoSigs: true, NoLog: true, DisableJetStreamBanner: true,
		MaxPayload: maxPayload, MaxConn: cmp.Or(o.MaxConns, defaultConns), MaxSubs: maxSubs,
		MaxPending: maxPending, WriteDeadline: writeDeadline,
		JetStream: true, JetStreamMaxMemory: memoryBytes, JetStreamMaxStore: o.MaxStore, SyncAlways: !o.NoSync,
		CustomClientAuthentication: guard{},
	}
	if o.Listen == "" && o.Cluster.Name == "" {
		return opts, nil, nil
	}
	if o.PKI == "" {
		return nil, nil, errors.New("it has a port and no keys; sweetspot hub init --pki DIR makes them")
	}
	key, err := readHubKey(o.PKI)
	if err != nil {
		return nil, nil, err
	}
	if o.Listen != "" {
		if opts.Host, opts.Port, err = hostPort(o.Listen); err != nil {
			return nil, nil, err
		}
		opts.TLSConfig, opts.TLS, opts.TLSVerify = key.listener(), true, true
		opts.TLSTimeout, opts.AuthTimeout = 5, 6 // seconds
	}
	return opts, hostsOf(key.cert.Leaf), o.cluster(opts, key)
}

// cluster adds what the other hubs need.
func (o Options) cluster(opts *server.Options, key Key) error {
	if o.Cluster.Name == "" {
		return nil
	}
	host, port, err := hostPort(o.Cluster.Listen)
	if err != nil {
		return fmt.Errorf("cluster %s: %w", o.Cluster.Name, err)
	}
	opts.Cluster = server.ClusterOpts{Name: o.Cluster.Name, Host: host, Port: port, TLSConfig: key.route(), TLSTimeout: 5}
	for _, route := range o.Cluster.Routes {
		if _, _, err := hostPort(route); err != nil {
			return fmt.Errorf("cluster %s: %w", o.Cluster.Name, err)
		}
		opts.Routes = append(opts.Routes, &url.URL{Scheme: "nats", Host: route})
	}
	if opts.ServerName == "" {
		name, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("cluster %s: name of this host: %w", o.Cluster.Name, err)
		}
		opts.ServerName = fmt.Sprintf("%s-%d", name, opts.Port)
	}
	return nil
}

// hostPort splits HOST:PORT; an empty host is all of this machine's addresses,
// and port 0 any free one.
func hostPort(address string) (string, int, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("address %q: want HOST:PORT, as :4222", address)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("address %q: port %q: want a number up to 65535", address, text)
	}
	if port == 0 {
		return cmp.Or(host, "0.0.0.0"), server.RANDOM_PORT, nil
	}
	return cmp.Or(host, "0.0.0.0"), int(port), nil
}

// joinURL is what others dial: a host that the certificate is for, where the
// hub listens on every address.
func joinURL(n *server.Server, listen string, hosts []string) string {
	if listen == "" {
		return ""
	}
	addr := n.Addr().(*net.TCPAddr)
	host, _, _ := net.SplitHostPort(listen) // as before
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = hosts[0]
	}
	return "tls://" + net.JoinHostPort(host, strconv.Itoa(addr.Port))
}

// URL is what agents and controllers dial; empty without a port.
func (s *Server) URL() string { return s.url }

// Connect is a connection of this process, which may everything. Close it
// before the hub.
func (s *Server) Connect() (*nats.Conn, error) {
	nc, err := nats.Connect("", nats.InProcessServer(s.nats), nats.Name(Controller))
	if err != nil {
		return nil, fmt.Errorf("connect to the hub in this process: %w", err)
	}
	return nc, nil
}

// Close ends the hub, its connections too, and returns when nothing of it is left.
func (s *Server) Close() error { return s.close() }

// guard lets in whom a verified certificate names, as what it names, and until
// it expires.
type guard struct{}

// Check implements server.Authentication.
func (guard) Check(c server.ClientAuthentication) bool {
	state := c.GetTLSConnectionState()
	if state == nil {
		// A port takes nobody without TLS. A pipe is Connect's.
		addr := c.RemoteAddress()
		return addr != nil && addr.Network() == "pipe"
	}
	if c.Kind() != server.CLIENT || len(state.VerifiedChains) == 0 {
		return false
	}
	id, err := identify(state.VerifiedChains[0][0])
	if err != nil || id.Role == hubRole {
		return false
	}
	c.RegisterUser(&server.User{Username: id.String(), Permissions: Permissions(id.Name, id.Role, id.Site), ConnectionDeadline: id.Until})
	return true
}
