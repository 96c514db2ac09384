package rundir

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func testHost(agent, site string) FleetHost {
	return FleetHost{
		Agent: agent, Site: site, Role: "subject", Version: "v1.0.0", CPUs: []int{0, 1}, Offset: -3 * time.Millisecond, Bound: 200 * time.Microsecond,
		Host:     Host{Hostname: "host-of-" + agent, Kernel: "6.1", CPUModel: "EPYC", Cores: 2},
		Versions: map[string]string{"nginx": "1.22.1"}, Sets: &CPUs{Generator: []int{0}, App: []int{1}},
	}
}

func TestHosts(t *testing.T) {
	dir := t.TempDir()
	r, err := Create(dir, testManifest())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got := r.Hosts(); got != nil {
		t.Errorf("a run of one machine has the hosts %v", got)
	}
	if _, err := os.Stat(r.Path(HostsFile)); !os.IsNotExist(err) {
		t.Errorf("a run of one machine has a file of hosts: %v", err)
	}
	b2, a1, b1 := testHost("b2", "b"), testHost("a1", "a"), testHost("b1", "b")
	for _, h := range []FleetHost{b2, testHost("a1", "c"), b1, a1, b2} {
		if err := r.KeepHost(h); err != nil {
			t.Fatal(err)
		}
	}
	read, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []FleetHost{a1, b1, b2}
	for _, got := range [][]FleetHost{r.Hosts(), read.Hosts()} {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("hosts\n%+v, want\n%+v", got, want)
		}
	}
}

func TestHostsThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	r, err := Create(dir, testManifest())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"no JSON", "{", "read the hosts of the run: "},
		{"another name", `{"a": {"Agent": "b"}}`, `agent "b" under the name "a"`},
	} {
		if err := os.WriteFile(r.Path(HostsFile), []byte(tt.text), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, open := range []func(string) (*Run, error){Read, Resume} {
			if _, err := open(dir); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: opening says %v, want %s", tt.name, err, tt.want)
			}
		}
	}
}

// A trial of one machine is written as it was before there were fleets.
func TestPlacedIsKept(t *testing.T) {
	b, err := json.Marshal(Trial{ID: 1})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), "Placed") {
		t.Errorf("a trial of one machine says where it was made: %s", b)
	}
	want := Trial{ID: 2, Step: Step{Cell: testCell}, Placed: &Placed{Site: "a", Agent: "a1", Token: 7, Delivery: 2, Visit: "x_1", Number: 3, Generators: []Shooter{
		{Agent: "g1", Hostname: "h", Sent: 10, Lag: Latency{Count: 10, P99: time.Millisecond}, CPUSeconds: 0.5, CPUs: 2, Offset: 4 * time.Second, Bound: time.Millisecond},
	}}}
	if b, err = json.Marshal(want); err != nil {
		t.Fatal(err)
	}
	var got Trial
	if err := json.Unmarshal(b, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read back as %+v (%v), want %+v", got, err, want)
	}
}

func TestApart(t *testing.T) {
	for _, tt := range []struct {
		name   string
		placed *Placed
		want   bool
	}{
		{"one machine", nil, false},
		{"a subject that attacks itself", &Placed{Agent: "a"}, false},
		{"a generator", &Placed{Agent: "a", Generators: []Shooter{{Agent: "g"}}}, true},
		{"a generator and the subject", &Placed{Agent: "a", Generators: []Shooter{{Agent: "g"}, {Agent: "a"}}}, false},
	} {
		if got := tt.placed.Apart(); got != tt.want {
			t.Errorf("%s: apart is %v, want %v", tt.name, got, tt.want)
		}
	}
}
