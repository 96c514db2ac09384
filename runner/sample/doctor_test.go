package sample

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sweetspot/runner/cgroup"
	"sweetspot/runner/rundir"
)

// needSystem skips, or fails where the programs are promised.
func needSystem(t *testing.T, programs ...string) {
	t.Helper()
	for _, path := range programs {
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if os.Getenv("SWEETSPOT_REQUIRE_STACKS") == "1" {
			t.Fatalf("%s is missing", path)
		}
		t.Skipf("%s is missing; make test installs it", path)
	}
}

func named(checks []Check, name string) (Check, bool) {
	i := slices.IndexFunc(checks, func(c Check) bool { return c.Name == name })
	if i < 0 {
		return Check{}, false
	}
	return checks[i], true
}

func TestDoctorOfThisMachine(t *testing.T) {
	checks := Doctor(t.Context())
	for _, name := range []string{
		"system", "cores", "CPU quota", "CPU set (cgroup)", "memory", "control groups", "ephemeral ports", "tcp_tw_reuse", "somaxconn", "sched_autogroup",
		"open files", "steal", "foreign load", "scenario django-shop",
	} {
		if c, ok := named(checks, name); !ok || c.Value == "" {
			t.Errorf("check %q is %+v, want a value", name, c)
		}
	}
	for _, c := range checks {
		if c.Problem != "" && c.Remedy == "" {
			t.Errorf("%+v has a problem without a remedy", c)
		}
		if c.Problem == "" && c.Remedy != "" {
			t.Errorf("%+v has a remedy without a problem", c)
		}
	}
}

func TestDoctorFindsDebiansStack(t *testing.T) {
	needSystem(t, systemPython, "/usr/sbin/nginx", "/usr/bin/gunicorn")
	t.Setenv("PATH", "/usr/bin:/bin") // nginx is in /usr/sbin, which a user's PATH may lack
	checks := Doctor(t.Context())
	nginx, _ := named(checks, "nginx")
	if !strings.HasPrefix(nginx.Value, "1.") || !strings.HasSuffix(nginx.Value, " /usr/sbin/nginx") {
		t.Errorf("nginx is %+v, want its version and path", nginx)
	}
	python, _ := named(checks, "python "+systemPython)
	for _, want := range []string{"3.", "gunicorn ", "django ", "whitenoise "} {
		if !strings.Contains(python.Value, want) {
			t.Errorf("python is %+v, want %q in it", python, want)
		}
	}
	if shop, _ := named(checks, "scenario django-shop"); shop.Value != "ready" || shop.Problem != "" {
		t.Errorf("django-shop is %+v, want ready", shop)
	}
}

func TestHostChecks(t *testing.T) {
	good := rundir.Host{Cores: 8, MachineCPUs: 8, MemoryBytes: 8e9, FileLimit: 65536, PortLow: 32768, PortHigh: 60999, Somaxconn: 4096}
	for _, tt := range []struct {
		name, check string
		change      func(h *rundir.Host)
		value       string
		problem     bool
	}{
		{"enough cores", "cores", func(*rundir.Host) {}, "8 of 8 usable", false},
		{"few cores", "cores", func(h *rundir.Host) { h.Cores = 2 }, "2 of 8 usable", true},
		{"no quota", "CPU quota", func(*rundir.Host) {}, "none", false},
		{"a quota", "CPU quota", func(h *rundir.Host) { h.CPUQuota = 1.5 }, "1.50 CPUs", true},
		{"memory", "memory", func(*rundir.Host) {}, "8000 MB", false},
		{"limited memory", "memory", func(h *rundir.Host) { h.MemoryLimit = 1e9 }, "8000 MB, limited to 1000 MB", false},
		{"ports", "ephemeral ports", func(*rundir.Host) {}, "28232 (32768-60999)", false},
		{"few ports", "ephemeral ports", func(h *rundir.Host) { h.PortLow = 60000 }, "1000 (60000-60999)", true},
		{"ports unknown", "ephemeral ports", func(h *rundir.Host) { h.PortLow, h.PortHigh = 0, 0 }, "unknown", false},
		{"no autogroup", "sched_autogroup", func(*rundir.Host) {}, "off", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := good
			tt.change(&h)
			c, _ := named(hostChecks(h), tt.check)
			if c.Value != tt.value || (c.Problem != "") != tt.problem || (c.Remedy != "") != tt.problem {
				t.Errorf("check %+v, want value %q and problem %v", c, tt.value, tt.problem)
			}
		})
	}
}

func TestFilesCheck(t *testing.T) {
	for _, tt := range []struct {
		limit  uint64
		remedy string
	}{
		{1 << 20, ""},
		{1024, "ulimit -n 65536 as root, or raise nofile in /etc/security/limits.conf"},
	} {
		c := filesCheck(t.Context(), rundir.Host{FileLimit: tt.limit})
		var child uint64
		if _, err := fmt.Sscanf(c.Value, fmt.Sprintf("%d for the generator, %%d for what it starts", tt.limit), &child); err != nil {
			t.Errorf("value %q: %v", c.Value, err)
		}
		if tt.remedy == "" && child < fewFiles {
			tt.remedy = "ulimit -n 65536" // the shell that runs this test is one of those
		}
		if c.Remedy != tt.remedy || (c.Problem != "") != (tt.remedy != "") {
			t.Errorf("limit %d: %+v, want remedy %q", tt.limit, c, tt.remedy)
		}
	}
}

func TestNoiseOf(t *testing.T) {
	u := rundir.Usage{Wall: time.Second, Cores: 2, StealSeconds: 0.01, ForeignSeconds: 0.3}
	want := []Check{
		{Name: "steal", Value: "0.5 % of the machine"},
		{
			Name: "foreign load", Value: "15.0 % of the machine",
			Problem: "more than 5 %: other processes take CPU, and such trials are void", Remedy: "stop what top -o %CPU shows",
		},
	}
	if got := noiseOf(u); !slices.Equal(got, want) {
		t.Errorf("noise\n%+v, want\n%+v", got, want)
	}
}

func TestShopCheck(t *testing.T) {
	sudo := ""
	if os.Geteuid() != 0 {
		sudo = "sudo "
	}
	all := map[string]string{"gunicorn": "20", "django": "3", "whitenoise": "6"}
	complete := interpreter{Asked: "/home/me/venv/bin/python3", Modules: all}
	bare := interpreter{Asked: "/home/me/.pyenv/shims/python3"}
	system := interpreter{Asked: systemPython, Modules: map[string]string{"django": "3"}}
	for _, tt := range []struct {
		name            string
		pythons         []interpreter
		nginx, apt      bool
		problem, remedy string
	}{
		{"complete", []interpreter{bare, complete}, true, true, "", ""},
		{"no nginx", []interpreter{complete}, false, true, "missing: nginx", sudo + "apt-get install --no-install-recommends nginx"},
		{"the system's lacks some", []interpreter{bare, system}, true, true, "missing: gunicorn, whitenoise",
			sudo + "apt-get install --no-install-recommends gunicorn python3-whitenoise"},
		{"nothing at all", nil, false, true, "missing: nginx, gunicorn, django, whitenoise",
			sudo + "apt-get install --no-install-recommends nginx gunicorn python3-django python3-whitenoise"},
		{"no apt", []interpreter{bare}, false, false, "missing: nginx, gunicorn, django, whitenoise",
			"install nginx with the system's package manager; python3 -m venv venv && venv/bin/pip install gunicorn django whitenoise, and name it in the scenario's app.venv"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := shopCheck(tt.pythons, tt.nginx, tt.apt)
			if c.Problem != tt.problem || c.Remedy != tt.remedy || (c.Value == "ready") != (tt.problem == "") {
				t.Errorf("check %+v, want problem %q, remedy %q", c, tt.problem, tt.remedy)
			}
		})
	}
}

// script writes a program that stands for an interpreter.
func script(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "python3")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFindPythonAmongCandidates(t *testing.T) {
	broken := script(t, "echo no such interpreter >&2; exit 3")
	silent := script(t, "true")
	old := script(t, `echo an import prints this; echo '{"path": "/old/python", "version": "3.7.1", "modules": {"django": "1.0"}}'`)
	good := script(t, `echo '{"path": "/good/python", "version": "3.12.0", "modules": {"django": "4.2", "gunicorn": "?"}}'`)
	for _, tt := range []struct {
		name       string
		candidates []string
		path       string
		tried      []string // part of each
	}{
		{"the first that will do", []string{good, broken}, "/good/python", nil},
		{"after some that will not", []string{broken, silent, old, good}, "/good/python",
			[]string{"exit status 3: no such interpreter", "answers", "(Python 3.7.1): cannot import gunicorn"}},
		{"none will do", []string{old}, "", []string{"cannot import gunicorn"}},
		{"none is there", nil, "", []string{"not found in PATH"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path, tried := findPython(tt.candidates, []string{"django", "gunicorn"})
			if path != tt.path || !slices.EqualFunc(tried, tt.tried, strings.Contains) {
				t.Errorf("found %q, tried %q, want %q and %q", path, tried, tt.path, tt.tried)
			}
		})
	}
}

func TestFindPythonReally(t *testing.T) {
	if path, tried := FindPython("no_such_module_anywhere"); path != "" || len(tried) == 0 {
		t.Errorf("found %q, tried %q for a module that does not exist", path, tried)
	}
	needSystem(t, systemPython, "/usr/bin/gunicorn")
	path, tried := FindPython("gunicorn", "django", "whitenoise")
	if path == "" {
		t.Fatalf("found none, tried %q", tried)
	}
	if out, err := exec.CommandContext(t.Context(), path, "-c", "import gunicorn, django, whitenoise").CombinedOutput(); err != nil {
		t.Errorf("%s cannot import what it should: %v\n%s", path, err, out)
	}
}

func TestPythonsTellsVirtualenvsFromTheSystem(t *testing.T) {
	needSystem(t, systemPython)
	dir := t.TempDir()
	venv := filepath.Join(dir, "python3")
	if err := os.Symlink(systemPython, venv); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, path string
		want       []string
	}{
		{"a link to the system's is another one", dir, []string{venv, systemPython}},
		{"the system's once", "/usr/bin", []string{systemPython}},
		{"PATH without any", filepath.Join(dir, "none"), []string{systemPython}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("PATH", tt.path)
			if got := pythons(); !slices.Equal(got, tt.want) {
				t.Errorf("pythons = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestServerVersions(t *testing.T) {
	for _, tt := range []struct{ answer, want string }{
		{"nginx version: nginx/1.22.1", "1.22.1"},
		{"Server version: Apache/2.4.71 (Debian)\nServer built:   2025-01-01T00:00:00", "2.4.71"},
		{"v2.6.2 h1:wKoFIxpmOJLGl3QXoo6PNbYvGW4xLEgo32GPBEjWL8o=", "2.6.2"},
		{"HAProxy version 2.6.12-1+deb12u2 2025/04/25", "2.6.12-1+deb12u2"},
		{"2.0.21-debian", "2.0.21-debian"},
		{"gunicorn (version 20.1.0)", "20.1.0"},
	} {
		p := program{name: "x", args: nil}
		got, err := p.version(t.Context(), script(t, "cat >&2 <<'E'\n"+tt.answer+"\nE"))
		if err != nil || got != tt.want {
			t.Errorf("version of %q = %q, %v, want %q", tt.answer, got, err, tt.want)
		}
	}
}

func TestControlCheck(t *testing.T) {
	h := rundir.Host{ControlGroups: "version 2 (cpu, memory)"}
	for _, tt := range []struct {
		name                   string
		refused                error
		value, problem, remedy string
	}{
		{"permitted", nil, "version 2 (cpu, memory); limits of CPU and memory can be set", "", ""},
		{"refused", fmt.Errorf("%w: mkdir: permission denied; %s", cgroup.ErrRefused, cgroup.Remedy), "version 2 (cpu, memory)",
			"neither limits.cpu nor limits.memory can be enforced, and search.cores has to be whole: no control group can be made here: mkdir: permission denied", cgroup.Remedy},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, want := controlCheck(h, tt.refused), (Check{"control groups", tt.value, tt.problem, tt.remedy}); got != want {
				t.Errorf("check %+v, want %+v", got, want)
			}
		})
	}
}
