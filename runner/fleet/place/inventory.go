// Package place knows where the agents of a run are: on hosts that an inventory
// names and that others start, or in the Pods that it plans. It waits for them
// and says who is missing, and why.
package place

import (
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path"
	"regexp"
	"strings"
	"time"

	"sweetspot/runner/fleet/wire"
	"sweetspot/scenarios"
)

// Agent is one agent that a run expects.
type Agent struct {
	Name string
	Site string
	Role string // wire.Subject, wire.Generator or wire.Both
	Host string // where it is to run, as whoever starts it calls that
}

// String describes it, as "load1, generator of site rack1 on load1.example".
func (a Agent) String() string {
	return fmt.Sprintf("%s, %s of site %s on %s", a.Name, roleWords[a.Role], a.Site, a.Host)
}

var roleWords = map[string]string{wire.Subject: "subject", wire.Generator: "generator", wire.Both: "subject and generator"}

// Inventory names the hosts of a fleet. sweetspot starts nothing there: their
// user does, by the means that he has.
type Inventory struct {
	Hub      string             `yaml:"hub"`      // address, as tls://hub.example:4222
	Program  string             `yaml:"program"`  // path of sweetspot on every host; default /usr/local/bin/sweetspot
	Keys     string             `yaml:"keys"`     // folder on every host with the key of its agent, NAME.pem; default /etc/sweetspot
	Deadline scenarios.Duration `yaml:"deadline"` // until all agents are there; default 2m
	Start    string             `yaml:"start"`    // what the hosts are started by: command (default), systemd, ssh or slurm
	Sites    []Site             `yaml:"sites"`
}

// Site is one host that is measured, and those that attack it.
type Site struct {
	Name       string   `yaml:"name"`
	Subject    Member   `yaml:"subject"`
	Generators []Member `yaml:"generators"` // none: the subject attacks itself
}

// Member is one host of a site.
type Member struct {
	Host  string `yaml:"host"`
	Name  string `yaml:"name"`  // of its agent; default: the first part of the host's name, or its address with hyphens
	User  string `yaml:"user"`  // that ssh logs in as; default: none is said
	Start string `yaml:"start"` // default: the inventory's
}

// Bounds and defaults of an inventory.
const (
	maxSites        = 1000
	defaultDeadline = 2 * time.Minute
	maxDeadline     = time.Hour
	defaultProgram  = "/usr/local/bin/sweetspot"
	defaultKeys     = "/etc/sweetspot"
)

var inventoryKind = scenarios.Kind{
	One: "inventory", Many: "inventories",
	Empty: "begin with hub: tls://HOST:4222 and sites:",
	Top:   "begin with hub: tls://HOST:4222 and sites:",
}

// LoadInventory reads the inventory in a file. What is wrong with it is
// returned as scenarios.Faults, all at once.
func LoadInventory(file string) (*Inventory, error) {
	src, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the inventory: %w", err)
	}
	return ParseInventory(file, src)
}

// ParseInventory reads an inventory from its text. name stands for its file in
// messages. Defaults are filled in.
func ParseInventory(name string, src []byte) (*Inventory, error) {
	var inv Inventory
	sheet := scenarios.ReadSheet(inventoryKind, name, src, &inv)
	if sheet.Readable() {
		inv.setDefaults()
		c := census{Sheet: sheet, hosts: map[string]string{}, names: map[string]string{}, sites: map[string]string{}, start: inv.Start}
		c.inventory(&inv)
	}
	if err := sheet.Err(); err != nil {
		return nil, err
	}
	return &inv, nil
}

func (inv *Inventory) setDefaults() {
	setDefault(&inv.Program, defaultProgram)
	setDefault(&inv.Keys, defaultKeys)
	setDefault(&inv.Start, ByCommand)
	setDefault(&inv.Deadline, scenarios.Duration(defaultDeadline))
	for i := range inv.Sites {
		s := &inv.Sites[i]
		for _, m := range s.members() {
			setDefault(&m.Name, agentName(m.Host))
			setDefault(&m.Start, inv.Start)
		}
	}
}

func setDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// members returns the hosts of a site, the subject first.
func (s *Site) members() []*Member {
	all := []*Member{&s.Subject}
	for i := range s.Generators {
		all = append(all, &s.Generators[i])
	}
	return all
}

// agentName is the default name of the agent on a host.
func agentName(host string) string {
	host = strings.ToLower(host)
	if _, err := netip.ParseAddr(host); err != nil {
		host, _, _ = strings.Cut(host, ".")
	}
	return strings.NewReplacer(".", "-", ":", "-").Replace(host)
}

// census checks an inventory: what has to be unique is noted with its path.
type census struct {
	*scenarios.Sheet
	hosts, names, sites map[string]string
	start               string // the inventory's own, of which one fault is enough
}

func (c *census) inventory(inv *Inventory) {
	if !c.Missing("hub", inv.Hub, "say where the hub is, as in hub: tls://hub.example:4222") {
		if err := CheckHub(inv.Hub); err != nil {
			c.Fault("hub", err.Error(), "write it as tls://HOST:4222")
		}
	}
	c.path("program", inv.Program)
	c.path("keys", inv.Keys)
	c.Between("deadline", inv.Deadline, scenarios.Duration(time.Second), scenarios.Duration(maxDeadline))
	c.Word("start", inv.Start, Starts)
	switch n := len(inv.Sites); {
	case n == 0:
		c.Fault("sites", "has no site", "name at least one, with the host that is measured: - {name: a, subject: {host: app1.example}}")
	case n > maxSites:
		c.Fault("sites", fmt.Sprintf("has %d sites, must have at most %d", n, maxSites), "")
	}
	for i := range inv.Sites {
		c.site(fmt.Sprintf("sites[%d]", i), &inv.Sites[i])
	}
}

func (c *census) site(at string, s *Site) {
	if !c.Missing(at+".name", s.Name, "name the site, as in name: rack1") {
		c.name(at+".name", s.Name)
		c.once(c.sites, at+".name", s.Name, "give every site a name of its own")
	}
	if len(s.Generators) > wire.MaxShards {
		c.Fault(at+".generators", fmt.Sprintf("has %d hosts, must have at most %d", len(s.Generators), wire.MaxShards), "")
	}
	for i, m := range s.members() {
		if i == 0 {
			c.member(at+".subject", m)
		} else {
			c.member(fmt.Sprintf("%s.generators[%d]", at, i-1), m)
		}
	}
}

func (c *census) member(at string, m *Member) {
	if c.Missing(at+".host", m.Host, "say which host it is, as in host: app1.example") {
		return
	}
	if !isHost(m.Host) {
		c.Fault(at+".host", fmt.Sprintf("is %q, must be a host name or an IP address", m.Host), "a user goes into user:")
		return
	}
	c.once(c.hosts, at+".host", strings.ToLower(m.Host), "a host takes part once; a site without generators attacks itself")
	c.name(at+".name", m.Name)
	c.once(c.names, at+".name", m.Name, "give the agent another name, as in name: load2")
	if m.User != "" && !userForm.MatchString(m.User) {
		c.Fault(at+".user", fmt.Sprintf("is %q, must be a user's name", m.User), "")
	}
	if m.Start != c.start {
		c.Word(at+".start", m.Start, Starts)
	}
}

func (c *census) name(at, name string) {
	if wire.CheckName("", name) != nil {
		c.Fault(at, fmt.Sprintf("is %q, must be 1 to 63 lower-case letters, digits and hyphens, the first no hyphen", name), "")
	}
}

// once reports what was there already.
func (c *census) once(seen map[string]string, at, text, hint string) {
	if first, again := seen[text]; again {
		c.Fault(at, fmt.Sprintf("is %q again, first in line %d", text, c.Line(first)), hint)
		return
	}
	seen[text] = at
}

// path refuses what a shell or systemd would read in its own way.
func (c *census) path(at, p string) {
	if !path.IsAbs(p) || !pathForm.MatchString(p) {
		c.Fault(at, fmt.Sprintf("is %q, must be an absolute path of letters, digits and ._/+-", p), "")
	}
}

var (
	hostForm = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
	userForm = regexp.MustCompile(`^[a-z_][a-z0-9_.-]{0,31}$`)
	pathForm = regexp.MustCompile(`^[A-Za-z0-9._/+-]{1,255}$`)
)

func isHost(text string) bool {
	if a, err := netip.ParseAddr(text); err == nil {
		return a.Zone() == ""
	}
	return len(text) <= 253 && hostForm.MatchString(text)
}

// CheckHub says what is wrong with a hub's address.
func CheckHub(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "tls" && u.Scheme != "nats" || !isHost(u.Hostname()) || u.String() != u.Scheme+"://"+u.Host {
		return fmt.Errorf("is %q, must be the address of a hub", address)
	}
	return nil
}

// Agents returns the agents of an inventory, site by site, the subject first.
func (inv *Inventory) Agents() []Agent {
	var all []Agent
	for _, p := range inv.posts() {
		all = append(all, p.Agent)
	}
	return all
}

// post is an agent and how it is started.
type post struct {
	Agent
	user, start string
}

func (inv *Inventory) posts() []post {
	var all []post
	for i := range inv.Sites {
		s := &inv.Sites[i]
		for j, m := range s.members() {
			role := wire.Generator
			switch {
			case j == 0 && len(s.Generators) == 0:
				role = wire.Both
			case j == 0:
				role = wire.Subject
			}
			all = append(all, post{Agent{Name: m.Name, Site: s.Name, Role: role, Host: m.Host}, m.User, m.Start})
		}
	}
	return all
}
