package place

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"sweetspot/runner/fleet/wire"
	"sweetspot/scenarios"
)

// Plan is what a run has in a namespace of a Kubernetes cluster.
type Plan struct {
	Name       string // of the object that owns the others, whose names begin with it: see PlanName
	Run        string // ID of the run; may be empty
	Scenario   string // name of its scenario
	Version    string // of sweetspot
	Image      string // with that sweetspot and what the scenario measures
	PullSecret string // that the image is pulled with; empty: none
	Sites      int    // at least 1
	Generators int    // of every site; 0: the subject attacks itself
	Subject    Resources
	Generator  Resources
	Spread     string            // of the agents over nodes: Required (default) or Preferred
	SubjectOn  map[string]string // labels of the nodes that subjects run on; empty: any
	AttackOn   map[string]string // labels of the nodes that generators run on; empty: any
	Lifetime   time.Duration     // after which Kubernetes ends what nobody deleted, in whole seconds
	Hub        string            // address; empty: a Deployment of the plan's own
	HubFiles   map[string][]byte // of the folder that a hub of the plan's own is started with, by name
	Keys       map[string][]byte // key of every agent, by its name
}

// Resources is what a Pod asks for and gets: the same, so that it is never
// throttled or evicted for another one's sake.
type Resources struct {
	CPU    float64 // cores
	Memory scenarios.Bytes
}

// Ways to spread agents over nodes.
const (
	Required  = "required"  // no node has two agents; one that finds none waits
	Preferred = "preferred" // where there are enough nodes
)

// Spreads are the ways that a plan knows.
var Spreads = []string{Required, Preferred}

// Bounds of a plan.
const (
	maxPlanName = 40
	// maxSecret is the most that the API server takes in one Secret, in bytes.
	maxSecret = 1 << 20
)

var (
	labelForm = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	notName   = regexp.MustCompile(`[^a-z0-9]+`)
	imageForm = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._:/@+-]{0,254}$`)
)

// PlanName makes a plan's name of any text: of at most 40 lower-case letters,
// digits and hyphens. Different texts have different names.
func PlanName(text string) string {
	const prefix = "sweetspot-"
	clean := strings.Trim(notName.ReplaceAllString(strings.ToLower(text), "-"), "-")
	if clean == text && text != "" && len(prefix+text) <= maxPlanName {
		return prefix + text
	}
	sum := sha256.Sum256([]byte(text))
	hash := hex.EncodeToString(sum[:4])
	return prefix + strings.TrimLeft(clean[:min(len(clean), maxPlanName-len(prefix)-len(hash)-1)]+"-"+hash, "-")
}

// Check says all that is wrong with a plan.
func (p *Plan) Check() error {
	var err error
	require := func(ok bool, format string, args ...any) {
		if !ok {
			err = errors.Join(err, fmt.Errorf(format, args...))
		}
	}
	require(labelForm.MatchString(p.Name) && len(p.Name) <= maxPlanName, "name %q: want 1 to %d lower-case letters, digits and hyphens, the first a letter", p.Name, maxPlanName)
	require(imageForm.MatchString(p.Image), "image %q: want one as registry.example/sweetspot:v1", p.Image)
	require(p.PullSecret == "" || labelForm.MatchString(p.PullSecret), "pull secret %q: want the name of a Secret", p.PullSecret)
	require(p.Sites >= 1 && p.Sites <= maxSites, "%d sites: want 1 to %d", p.Sites, maxSites)
	require(p.Generators >= 0 && p.Generators <= wire.MaxShards, "%d generators a site: want 0 to %d", p.Generators, wire.MaxShards)
	require(slices.Contains(Spreads, p.Spread), "spread %q: want %s", p.Spread, strings.Join(Spreads, " or "))
	require(p.Lifetime >= time.Minute, "lifetime %v: want at least 1m", p.Lifetime)
	if p.Hub != "" {
		if e := CheckHub(p.Hub); e != nil {
			require(false, "hub %w", e)
		}
	}
	err = errors.Join(err, p.Subject.check("subject"))
	if p.Generators > 0 {
		err = errors.Join(err, p.Generator.check("generator"))
	}
	for s := range max(0, p.Sites) {
		size := 0
		for _, a := range p.agentsOf(s) {
			size += len(p.Keys[a.Name])
		}
		if size >= maxSecret {
			return errors.Join(err, fmt.Errorf("the keys of the %d generators of a site are %d bytes, and a Secret takes %d: make more sites of fewer generators", p.Generators, size, maxSecret))
		}
	}
	return err
}

func (r Resources) check(what string) error {
	var err error
	if !(r.CPU >= 0.1 && r.CPU <= 4096) {
		err = fmt.Errorf("%s with %g cores: want 0.1 to 4096", what, r.CPU)
	}
	if r.Memory < 32<<20 {
		err = errors.Join(err, fmt.Errorf("%s with %v of memory: want at least 32MiB", what, r.Memory))
	}
	return err
}

// quantities are the resources as Kubernetes writes them.
func (r Resources) quantities() map[string]any {
	cpu := fmt.Sprintf("%dm", int64(math.Ceil(r.CPU*1000)))
	if r.CPU == math.Trunc(r.CPU) {
		cpu = fmt.Sprintf("%d", int64(r.CPU))
	}
	memory := fmt.Sprintf("%d", int64(r.Memory))
	if r.Memory%(1<<20) == 0 {
		memory = fmt.Sprintf("%dMi", r.Memory>>20)
	}
	return map[string]any{"cpu": cpu, "memory": memory}
}

// site names the site number i, from 0. No other run has one of that name.
func (p *Plan) site(i int) string { return fmt.Sprintf("%s-s%d", p.Name, i+1) }

// agentsOf returns the agents of the site number i, the subject first.
func (p *Plan) agentsOf(i int) []Agent {
	site := p.site(i)
	role := wire.Subject
	if p.Generators == 0 {
		role = wire.Both
	}
	all := []Agent{{Name: site + "-subject", Site: site, Role: role, Host: "Pod " + site + "-subject"}}
	for g := range max(0, p.Generators) {
		all = append(all, Agent{Name: fmt.Sprintf("%s-g%d", site, g), Site: site, Role: wire.Generator, Host: fmt.Sprintf("Pod %d of Job %s-generators", g, site)})
	}
	return all
}

// Agents returns the agents of a plan, site by site, the subject first.
func (p *Plan) Agents() []Agent {
	var all []Agent
	for i := range p.Sites {
		all = append(all, p.agentsOf(i)...)
	}
	return all
}

// HubHosts are the names that a hub of the plan's own is reached at: by its
// Service in the cluster, and through kubectl port-forward.
func (p *Plan) HubHosts(namespace string) []string {
	name := p.hubName()
	return []string{name, name + "." + namespace, name + "." + namespace + ".svc", "localhost", "127.0.0.1"}
}

func (p *Plan) hubName() string { return p.Name + "-hub" }

// hubPort is where a hub listens.
const hubPort = 4222

// HubAddress is where the agents find the hub, and the controller if it runs in
// the cluster.
func (p *Plan) HubAddress(namespace string) string {
	if p.Hub != "" {
		return p.Hub
	}
	return fmt.Sprintf("tls://%s.%s.svc:%d", p.hubName(), namespace, hubPort)
}

// hasKeys tells whether all agents have one.
func (p *Plan) hasKeys() bool {
	return !slices.ContainsFunc(p.Agents(), func(a Agent) bool { return len(p.Keys[a.Name]) == 0 })
}
