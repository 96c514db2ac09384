package place

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"sweetspot/runner/fleet/wire"
)

// small is a plan with a hub of its own and keys.
func small() *Plan {
	p := &Plan{
		Name: "sweetspot-ab12cd34ef56", Run: "ab12cd34ef56", Scenario: "shop", Version: "v1", Image: "registry.example/sweetspot:v1",
		Sites: 1, Generators: 2, Subject: Resources{2, 1 << 30}, Generator: Resources{0.5, 300e6}, Spread: Required, Lifetime: 90 * time.Minute,
		HubFiles: map[string][]byte{"hub.pem": []byte("key of the hub\n")},
		Keys:     map[string][]byte{},
	}
	for _, a := range p.Agents() {
		p.Keys[a.Name] = fmt.Appendf(nil, "key of %s\n", a.Name)
	}
	return p
}

// outside is a plan without keys, of a hub elsewhere.
func outside() *Plan {
	return &Plan{
		Name: "bench", Scenario: "shop", Version: "v1", Image: "sweetspot", PullSecret: "registry",
		Sites: 2, Subject: Resources{1.25, 512 << 20}, Spread: Preferred, Lifetime: time.Hour, Hub: "tls://hub.example:4222",
		SubjectOn: map[string]string{"pool": "apps"},
	}
}

func TestPrintPlan(t *testing.T) {
	nokeys := small()
	nokeys.Keys, nokeys.HubFiles = nil, nil
	for _, tt := range []struct {
		name string
		plan *Plan
	}{
		{"small", small()},
		{"nokeys", nokeys},
		{"outside", outside()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.plan.Check(); err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := tt.plan.Print(&b, "bench"); err != nil {
				t.Fatal(err)
			}
			golden(t, "plan-"+tt.name+".golden.yaml", b.Bytes())
		})
	}
}

func TestPrintRole(t *testing.T) {
	var b bytes.Buffer
	if err := PrintRole(&b, "bench"); err != nil {
		t.Fatal(err)
	}
	golden(t, "role.golden.yaml", b.Bytes())
}

// All that is wrong is said at once.
func TestPlanCheck(t *testing.T) {
	p := &Plan{Name: "Bench", Image: "-x", Sites: 0, Generators: 2000, Spread: "even", Hub: "http://x", PullSecret: "_"}
	want := []string{
		`name "Bench": want 1 to 40 lower-case letters`, `image "-x"`, `pull secret "_"`, "0 sites: want 1 to 1000",
		"2000 generators a site: want 0 to 1000", `spread "even": want required or preferred`, "lifetime 0s", `hub is "http://x"`,
		"subject with 0 cores", "subject with 0B of memory", "generator with 0 cores", "generator with 0B of memory",
	}
	err := p.Check()
	if err == nil {
		t.Fatal("no fault")
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("no %q in:\n%v", w, err)
		}
	}
	if got := strings.Count(err.Error(), "\n") + 1; got != len(want) {
		t.Errorf("%d faults, want %d:\n%v", got, len(want), err)
	}
}

// The keys of a site go into one Secret, which has a bound.
func TestPlanSecretBound(t *testing.T) {
	p := small()
	p.Keys[p.Agents()[1].Name] = make([]byte, maxSecret)
	if err := p.Check(); err == nil || !strings.Contains(err.Error(), "make more sites of fewer generators") {
		t.Errorf("error %v", err)
	}
}

var dnsLabel = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Whatever a run is called, the largest plan has names, labels and agents that
// Kubernetes and a hub take, and no two alike.
func TestPlanNames(t *testing.T) {
	named := map[string]string{}
	for _, text := range []string{
		"ab12cd34ef56", "shop", "Shop", "django shop", "--", "", "sweetspot-shop", strings.Repeat("x", 200), strings.Repeat("x", 201), "a/b", "a.b",
	} {
		p := small()
		p.Name = PlanName(text)
		if before, taken := named[p.Name]; taken {
			t.Errorf("%q and %q are both called %s", before, text, p.Name)
		}
		named[p.Name] = text
		p.Sites, p.Generators, p.Keys = maxSites, 1, nil
		if err := p.Check(); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		seen := map[string]bool{}
		for _, o := range p.Objects("bench") {
			meta := o.Content["metadata"].(fields)
			id := fmt.Sprint(o.Content["kind"], "/", meta["name"])
			if seen[id] {
				t.Errorf("two objects are %s", id)
			}
			seen[id] = true
			// A Job's Pods are called JOB-INDEX.
			if name := meta["name"].(string); !dnsLabel.MatchString(name) || !dnsLabel.MatchString(name+"-999") {
				t.Errorf("%q is no DNS label", name)
			}
			for k, v := range meta["labels"].(fields) {
				if v := v.(string); len(v) > 63 {
					t.Errorf("label %s=%s is %d characters long", k, v, len(v))
				}
			}
		}
		p.Sites, p.Generators = 1, wire.MaxShards
		for _, a := range p.Agents() {
			if err := errors.Join(wire.CheckName("agent", a.Name), wire.CheckName("site", a.Site)); err != nil {
				t.Error(err)
			}
			if seen[a.Name] {
				t.Errorf("two agents are called %s", a.Name)
			}
			seen[a.Name] = true
		}
	}
}

// What a Pod of a plan says of itself leads to its agent.
func TestPodAgent(t *testing.T) {
	p := small()
	for i, a := range p.agentsOf(0) {
		name, labels := a.Name, map[string]string{labelSite: a.Site, labelComponent: subjectComponent}
		if i > 0 {
			name = a.Site + "-generators-x7k2p"
			labels[labelComponent] = generatorComponent
			labels["batch.kubernetes.io/job-completion-index"] = fmt.Sprint(i - 1)
		}
		if got := PodAgent(name, labels); got != a.Name {
			t.Errorf("Pod %s is of %s, want %s", name, got, a.Name)
		}
	}
}
