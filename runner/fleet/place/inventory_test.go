package place

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"sweetspot/runner/fleet/wire"
	"sweetspot/scenarios"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (-update rewrites it); got:\n%s", file, got)
	}
}

func load(t *testing.T) *Inventory {
	t.Helper()
	inv, err := LoadInventory("testdata/inventory.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

func TestInventory(t *testing.T) {
	inv := load(t)
	want := []Agent{
		{"app1", "rack1", wire.Subject, "app1.example"},
		{"load1", "rack1", wire.Generator, "load1.example"},
		{"load2", "rack1", wire.Generator, "load2.example"},
		{"192-0-2-7", "rack1", wire.Generator, "192.0.2.7"},
		{"second", "rack2", wire.Both, "App2.example"},
	}
	if got := inv.Agents(); !reflect.DeepEqual(got, want) {
		t.Errorf("agents %v, want %v", got, want)
	}
	if inv.Deadline != scenarios.Duration(5*time.Minute) || inv.Program != defaultProgram || inv.Keys != defaultKeys {
		t.Errorf("deadline %v, program %s, keys %s", inv.Deadline, inv.Program, inv.Keys)
	}
	for _, a := range want {
		if err := wire.CheckName("agent", a.Name); err != nil {
			t.Error(err)
		}
	}
}

// Every fault of a text is told at once, with its place and its remedy.
func TestBrokenInventories(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", `
i.yaml:1:1: is empty
  begin with hub: tls://HOST:4222 and sites:`},
		{"a list", "- a", `
i.yaml:1:1: is a list, must be a mapping
    - a
    ^
  begin with hub: tls://HOST:4222 and sites:`},
		{"nothing", "start: ssh\n", `
i.yaml:1:1: hub: is missing
  say where the hub is, as in hub: tls://hub.example:4222
i.yaml:1:1: sites: has no site
  name at least one, with the host that is measured: - {name: a, subject: {host: app1.example}}`},
		{"many", `hub: http://hub.example/x
keys: /etc/my keys
deadline: 90d
start: sytemd
sites:
  - name: a
    subject: {host: app1.example}
    generators:
      - {host: load.b.example}
      - {host: load.c.example}
      - {hots: load1}
  - name: a
    subject: {host: APP1.example, user: Root, name: App, start: cron}
  - subject: {host: root@app3}
`, `
i.yaml:1:1: hub: is "http://hub.example/x", must be the address of a hub
    hub: http://hub.example/x
    ^
  write it as tls://HOST:4222
i.yaml:2:1: keys: is "/etc/my keys", must be an absolute path of letters, digits and ._/+-
    keys: /etc/my keys
    ^
i.yaml:3:1: deadline: "90d" is not a duration
    deadline: 90d
    ^
  write a number and a unit: 250ms, 90s, 5m or 1h30m
i.yaml:4:1: start: is "sytemd", must be command, systemd, ssh or slurm
    start: sytemd
    ^
  did you mean systemd?
i.yaml:10:9: sites[0].generators[1].name: is "load" again, first in line 9
    - {host: load.c.example}
      ^
  give the agent another name, as in name: load2
i.yaml:11:9: sites[0].generators[2].host: is missing
    - {hots: load1}
      ^
  say which host it is, as in host: app1.example
i.yaml:11:10: sites[0].generators[2].hots: unknown key
    - {hots: load1}
       ^
  did you mean host?
i.yaml:12:5: sites[1].name: is "a" again, first in line 6
    - name: a
      ^
  give every site a name of its own
i.yaml:13:15: sites[1].subject.host: is "app1.example" again, first in line 7
    subject: {host: APP1.example, user: Root, name: App, start: cron}
              ^
  a host takes part once; a site without generators attacks itself
i.yaml:13:35: sites[1].subject.user: is "Root", must be a user's name
    subject: {host: APP1.example, user: Root, name: App, start: cron}
                                  ^
i.yaml:13:47: sites[1].subject.name: is "App", must be 1 to 63 lower-case letters, digits and hyphens, the first no hyphen
    subject: {host: APP1.example, user: Root, name: App, start: cron}
                                              ^
i.yaml:13:58: sites[1].subject.start: is "cron", must be command, systemd, ssh or slurm
    subject: {host: APP1.example, user: Root, name: App, start: cron}
                                                         ^
i.yaml:14:5: sites[2].name: is missing
    - subject: {host: root@app3}
      ^
  name the site, as in name: rack1
i.yaml:14:15: sites[2].subject.host: is "root@app3", must be a host name or an IP address
    - subject: {host: root@app3}
                ^
  a user goes into user:`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseInventory("i.yaml", []byte(tt.text))
			if err == nil {
				t.Fatal("no fault")
			}
			if got := "\n" + err.Error(); got != strings.TrimRight(tt.want, "\n") {
				t.Errorf("got:%s\nwant:%s", got, tt.want)
			}
		})
	}
}

func TestPrintInventory(t *testing.T) {
	for _, start := range append([]string{""}, Starts...) {
		var b bytes.Buffer
		if err := load(t).Print(&b, start); err != nil {
			t.Fatal(err)
		}
		golden(t, "start"+strings.TrimSuffix("-"+start, "-")+".golden", b.Bytes())
	}
}

// A shell runs what is printed as one program with these arguments.
func TestPrintedLinesRun(t *testing.T) {
	bin := t.TempDir()
	fake := "#!/bin/sh\nprintf '<%s>' \"${0##*/}\" \"$@\"\n"
	for _, name := range []string{"ssh", "sweetspot"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(fake), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	inv := load(t)
	inv.Program = filepath.Join(bin, "sweetspot")
	p := inv.posts()[2]
	agent := "<agent><--hub><tls://hub.example:4222><--key></etc/sweetspot/load2.pem>"
	for _, tt := range []struct{ name, script, want string }{
		{"ssh", sshLine(p, inv.command(p.Agent)), "<ssh><-tt><-o><BatchMode=yes><-o><ServerAliveInterval=5><bench@load2.example><exec><" + inv.Program + ">" + agent},
		{"slurm", slurmScript(p, inv.command(p.Agent)), "<sweetspot>" + agent},
		{"command", inv.command(p.Agent), "<sweetspot>" + agent},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := exec.CommandContext(t.Context(), "sh", "-c", tt.script)
			c.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
			out, err := c.CombinedOutput()
			if err != nil || string(out) != tt.want {
				t.Errorf("got %s (%v), want %s", out, err, tt.want)
			}
		})
	}
}
