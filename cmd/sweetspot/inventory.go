package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sweetspot/runner/fleet/place"
)

func newInventory() *cobra.Command {
	var start string
	c := &cobra.Command{
		Use:   "inventory FILE",
		Short: "Check an inventory, and print how the agent of every host is started",
		Long: `Inventory checks a file that names the hosts of a fleet, and prints for every
host what its key is made by and what its agent is started by. sweetspot starts
nothing there: a run that is given the file waits until all agents are there, or
says who is missing, and why.

An inventory:

  hub: tls://hub.example:4222
  start: systemd                  # or command (default), ssh, slurm
  sites:
    - name: rack1
      subject: {host: app1.example}
      generators:
        - {host: load1.example}
        - {host: load2.example, start: ssh, user: bench}

` + exitHelp,
		Example: `  sweetspot inventory inventory.yaml
  sweetspot inventory inventory.yaml --start slurm
  sweetspot run scenario.yaml --hub tls://hub.example:4222 --inventory inventory.yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if start != "" && !slices.Contains(place.Starts, start) {
				return badInputf("--start %s: want %s", start, strings.Join(place.Starts, ", "))
			}
			inv, err := place.LoadInventory(args[0])
			if err != nil {
				return badInput(err)
			}
			out := c.OutOrStdout()
			fmt.Fprintf(out, "# %s is valid: %d sites, %d agents, hub %s\n", args[0], len(inv.Sites), len(inv.Agents()), inv.Hub)
			return inv.Print(out, start)
		},
	}
	c.Flags().StringVar(&start, "start", "", "how agents are started: "+strings.Join(place.Starts, ", ")+" (default the inventory's)")
	return c
}
