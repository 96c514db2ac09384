package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"sweetspot/runner/fleet"
	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

func newStatus() *cobra.Command {
	var f hubFlags
	c := &cobra.Command{
		Use:   "status [RUN]",
		Short: "Show the runs and the agents of a hub",
		Long: `Status shows the runs that a hub has, and the agents that are there: what they
do, their version, CPUs, and by how much their clocks differ from the hub's.
RUN is a run's directory or its ID; without it all runs are shown.

` + exitHelp,
		Example: `  sweetspot status --hub tls://hub:4222 --key controller.pem
  sweetspot status runs/django-shop-20260102T030405Z --hub tls://hub:4222 --key controller.pem`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.status(c.Context(), args, c.OutOrStdout())
		},
	}
	f.add(c)
	return c
}

func newCancel() *cobra.Command {
	var f hubFlags
	c := &cobra.Command{
		Use:   "cancel RUN",
		Short: "Stop a run of a hub; it can be resumed",
		Long: `Cancel stops a run at all sites of a hub, and its controller. What was measured
is kept, and sweetspot resume goes on with it. RUN is the run's directory or its
ID, as sweetspot status shows it.

` + exitHelp,
		Example: `  sweetspot cancel k3x5q7w2m4n6 --hub tls://hub:4222 --key controller.pem`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.cancel(c.Context(), args[0], c.OutOrStdout())
		},
	}
	f.add(c)
	return c
}

func newResume() *cobra.Command {
	f := runFlags{}
	c := &cobra.Command{
		Use:   "resume RUN",
		Short: "Go on with a run on a hub",
		Long: `Resume goes on with a run that was interrupted, cancelled, or whose controller
died: it is sweetspot run --resume. RUN is the run's directory, or its ID where
that is in runs/.

` + exitHelp,
		Example: `  sweetspot resume runs/django-shop-20260102T030405Z --hub tls://hub:4222 --key controller.pem`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			run, err := directoryOf(args[0])
			if err != nil {
				return badInput(err)
			}
			f.resume = run.Dir
			return f.run(c.Context(), nil, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f.flags(c)
	liveFlag(c, &f.live)
	f.hub.add(c)
	return c
}

// directoryOf opens a run by its directory, or by its ID where it is in runs/.
func directoryOf(run string) (*rundir.Run, error) {
	if _, err := os.Stat(run); err == nil {
		return rundir.Read(run)
	}
	all, err := filepath.Glob(filepath.Join("runs", "*", rundir.ManifestFile))
	if err != nil {
		return nil, err
	}
	for _, file := range all {
		if r, err := rundir.Read(filepath.Dir(file)); err == nil && r.Manifest.RunID == run {
			return r, nil
		}
	}
	return nil, fmt.Errorf("%s is no run directory, and no run in runs/ has that ID", run)
}

// idOf returns the ID of a run that is named by it or by its directory.
func idOf(run string) (string, error) {
	if _, err := os.Stat(run); err != nil {
		return run, wire.CheckName("run", run)
	}
	r, err := rundir.Read(run)
	if err != nil {
		return "", err
	}
	return r.Manifest.RunID, nil
}

// status prints what the hub has.
func (f *hubFlags) status(ctx context.Context, args []string, stdout io.Writer) error {
	only := ""
	if len(args) == 1 {
		var err error
		if only, err = idOf(args[0]); err != nil {
			return badInput(err)
		}
	}
	nc, err := f.dial(ctx)
	if err != nil {
		return err
	}
	defer nc.Close()
	s, err := fleet.StatusOf(ctx, nc, only)
	if errors.Is(err, fleet.ErrUnknown) {
		return badInput(err)
	}
	if err != nil {
		return err
	}
	return printStatus(stdout, s, time.Now())
}

// printStatus writes a table of the runs and one of the agents.
func printStatus(stdout io.Writer, s fleet.Status, now time.Time) error {
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tSCENARIO\tSTATE\tTRIALS\tLEFT\tCONTROLLER\tREFUSED\tDROPPED")
	for _, r := range s.Runs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%v\theard %v ago\t%d\t%d\n", r.ID, r.Name, r.State, r.Trials, r.Left.Round(time.Second), now.Sub(r.Heard).Round(time.Second), r.Refused, r.Dropped)
	}
	fmt.Fprintln(w, "\nAGENT\tSITE\tROLE\tVERSION\tCPUS\tCLOCK\tDOES\tDROPPED")
	for _, a := range s.Agents {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%+.1fms ± %.1fms\t%s\t%d\n", a.Name, a.Site, a.Role, a.Version, scenarios.CPUList(a.CPUs), ms(a.Offset), ms(a.Bound), does(a), a.Dropped)
	}
	return w.Flush()
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }

// does says what an agent does.
func does(a wire.Agent) string {
	switch {
	case a.Protocol != wire.Protocol:
		return fmt.Sprintf("nothing: it speaks protocol %d, this is %d", a.Protocol, wire.Protocol)
	case a.Visit != "":
		return "run " + a.Run + ": " + a.Visit
	case a.Token > 0 || a.Role == wire.Generator:
		return "ready"
	}
	return "waits: another agent is the subject of its site"
}

// cancel stops a run.
func (f *hubFlags) cancel(ctx context.Context, run string, stdout io.Writer) error {
	id, err := idOf(run)
	if err != nil {
		return badInput(err)
	}
	nc, err := f.dial(ctx)
	if err != nil {
		return err
	}
	defer nc.Close()
	err = fleet.Cancel(ctx, nc, id)
	if errors.Is(err, fleet.ErrUnknown) {
		return badInput(err)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "cancelled run %s; go on with: sweetspot resume %s%s\n", id, run, f.again())
	return err
}
