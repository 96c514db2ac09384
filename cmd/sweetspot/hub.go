package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"sweetspot/runner/fleet/hub"
	"sweetspot/runner/fleet/wire"
	"sweetspot/scenarios"
)

// Where the flags --hub and --key may be given once for all commands.
const (
	hubVariable = "SWEETSPOT_HUB"
	keyVariable = "SWEETSPOT_KEY"
)

// hubFlags say which hub is joined, and as whom.
type hubFlags struct{ hub, key string }

func (f *hubFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.hub, "hub", os.Getenv(hubVariable), "hub, as tls://HOST:4222; several of a cluster with commas between (default "+hubVariable+")")
	c.Flags().StringVar(&f.key, "key", os.Getenv(keyVariable), "key file that hub issue made (default "+keyVariable+")")
}

const defaultPKI = "sweetspot-pki"

// hubOptions are the flags of the hub command.
type hubOptions struct {
	listen, store, pki, log string
	maxStore, name          string
	cluster                 hub.Cluster
	replicas                int
}

func newHub() *cobra.Command {
	var f hubOptions
	c := &cobra.Command{
		Use:   "hub",
		Short: "Run the hub that agents and controllers of several machines meet at",
		Long: `Hub is a NATS server with JetStream in this program. Agents and controllers
dial it over TLS 1.3, with a key each that says who they are and what they may do:
hub init makes the keys of the hub and of the first controller, hub issue one for
every agent. The hub keeps what is in transit in --store, on disk before it says
so; the runs themselves are with their controllers.

Three hubs as a cluster lose nothing when one of them dies: the same hub.pem on
each, the same --cluster-name, and all their --cluster-listen addresses as --routes.

A NATS cluster that is there already can be the hub: see hub permissions and hub
prepare.

Exit codes:
  0    stopped by Ctrl-C or SIGTERM
  1    anything not listed here
  104  invalid flags, no keys, or a store that is not a hub's
  105  interrupted before it was ready`,
		Example: `  sweetspot hub init --host bench-0.example.org
  sweetspot hub issue bench-1 --role subject --site a
  sweetspot hub issue bench-2 --role generator --site a
  sweetspot hub
  sweetspot hub --name h1 --cluster-name bench --cluster-listen :6222 --routes h1:6222,h2:6222,h3:6222`,
		Args: cobra.NoArgs,
		RunE: f.run,
	}
	c.Flags().StringVar(&f.listen, "listen", ":4222", "address for agents and controllers")
	c.Flags().StringVar(&f.store, "store", "sweetspot-hub", "folder of what is in transit")
	c.Flags().StringVar(&f.maxStore, "max-store", "", "most that --store takes, as 16GiB; a full one refuses (default three quarters of what its disk has free)")
	c.Flags().StringVar(&f.pki, "pki", defaultPKI, "folder with hub.pem")
	c.Flags().StringVar(&f.log, "log", "", "file that takes what the server says, appended; - is the terminal (default nothing is written)")
	c.Flags().StringVar(&f.name, "name", "", "name that no other hub of the cluster has (default host and port)")
	c.Flags().StringVar(&f.cluster.Name, "cluster-name", "", "cluster that this hub is one of")
	c.Flags().StringVar(&f.cluster.Listen, "cluster-listen", ":6222", "address for the other hubs of the cluster")
	c.Flags().StringSliceVar(&f.cluster.Routes, "routes", nil, "addresses of the hubs of the cluster, HOST:PORT with commas between")
	c.Flags().IntVar(&f.replicas, "replicas", 0, "hubs that keep everything: 1, 3 or 5 (default 3 in a cluster, else 1)")
	c.AddCommand(newHubInit(), newHubIssue(), newHubPermissions(), newHubPrepare())
	for _, sub := range c.Commands() {
		sub.Args = asBadInput(sub.Args)
	}
	return c
}

func (f *hubOptions) run(c *cobra.Command, _ []string) (err error) {
	o, err := f.options(c)
	if err != nil {
		return badInput(err)
	}
	log, closeLog, err := openLog(f.log, c.ErrOrStderr())
	if err != nil {
		return badInput(err)
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	o.Log = log
	s, err := hub.Start(o)
	if err != nil {
		return badInput(err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := prepare(c.Context(), s, f.replicas); err != nil {
		return interruptedOr(c.Context(), err)
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "ready: %s; join with sweetspot agent --hub %[1]s --key NAME.pem, measure with sweetspot run --hub %[1]s --key %s\n",
		s.URL(), filepath.Join(f.pki, hub.Controller+".pem"))
	if err != nil {
		return err
	}
	<-c.Context().Done()
	return nil
}

// options checks the flags.
func (f *hubOptions) options(c *cobra.Command) (hub.Options, error) {
	o := hub.Options{Listen: f.listen, PKI: f.pki, Store: f.store, Name: f.name, Cluster: f.cluster}
	switch {
	case f.listen == "" || f.store == "":
		return o, errors.New("--listen and --store must not be empty")
	case f.cluster.Name == "" && (c.Flags().Changed("routes") || c.Flags().Changed("cluster-listen")):
		return o, errors.New("--routes and --cluster-listen are of a cluster: name it by --cluster-name")
	case f.cluster.Name == "":
		o.Cluster = hub.Cluster{}
		f.replicas = cmp.Or(f.replicas, 1)
	default:
		f.replicas = cmp.Or(f.replicas, 3)
	}
	if f.maxStore == "" {
		return o, nil
	}
	most, err := scenarios.ParseBytes(f.maxStore)
	if err != nil {
		return o, fmt.Errorf("--max-store: %w", err)
	}
	o.MaxStore = int64(most)
	return o, nil
}

// openLog opens what --log names; nil is nothing.
func openLog(name string, terminal io.Writer) (io.Writer, func() error, error) {
	nothing := func() error { return nil }
	switch name {
	case "":
		return nil, nothing, nil
	case "-":
		return terminal, nothing, nil
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, nothing, fmt.Errorf("--log: %w", err)
	}
	return f, f.Close, nil
}

// prepare makes the streams of a hub of this process.
func prepare(ctx context.Context, s *hub.Server, replicas int) error {
	nc, err := s.Connect()
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	return hub.Prepare(ctx, js, replicas)
}

func newHubInit() *cobra.Command {
	var pki string
	var hosts []string
	c := &cobra.Command{
		Use:   "init",
		Short: "Make the keys that a fleet begins with: the authority, the hub's and a controller's",
		Long: `Init writes to the folder --pki: ca.pem and ca-key.pem, the authority; hub.pem,
the hub's key, for the hosts that it is reached by; controller.pem, for who starts
runs. Every file but ca.pem is a secret. The hub needs hub.pem only: keep ca-key.pem,
which issues keys, where only you are. A key holds for a year.

Nothing is overwritten. To make the hub's key for other hosts, move hub.pem away.`,
		Example: `  sweetspot hub init
  sweetspot hub init --pki keys --host hub.example.org --host 10.0.0.5`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if len(hosts) == 0 {
				hosts = ownHosts()
			}
			if err := hub.Init(pki, hosts); err != nil {
				return badInput(err)
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "wrote %s for %s, and %s\nnext, for every agent: sweetspot hub issue NAME --role subject --site SITE --pki %s\n",
				filepath.Join(pki, "hub.pem"), strings.Join(hosts, ", "), filepath.Join(pki, hub.Controller+".pem"), pki)
			return err
		},
	}
	c.Flags().StringVar(&pki, "pki", defaultPKI, "folder of the keys")
	c.Flags().StringSliceVar(&hosts, "host", nil, "name or IP address that agents reach a hub by (repeatable; default this machine's)")
	return c
}

// ownHosts are the names and addresses of this machine.
func ownHosts() []string {
	var hosts []string
	if name, err := os.Hostname(); err == nil {
		hosts = append(hosts, name)
	}
	hosts = append(hosts, "localhost")
	addrs, _ := net.InterfaceAddrs() // without them the names remain
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLinkLocalUnicast() {
			hosts = append(hosts, n.IP.String())
		}
	}
	return hosts
}

func newHubIssue() *cobra.Command {
	var pki, role, site string
	c := &cobra.Command{
		Use:   "issue NAME",
		Short: "Make the key of one agent or controller",
		Long: `Issue writes the key NAME.pem to the folder --pki. It says who its owner is:
name, role and site, and lets it do that and nothing else. A subject starts stacks,
a generator attacks those of its site, both does both; a controller starts runs and
is of no site. Every agent has a key of its own. A key holds for a year.`,
		Example: `  sweetspot hub issue bench-1 --role subject --site a
  sweetspot hub issue bench-2 --role generator --site a
  sweetspot hub issue ci --role controller`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			file, err := hub.Issue(pki, args[0], role, site)
			if err != nil {
				return badInput(err)
			}
			k, err := hub.ReadKey(file)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "wrote %s: %s, until %s\n", file, k.Identity, k.Until.Format(time.DateOnly))
			return err
		},
	}
	c.Flags().StringVar(&pki, "pki", defaultPKI, "folder of the keys")
	c.Flags().StringVar(&role, "role", "", fmt.Sprintf("%s, %s, %s or %s", wire.Subject, wire.Generator, wire.Both, hub.Controller))
	c.Flags().StringVar(&site, "site", "", "site of an agent: one subject and its generators")
	return c
}

func newHubPermissions() *cobra.Command {
	var pki string
	c := &cobra.Command{
		Use:   "permissions",
		Short: "Print the configuration that makes a NATS cluster of your own the hub",
		Long: `Permissions prints what the servers of a NATS cluster need in their configuration
to let the keys in --pki join, with exactly their permissions: TLS 1.3 both ways,
verify_and_map, and one user a key. Print it again when a key was issued. hub
prepare then makes the streams.`,
		Example: `  sweetspot hub permissions > fleet.conf   # include fleet.conf in nats-server.conf
  sweetspot hub prepare --hub tls://n1:4222,tls://n2:4222,tls://n3:4222 --key sweetspot-pki/controller.pem`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			text, err := hub.Config(pki)
			if err != nil {
				return badInput(err)
			}
			_, err = io.WriteString(c.OutOrStdout(), text)
			return err
		},
	}
	c.Flags().StringVar(&pki, "pki", defaultPKI, "folder of the keys")
	return c
}

func newHubPrepare() *cobra.Command {
	var f hubFlags
	var replicas int
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "prepare",
		Short: "Make the streams of a fleet in a NATS cluster of your own",
		Long: `Prepare makes the streams, the consumer, the buckets and the object store that
sweetspot hub makes by itself. What is there already is left as it is; what is of
another form is an error that says what differs.`,
		Example: "  sweetspot hub prepare --hub tls://n1:4222,tls://n2:4222,tls://n3:4222 --key sweetspot-pki/controller.pem",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if f.hub == "" || f.key == "" {
				return badInputf("--hub and --key are needed: the cluster, and the key of a controller")
			}
			ctx, cancel := context.WithTimeout(c.Context(), timeout)
			defer cancel()
			if err := hub.Adopt(ctx, f.hub, f.key, replicas); err != nil {
				return interruptedOr(c.Context(), err)
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "prepared: %s\n", f.hub)
			return err
		},
	}
	f.add(c)
	c.Flags().IntVar(&replicas, "replicas", 3, "servers that keep everything: 1, 3 or 5")
	c.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long to wait for the cluster")
	return c
}
