package scenarios

import (
	"fmt"
	"strconv"
	"strings"
)

// Cell is one configuration of the stack. Its String is its only name.
type Cell struct {
	Server  string // a name in the catalogue, as gunicorn-sync
	Proxy   string // a name in the catalogue, as nginx; direct means none
	Workers int    // processes
	Threads int    // per worker

	// Instances is how many application servers of that many workers the proxy
	// balances over; 0 stands for one, so that a cell has one form only.
	Instances int
}

// Direct is the proxy of a cell that has none.
const Direct = "direct"

// TargetServer is the server of the one cell of a scenario with a target.
const TargetServer = "target"

// Servers returns how many application servers the cell runs.
func (c Cell) Servers() int { return max(1, c.Instances) }

// Processes returns how many workers the cell runs, those of all its servers.
func (c Cell) Processes() int { return c.Servers() * c.Workers }

// Slots returns how many requests the cell works on at once.
func (c Cell) Slots() int { return c.Processes() * c.Threads }

func (c Cell) String() string {
	s := fmt.Sprintf("server=%s/proxy=%s/workers=%d/threads=%d", c.Server, c.Proxy, c.Workers, c.Threads)
	if c.Instances > 1 {
		s += fmt.Sprintf("/instances=%d", c.Instances)
	}
	return s
}

// ParseCell is the inverse of Cell.String. A cell that is written in any other
// form is an error, so that a name can be compared as a text.
func ParseCell(s string) (Cell, error) {
	var c Cell
	parts := strings.Split(s, "/")
	if len(parts) < len(cellKeys)-1 || len(parts) > len(cellKeys) {
		return c, fmt.Errorf("cell %q: want server=…/proxy=…/workers=…/threads=…", s)
	}
	for i, part := range parts {
		key := cellKeys[i]
		k, v, ok := strings.Cut(part, "=")
		if !ok || k != key || v == "" {
			return c, fmt.Errorf("cell %q: part %d is %q, want %s=…", s, i+1, part, key)
		}
		var err error
		switch key {
		case "server":
			c.Server = v
		case "proxy":
			c.Proxy = v
		case "workers":
			c.Workers, err = strconv.Atoi(v)
		case "threads":
			c.Threads, err = strconv.Atoi(v)
		case "instances":
			c.Instances, err = strconv.Atoi(v)
		}
		if err != nil {
			return c, fmt.Errorf("cell %q: %s: %w", s, key, err)
		}
	}
	if name := c.String(); name != s {
		return c, fmt.Errorf("cell %q: its only name is %s", s, name)
	}
	return c, nil
}

// MarshalText implements encoding.TextMarshaler.
func (c Cell) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Cell) UnmarshalText(b []byte) (err error) {
	*c, err = ParseCell(string(b))
	return err
}

// Folklore settings, as a Planned cell names them.
const (
	FolkloreTwice = "2 × cores + 1 workers"
	FolkloreCores = "one worker per core"
)

// Planned is a cell of the matrix and what is known of it before measuring.
type Planned struct {
	Cell          Cell
	Interface     string   // over which its server runs the application; empty when nobody can tell
	StaticFromApp bool     // the application serves the static files, for lack of a proxy that does
	Folklore      []string // which folklore settings it is; empty for most
	NotApplicable string   // why it cannot be measured; empty when it can
}

// Catalogue is what a scenario may name. The stack package provides it; tests
// may bring their own.
type Catalogue struct {
	Servers  []string                                  // names of application servers
	Proxies  []string                                  // names of proxies, Direct included
	Services []string                                  // names of services
	Fixtures []string                                  // names of built-in applications
	Applies  func(s *Scenario, cell Cell) (why string) // "" when the cell can be started
	Describe func(s *Scenario, p *Planned)             // fills in what else is known of the cell
}
