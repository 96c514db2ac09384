package reports

import (
	"time"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
)

// fleetHostDoc is one host of a fleet.
type fleetHostDoc struct {
	Agent    string            `json:"agent"`
	Site     string            `json:"site"`
	Role     string            `json:"role"`
	Version  string            `json:"sweetspot"`
	CPUs     []int             `json:"cpus"`
	OffsetMs quantity          `json:"clock_offset_ms"`
	BoundMs  quantity          `json:"clock_bound_ms"`
	Host     hostDoc           `json:"host"`
	Versions map[string]string `json:"versions"`
	Sets     *cpuSetsDoc       `json:"cpu_sets,omitempty"`
}

// placedDoc is where in a fleet a trial was made.
type placedDoc struct {
	Site       string       `json:"site"`
	Agent      string       `json:"agent"`
	Token      uint64       `json:"lease_token"`
	Delivery   int          `json:"delivery"`
	Visit      string       `json:"visit"`
	Number     int          `json:"number_in_visit"`
	Generators []shooterDoc `json:"generators"`
}

// shooterDoc is a generator of a trial, on a host of its own or the subject's.
type shooterDoc struct {
	Agent      string     `json:"agent"`
	Hostname   string     `json:"hostname"`
	Shard      int        `json:"shard"`
	Sent       uint64     `json:"sent"`
	Lag        latencyDoc `json:"lag"`
	CPUSeconds quantity   `json:"cpu_seconds"`
	CPUs       int        `json:"usable_cpus"`
	OffsetMs   quantity   `json:"clock_offset_ms"`
	BoundMs    quantity   `json:"clock_bound_ms"`
}

// siteDoc is how fast a site is, by what the same configurations did at several.
type siteDoc struct {
	Site   string     `json:"site"`
	Visits int        `json:"visits"`
	Speed  *figureDoc `json:"speed_over_mean"`
}

func siteDocs(sites []analysis.Site) (docs []siteDoc) {
	for _, s := range sites {
		docs = append(docs, siteDoc{s.Name, s.Visits, newFigureDoc(s.Speed)})
	}
	return docs
}

func fleetHostDocs(hosts []rundir.FleetHost) (docs []fleetHostDoc) {
	for _, h := range hosts {
		d := fleetHostDoc{
			Agent: h.Agent, Site: h.Site, Role: h.Role, Version: h.Version, CPUs: list(h.CPUs), OffsetMs: quantity(milliseconds(h.Offset)), BoundMs: quantity(milliseconds(h.Bound)),
			Host: newHostDoc(h.Host), Versions: texts(h.Versions),
		}
		if h.Sets != nil {
			sets := newCPUSetsDoc(*h.Sets)
			d.Sets = &sets
		}
		docs = append(docs, d)
	}
	return docs
}

func newPlacedDoc(p *rundir.Placed) *placedDoc {
	if p == nil {
		return nil
	}
	d := &placedDoc{p.Site, p.Agent, p.Token, p.Delivery, p.Visit, p.Number, []shooterDoc{}}
	for _, g := range p.Generators {
		d.Generators = append(d.Generators, shooterDoc{g.Agent, g.Hostname, g.Shard, g.Sent, newLatencyDoc(g.Lag), quantity(g.CPUSeconds), g.CPUs, quantity(milliseconds(g.Offset)), boundMs(g.Bound)})
	}
	return d
}

// boundMs is null where no clocks were compared.
func boundMs(bound time.Duration) quantity { return known(milliseconds(bound)) }
