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
// servers × proxies × workers × threads × instances without the excluded ones,
// then the folklore cells, of one instance, that this leaves out, unless the
// scenario compares something else. The order is that of the matrix and there
// are no duplicates. A target is one cell, which no folklore is set against.
// The scenario must be valid.
func (s *Scenario) Cells(cores int, cat Catalogue) []Planned {
	cells := s.Matrix.grid(cores)
	if s.Target != "" {
		return cells
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
			if i < 0 && !slices.Contains([]string{"", CompareFolklore}, s.Search.Compare) {
				continue
			}
			if i < 0 {
				i = len(cells)
				cells = append(cells, Planned{Cell: cell})
			}
			if !slices.Contains(cells[i].Folklore, f.name) {
				cells[i].Folklore = append(cells[i].Folklore, f.name)
			}
		}
	}
	for i := range cells {
		cells[i].NotApplicable = cat.applies(s, cells[i].Cell)
		if cat.Describe != nil {
			cat.Describe(s, &cells[i])
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
		if cat.applies(s, *c) == "" {
			return true
		}
	}
	return false
}

// grid returns the product of the matrix without the excluded cells.
func (m Matrix) grid(cores int) []Planned {
	sizes := m.sizes(cores)
	var cells []Planned
	seen := make(map[Cell]bool)
	for _, server := range m.Servers {
		for _, proxy := range m.Proxies {
			for _, cell := range sizes {
				cell.Server, cell.Proxy = server, proxy
				if !seen[cell] && !m.excludes(cell) {
					seen[cell] = true
					cells = append(cells, Planned{Cell: cell})
				}
			}
		}
	}
	return cells
}

// sizes returns workers × threads × instances, as cells without server and
// proxy. No instances stand for one.
func (m Matrix) sizes(cores int) []Cell {
	workers, _ := m.Workers.Expand(cores)
	threads, _ := m.Threads.Expand(cores)
	instances, _ := m.Instances.Expand(cores)
	if len(m.Instances) == 0 {
		instances = []int{1}
	}
	var sizes []Cell
	for _, w := range workers {
		for _, t := range threads {
			for _, n := range instances {
				if n == 1 {
					n = 0
				}
				sizes = append(sizes, Cell{Workers: w, Threads: t, Instances: n})
			}
		}
	}
	return sizes
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

// cellKeys are the parts of a cell's name, in its order: the server, the proxy
// and counts, of which the last may be left out.
var cellKeys = []string{"server", "proxy", "workers", "threads", "instances"}

const exclusionHint = `write some of server=…/proxy=…/workers=…/threads=…/instances=…, as "server=gunicorn-gthread/threads=1"`

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
		if n, err := strconv.Atoi(value); slices.Contains(cellKeys[2:], key) && (err != nil || strconv.Itoa(n) != value) {
			return nil, misfit{text, fmt.Sprintf("has %s that are not a number", key), "write " + key + "=4"}
		}
		e[key] = value
	}
	return e, nil
}

func (e exclusion) matches(c Cell) bool {
	parts := map[string]string{
		"server": c.Server, "proxy": c.Proxy, "workers": strconv.Itoa(c.Workers), "threads": strconv.Itoa(c.Threads),
		"instances": strconv.Itoa(c.Servers()),
	}
	for key, value := range e {
		if parts[key] != value {
			return false
		}
	}
	return true
}

// applies returns why the cell cannot be started, or "".
func (cat Catalogue) applies(s *Scenario, c Cell) string {
	if cat.Applies == nil {
		return ""
	}
	return cat.Applies(s, c)
}
