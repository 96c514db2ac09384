package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// folkloreServer is what the folklore settings are usually given for.
const folkloreServer = "gunicorn-sync"

// Cells returns the cells to consider on a machine with that many cores:
// servers × proxies × workers × threads without the excluded ones, then the
// folklore cells that this leaves out. The order is that of the matrix and
// there are no duplicates. The scenario must be valid.
func (s *Scenario) Cells(cores int, cat Catalogue) []Planned {
	cells := s.Matrix.grid(cores)
	for i := range cells {
		cells[i].NotApplicable = cat.applies(cells[i].Cell, s.App.Interface)
	}
	for _, proxy := range s.Matrix.Proxies {
		for _, f := range []struct {
			name    string
			workers int
		}{
			{FolkloreTwice, 2*cores + 1},
			{FolkloreCores, cores},
		} {
			cell := Cell{Proxy: proxy, Workers: f.workers, Threads: 1}
			if !s.folkloreServer(&cell, cat) {
				continue
			}
			i := slices.IndexFunc(cells, func(p Planned) bool { return p.Cell == cell })
			if i < 0 {
				i = len(cells)
				cells = append(cells, Planned{Cell: cell, NotApplicable: cat.applies(cell, s.App.Interface)})
			}
			if !slices.Contains(cells[i].Folklore, f.name) {
				cells[i].Folklore = append(cells[i].Folklore, f.name)
			}
		}
	}
	return cells
}

// folkloreServer sets the server of a folklore cell: gunicorn-sync where the
// matrix has it, else the first that runs with one thread. ok is false when
// there is none.
func (s *Scenario) folkloreServer(c *Cell, cat Catalogue) (ok bool) {
	if slices.Contains(s.Matrix.Servers, folkloreServer) {
		c.Server = folkloreServer
		return true
	}
	for _, c.Server = range s.Matrix.Servers {
		if cat.applies(*c, s.App.Interface) == "" {
			return true
		}
	}
	return false
}

// grid returns the product of the matrix without the excluded cells.
func (m Matrix) grid(cores int) []Planned {
	workers, _ := m.Workers.Expand(cores)
	threads, _ := m.Threads.Expand(cores)
	var cells []Planned
	seen := make(map[Cell]bool)
	for _, server := range m.Servers {
		for _, proxy := range m.Proxies {
			for _, w := range workers {
				for _, t := range threads {
					cell := Cell{Server: server, Proxy: proxy, Workers: w, Threads: t}
					if !seen[cell] && !m.excludes(cell) {
						seen[cell] = true
						cells = append(cells, Planned{Cell: cell})
					}
				}
			}
		}
	}
	return cells
}

// excludes tells whether one of the exclusions matches the cell.
func (m Matrix) excludes(c Cell) bool {
	for _, text := range m.Exclude {
		if e, err := parseExclusion(text); err == nil && e.matches(c) {
			return true
		}
	}
	return false
}

// exclusion matches the cells that agree with each of its values, by part of
// the cell's name.
type exclusion map[string]string

// cellKeys are the parts of a cell's name, in its order.
var cellKeys = []string{"server", "proxy", "workers", "threads"}

const exclusionHint = `write some of server=…/proxy=…/workers=…/threads=…, as "server=gunicorn-gthread/threads=1"`

// parseExclusion reads the parts of a cell's name, in any order.
func parseExclusion(text string) (exclusion, error) {
	e := make(exclusion)
	for part := range strings.SplitSeq(text, "/") {
		key, value, ok := strings.Cut(part, "=")
		switch {
		case !ok || value == "":
			return nil, misfit{text, "does not name cells", exclusionHint}
		case !slices.Contains(cellKeys, key):
			return nil, misfit{text, "holds the unknown part " + strconv.Quote(key), suggest(key, cellKeys)}
		case e[key] != "":
			return nil, misfit{text, fmt.Sprintf("names %s twice", key), "write one entry for each value"}
		}
		if n, err := strconv.Atoi(value); (key == "workers" || key == "threads") && (err != nil || strconv.Itoa(n) != value) {
			return nil, misfit{text, fmt.Sprintf("has %s that are not a number", key), "write " + key + "=4"}
		}
		e[key] = value
	}
	return e, nil
}

func (e exclusion) matches(c Cell) bool {
	parts := map[string]string{"server": c.Server, "proxy": c.Proxy, "workers": strconv.Itoa(c.Workers), "threads": strconv.Itoa(c.Threads)}
	for key, value := range e {
		if parts[key] != value {
			return false
		}
	}
	return true
}

// applies returns why the cell cannot be started, or "".
func (cat Catalogue) applies(c Cell, iface string) string {
	if cat.Applies == nil {
		return ""
	}
	return cat.Applies(c, iface)
}
