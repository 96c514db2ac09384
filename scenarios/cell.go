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
}

// Direct is the proxy of a cell that has none.
const Direct = "direct"

// Slots returns how many requests the cell works on at once.
func (c Cell) Slots() int { return c.Workers * c.Threads }

func (c Cell) String() string {
	return fmt.Sprintf("server=%s/proxy=%s/workers=%d/threads=%d", c.Server, c.Proxy, c.Workers, c.Threads)
}

// ParseCell is the inverse of Cell.String.
func ParseCell(s string) (Cell, error) {
	var c Cell
	parts := strings.Split(s, "/")
	if len(parts) != 4 {
		return c, fmt.Errorf("cell %q: want server=…/proxy=…/workers=…/threads=…", s)
	}
	for i, key := range []string{"server", "proxy", "workers", "threads"} {
		k, v, ok := strings.Cut(parts[i], "=")
		if !ok || k != key || v == "" {
			return c, fmt.Errorf("cell %q: part %d is %q, want %s=…", s, i+1, parts[i], key)
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
		}
		if err != nil {
			return c, fmt.Errorf("cell %q: %s: %w", s, key, err)
		}
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
	Folklore      []string // which folklore settings it is; empty for most
	NotApplicable string   // why it cannot be measured; empty when it can
}

// Catalogue is what a scenario may name. The stack package provides it; tests
// may bring their own.
type Catalogue struct {
	Servers  []string                                   // names of application servers
	Proxies  []string                                   // names of proxies, Direct included
	Fixtures []string                                   // names of built-in applications
	Applies  func(cell Cell, iface string) (why string) // "" when the cell can be started for that interface
}
