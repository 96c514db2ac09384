package rundir

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"time"
)

// HostsFile is the file of a run directory that holds the hosts of a fleet, by
// name of the agent. A run of one machine has none.
const HostsFile = "hosts.json"

// Placed says where in a fleet a trial was made.
type Placed struct {
	Site       string
	Agent      string    // of the subject, which started the stack
	Token      uint64    // of the site's lease
	Delivery   int       // of the visit to a site, from 1
	Visit      string    // that the trial belongs to
	Number     int       // of the trial in its visit, from 0
	Generators []Shooter `json:",omitempty"` // by shard; empty: the subject attacked its own stack
}

// Shooter is a generator of an attack, and what it did in the measured part.
type Shooter struct {
	Agent      string
	Hostname   string
	Shard      int           // from 0
	Sent       uint64        // hits sent
	Lag        Latency       // how late they left
	CPUSeconds float64       // of the generator's process
	CPUs       int           // that it may use
	Offset     time.Duration // of its clock against the subject's, positive where it is ahead
	Bound      time.Duration // of Offset's error
}

// Apart tells whether others than the subject attacked, so that they took none
// of its CPUs.
func (p *Placed) Apart() bool {
	return p != nil && len(p.Generators) > 0 &&
		!slices.ContainsFunc(p.Generators, func(s Shooter) bool { return s.Agent == p.Agent })
}

// FleetHost is one host of a fleet run.
type FleetHost struct {
	Agent    string
	Site     string
	Role     string        // subject, generator or both
	Version  string        // of sweetspot
	CPUs     []int         // that the agent may use
	Offset   time.Duration // of its clock against the hub's, positive where it is ahead
	Bound    time.Duration // of Offset's error
	Host     Host
	Versions map[string]string `json:",omitempty"` // of a subject: of every component, by name
	Sets     *CPUs             `json:",omitempty"` // of a subject: where each part of a stack runs, and of an attack of its own
}

// KeepHost notes a host of the fleet. It takes the place of what was noted of
// the same agent before. As Commit it is not for several callers at once.
func (r *Run) KeepHost(h FleetHost) error {
	if known, ok := r.hosts[h.Agent]; ok && reflect.DeepEqual(known, h) {
		return nil
	}
	all := maps.Clone(r.hosts)
	if all == nil {
		all = map[string]FleetHost{}
	}
	all[h.Agent] = h
	if err := replaceJSON(r.Path(HostsFile), all); err != nil {
		return fmt.Errorf("note the host of agent %s: %w", h.Agent, err)
	}
	r.hosts = all
	return nil
}

// Hosts returns the hosts of the fleet that made the run, by site and agent. A
// run of one machine has none.
func (r *Run) Hosts() []FleetHost {
	return slices.SortedFunc(maps.Values(r.hosts), func(a, b FleetHost) int {
		return cmp.Or(cmp.Compare(a.Site, b.Site), cmp.Compare(a.Agent, b.Agent))
	})
}

func (r *Run) readHosts() error {
	err := readJSON(r.Path(HostsFile), &r.hosts)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the hosts of the run: %w", err)
	}
	for name, h := range r.hosts {
		if h.Agent != name {
			return fmt.Errorf("read the hosts of the run: %s has agent %q under the name %q: it was changed", r.Path(HostsFile), h.Agent, name)
		}
	}
	return nil
}

// replaceJSON writes a file so that it is there as it was, or whole.
func replaceJSON(file string, v any) error {
	if err := writeJSON(file+pendingSuffix, v); err != nil {
		return err
	}
	return os.Rename(file+pendingSuffix, file)
}
