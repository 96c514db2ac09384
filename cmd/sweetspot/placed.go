package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sweetspot/runner"
	"sweetspot/runner/fleet"
	"sweetspot/runner/fleet/hub"
	"sweetspot/runner/fleet/place"
	"sweetspot/runner/fleet/place/cluster"
	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// kubernetes is the only engine.
const kubernetes = "kubernetes"

// placeFlags say which agents a run waits for, and whether it places them.
type placeFlags struct {
	inventory  string // file
	name       string // kubernetes, or empty
	print      bool
	engine     engineFlags
	kubeconfig string
	context    string
	pki        string
}

func (f *placeFlags) add(c *cobra.Command) {
	s := c.Flags()
	s.StringVar(&f.inventory, "inventory", "", "file with the hosts of the fleet: wait until all their agents are there; see sweetspot inventory")
	s.StringVar(&f.name, "engine", "", "place the agents for the time of the run: kubernetes (default they are there); with --hub outside of the cluster, or one in it")
	s.BoolVar(&f.print, "print", false, "with --engine: print the manifests, and apply nothing")
	s.StringVar(&f.kubeconfig, "kubeconfig", "", "Kubernetes: configuration file (default kubectl's, or in a Pod its own cluster)")
	s.StringVar(&f.context, "context", "", "Kubernetes: context of that file (default the current one)")
	s.StringVar(&f.pki, "pki", "", "Kubernetes, with --hub: folder of hub init, which the agents' keys are issued from")
	f.engine.flags(c)
}

// check refuses flags that go not together.
func (f *placeFlags) check(h hubFlags) error {
	switch {
	case f.name != "" && f.name != kubernetes:
		return badInputf("--engine %s: want %s", f.name, kubernetes)
	case f.name == "" && f.print:
		return badInputf("--print is of --engine %s", kubernetes)
	case f.name != "" && f.inventory != "":
		return badInputf("--engine places the agents, those of --inventory are there: leave one out")
	case f.given() && h.hub == embeddedHub:
		return badInputf("--hub %s has no other site than this machine: leave it out, or --engine and --inventory", embeddedHub)
	case f.name != "" && !f.print && h.hub != "" && f.pki == "":
		return badInputf("--engine with --hub: agents need keys of that hub; name the folder of hub init by --pki")
	}
	return nil
}

// given tells whether agents are placed or waited for.
func (f *placeFlags) given() bool { return f.name != "" || f.inventory != "" }

// awaited is the bench of a run that waits for its agents first.
type awaited struct {
	*sites // once the hub is joined
	flags  placeFlags
	hub    hubFlags
	stderr io.Writer
	remove func() error // what was placed; nil: nothing was
}

// survey implements bench: first the agents, then what their hosts are like.
func (b *awaited) survey(ctx context.Context, m *rundir.Manifest, dir string) error {
	w, err := b.expected(ctx, m, dir)
	if err != nil {
		return interruptedBy(ctx, err)
	}
	if err := b.join(ctx, w); err != nil {
		return interruptedBy(ctx, err)
	}
	w.Version, w.Tell = version(), func(missing place.Missing) { b.say("%s", waiting(missing)) }
	w.Agents = func(ctx context.Context) ([]wire.Agent, error) {
		s, err := fleet.StatusOf(ctx, b.nc, "")
		return s.Agents, err
	}
	others, err := place.Await(ctx, w)
	if err != nil {
		return interruptedBy(ctx, exitError{exitInconclusive, err})
	}
	for _, a := range others {
		b.say("nobody expects agent %s, %s of site %s; it takes part all the same", a.Name, a.Role, a.Site)
	}
	return b.sites.survey(ctx, m, dir)
}

// interruptedBy tells Ctrl-C from what went wrong.
func interruptedBy(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(err, runner.ErrInterrupted) {
		return fmt.Errorf("%w: %w", runner.ErrInterrupted, err)
	}
	return err
}

// expected are the agents to wait for, and what of them is placed already.
func (b *awaited) expected(ctx context.Context, m *rundir.Manifest, dir string) (place.Wait, error) {
	if b.flags.inventory == "" {
		id := m.RunID
		if then, err := rundir.Read(dir); err == nil { // the run goes on
			id = then.Manifest.RunID
		}
		return b.place(ctx, &m.Scenario, id)
	}
	inv, err := place.LoadInventory(b.flags.inventory)
	if err != nil {
		return place.Wait{}, badInput(err)
	}
	if b.hub.hub == "" {
		b.hub.hub = inv.Hub
	}
	return place.Wait{Expected: inv.Agents(), Deadline: time.Duration(inv.Deadline)}, nil
}

// join joins the hub. One that was placed just now is given time to come up.
func (b *awaited) join(ctx context.Context, w place.Wait) (err error) {
	if b.remove == nil {
		b.sites, err = b.hub.join(ctx, b.stderr)
		return err
	}
	within, cancel := context.WithTimeout(ctx, w.Deadline)
	defer cancel()
	fmt.Fprintf(b.stderr, "waiting for the hub %s\n", b.hub.hub)
	b.sites, err = b.hub.join(within, b.stderr)
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		return exitError{exitInconclusive, fmt.Errorf("%w%s; a hub in the cluster is reached from inside only: run sweetspot in a Pod, or name one outside by --hub", err, becauseOf(w.Why(ctx)))}
	}
	return err
}

// becauseOf lists what keeps Pods from running.
func becauseOf(why map[string]string) string {
	text := ""
	for _, w := range slices.Sorted(maps.Values(why)) {
		text += "\n  " + w
	}
	return text
}

// close implements bench: nothing of what was placed is left.
func (b *awaited) close() error {
	var errs []error
	if b.sites != nil {
		errs = append(errs, b.sites.close())
	}
	if b.remove != nil {
		errs = append(errs, b.remove())
	}
	return errors.Join(errs...)
}

// placing is how long Pods may take to beat: images are pulled meanwhile.
const placing = 5 * time.Minute

// place applies the plan of a run. close deletes it, whatever happens.
func (b *awaited) place(ctx context.Context, s *scenarios.Scenario, runID string) (place.Wait, error) {
	p, err := b.flags.engine.planned(s, runID, b.hub.hub)
	if err != nil {
		return place.Wait{}, err
	}
	p.Run = runID
	ns, err := cluster.Connect(b.flags.kubeconfig, b.flags.context, b.flags.engine.namespace)
	if err != nil {
		return place.Wait{}, badInput(err)
	}
	scratch, err := os.MkdirTemp("", "sweetspot-keys-")
	if err != nil {
		return place.Wait{}, err
	}
	forget := func() error { return os.RemoveAll(scratch) }
	b.remove = forget
	if err := b.flags.issue(p, ns.Name, scratch); err != nil {
		return place.Wait{}, err
	}
	if b.hub.hub == "" {
		b.hub = hubFlags{hub: p.HubAddress(ns.Name), key: filepath.Join(scratch, hub.Controller+".pem")}
	}
	fmt.Fprintf(b.stderr, "placing %d agents; should sweetspot be killed: kubectl delete configmap -n %s %s\n", len(p.Agents()), ns.Name, p.Name)
	if err := ns.Remove(ctx, p.Name); err != nil { // that an earlier try of this run may have left
		return place.Wait{}, exitError{exitInconclusive, err}
	}
	b.remove = func() error { return errors.Join(ns.Remove(context.WithoutCancel(ctx), p.Name), forget()) }
	if err := ns.Apply(ctx, p); err != nil {
		return place.Wait{}, exitError{exitInconclusive, err}
	}
	return place.Wait{
		Expected: p.Agents(), Deadline: placing,
		Why: func(ctx context.Context) map[string]string { return ns.Why(ctx, p.Name) },
	}, nil
}

// issue fills in the keys of a plan's agents and, for a hub of the plan's own,
// the hub's: with an authority that is made in scratch, where the controller's
// key is then, too.
func (f *placeFlags) issue(p *place.Plan, namespace, scratch string) error {
	dir := f.pki
	if p.Hub == "" {
		dir = scratch
		if err := hub.Init(dir, p.HubHosts(namespace)); err != nil {
			return err
		}
		own, err := os.ReadFile(filepath.Join(dir, "hub.pem"))
		if err != nil {
			return err
		}
		p.HubFiles = map[string][]byte{"hub.pem": own}
	}
	p.Keys = map[string][]byte{}
	for _, a := range p.Agents() {
		file, err := hub.Issue(dir, a.Name, a.Role, a.Site)
		if err != nil {
			return badInput(err)
		}
		p.Keys[a.Name], err = os.ReadFile(file)
		if err := errors.Join(err, os.Remove(file)); err != nil { // the cluster gets it
			return err
		}
	}
	return badInput(p.Check())
}

// waiting says who is missing, for the progress of a run.
func waiting(m place.Missing) string {
	if len(m) == 0 {
		return "all agents are there"
	}
	var names []string
	for _, a := range m[:min(len(m), 5)] {
		names = append(names, a.Name)
	}
	if more := len(m) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("waiting for %d agents: %s", len(m), strings.Join(names, ", "))
}

// show prints the manifests of the run, and applies nothing.
func (f *runFlags) show(args []string, stdout io.Writer) error {
	var m rundir.Manifest
	if err := f.scenario(&m, args); err != nil {
		return err
	}
	return f.place.engine.show(stdout, &m.Scenario, f.hub.hub)
}
