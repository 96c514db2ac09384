package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"sweetspot/runner/fleet"
	"sweetspot/runner/fleet/hub"
)

// clock is that of agents; tests set it wrong.
var clock = time.Now

// agentFlags are the flags of the agent command.
type agentFlags struct {
	hub              hubFlags
	name, site, role string
	scratch          string
	ip               string
}

func newAgent() *cobra.Command {
	var f agentFlags
	c := &cobra.Command{
		Use:   "agent",
		Short: "Offer this host to the runs of a hub",
		Long: `Agent offers this host to the runs of a hub, until it is told to stop. Its key
says what it is: the subject of a site, which starts the stack that is measured;
a generator, which attacks what the subject of its site has started, and nothing
else; or both. It dials out only, and dials again for as long as the hub is
away. Ctrl-C gives back at once what it has begun.

` + exitHelp,
		Example: `  sweetspot agent --hub tls://hub:4222 --key a1.pem
  SWEETSPOT_HUB=tls://hub:4222 SWEETSPOT_KEY=/etc/sweetspot/a1.pem sweetspot agent
  sweetspot agent --hub tls://hub:4222 --key a1.pem --scratch /var/lib/sweetspot`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.serve(c.Context(), c.ErrOrStderr()) },
	}
	f.hub.add(c)
	c.Flags().StringVar(&f.role, "role", "", "subject, generator or both (default the key's, which it has to be)")
	c.Flags().StringVar(&f.site, "site", "", "name of the site (default the key's, which it has to be)")
	c.Flags().StringVar(&f.name, "name", "", "of the agent (default the key's, which it has to be)")
	c.Flags().StringVar(&f.scratch, "scratch", "", "folder for what runs need meanwhile (default one in /tmp)")
	c.Flags().StringVar(&f.ip, "ip", "", "IPv4 address at which the generators of the site reach this host (default the one that the hub is reached from)")
	return c
}

// serve is the agent until ctx is done.
func (f *agentFlags) serve(ctx context.Context, stderr io.Writer) error {
	say := lines(stderr)
	who, err := f.identity()
	if err != nil {
		return badInput(err)
	}
	say("%s dials %s", who, f.hub.hub)
	refused := func(_ *nats.Conn, _ *nats.Subscription, err error) { say("%v", hub.Explain(who, err)) }
	nc, err := f.hub.dial(ctx, telling(say), nats.ErrorHandler(refused))
	if ctx.Err() != nil {
		return nil // it was told to stop
	}
	if err != nil {
		return err
	}
	defer nc.Close()
	ips, err := f.addresses(nc)
	if err != nil {
		return err
	}
	return fleet.Serve(ctx, fleet.Agent{
		Conn: nc, Name: who.Name, Site: who.Site, Role: who.Role, Version: version(), IPs: ips, Scratch: f.scratch, Clock: clock, Say: say,
	})
}

// identity is who the key says the agent is; flags that say otherwise are an
// error.
func (f *agentFlags) identity() (hub.Key, error) {
	if f.hub.hub == "" || f.hub.key == "" {
		return hub.Key{}, fmt.Errorf("give --hub and --key, or set %s and %s", hubVariable, keyVariable)
	}
	k, err := hub.ReadKey(f.hub.key)
	if err != nil {
		return k, err
	}
	if k.Site == "" {
		return k, fmt.Errorf("key %s is that of %s, want an agent's: sweetspot hub issue NAME --role ROLE --site SITE", f.hub.key, k.Identity)
	}
	for _, x := range []struct{ flag, given, is string }{
		{"name", f.name, k.Name}, {"site", f.site, k.Site}, {"role", f.role, k.Role},
	} {
		if x.given != "" && x.given != x.is {
			return k, fmt.Errorf("--%s %s: key %s is that of %s; issue another one, or leave the flag out", x.flag, x.given, f.hub.key, k.Identity)
		}
	}
	return k, nil
}

// addresses are where generators reach this host.
func (f *agentFlags) addresses(nc *nats.Conn) ([]netip.Addr, error) {
	if f.ip == "" {
		return fleet.Addresses(nc)
	}
	ip, err := netip.ParseAddr(f.ip)
	if err != nil || !ip.Is4() {
		return nil, badInputf("--ip %s: want an IPv4 address of this host", f.ip)
	}
	return []netip.Addr{ip}, nil
}

// lines returns a function that writes lines with their time, from any goroutine.
func lines(w io.Writer) func(format string, args ...any) {
	var mu sync.Mutex
	return func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		text := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "\n    ")
		fmt.Fprintf(w, "%s %s\n", time.Now().UTC().Format(time.RFC3339), text)
	}
}
