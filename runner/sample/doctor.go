package sample

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"time"

	"sweetspot/runner/cgroup"
	"sweetspot/runner/rundir"
)

// Check is one fact about the machine. Problem is empty when it is as it
// should be; Remedy says what to do, as a command where there is one.
type Check struct {
	Name, Value, Problem, Remedy string
}

// Bounds of a machine fit for measuring.
const (
	fewFiles    = 4096 // open files that a server may have
	plentyFiles = 65536
	fewPorts    = 10000 // ephemeral ports: direct stacks without keep-alive hold tens of thousands in TIME_WAIT
)

// watch is how long Doctor watches the machine.
const watch = time.Second

// Doctor says what the machine has and lacks for measuring. It takes about
// three seconds; when ctx is done it leaves out what it has not found yet.
func Doctor(ctx context.Context) []Check {
	host, err := Host()
	if err != nil {
		return []Check{{Name: "host", Problem: err.Error(), Remedy: "mount /proc and /sys"}}
	}
	checks := slices.Concat(hostChecks(host), []Check{controlCheck(host, cgroup.Permitted(cgroup.Limits{CPU: 1, Memory: 1 << 30}))}, []Check{filesCheck(ctx, host)}, noiseChecks(ctx))
	pythons, found := pythonChecks(ctx)
	checks = append(checks, pythons...)
	servers, paths := serverChecks(ctx)
	checks = append(checks, servers...)
	_, err = exec.LookPath("apt-get")
	return append(checks, shopCheck(found, paths["nginx"] != "", err == nil))
}

// hostChecks judges what the host's facts alone tell.
func hostChecks(h rundir.Host) []Check {
	return []Check{
		{Name: "system", Value: strings.Join(nonEmpty(h.OS, "kernel "+h.Kernel, h.Arch, h.CPUModel, h.Virtualised), ", ")},
		coresCheck(h),
		quotaCheck(h),
		{Name: "CPU set (cgroup)", Value: cmp.Or(h.CPUSet, "none")},
		memoryCheck(h),
		portsCheck(h),
		{Name: "tcp_tw_reuse", Value: fmt.Sprint(h.TwReuse)},
		{Name: "somaxconn", Value: fmt.Sprint(h.Somaxconn)},
		autogroupCheck(h),
	}
}

func nonEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}

func coresCheck(h rundir.Host) Check {
	c := Check{Name: "cores", Value: fmt.Sprintf("%d of %d usable", h.Cores, h.MachineCPUs)}
	if h.Cores < separable {
		c.Problem = fmt.Sprintf("with fewer than %d cores generator, proxy and application share them, and figures are lower than on machines of their own", separable)
		c.Remedy = "measure on a machine with four or more cores, or read the figures as comparisons"
	}
	return c
}

func quotaCheck(h rundir.Host) Check {
	if h.CPUQuota == 0 {
		return Check{Name: "CPU quota", Value: "none"}
	}
	return Check{
		Name: "CPU quota", Value: fmt.Sprintf("%.2f CPUs", h.CPUQuota),
		Problem: "it stops generator and application alike: such trials say so, and are void when the generator was late",
		Remedy:  "run without a CPU quota, as docker run without --cpus",
	}
}

// controlCheck tells whether groups can be made, and if not, why.
func controlCheck(h rundir.Host, refused error) Check {
	c := Check{Name: "control groups", Value: cmp.Or(h.ControlGroups, "none")}
	if refused == nil {
		c.Value += "; limits of CPU and memory can be set"
		return c
	}
	why, _ := strings.CutSuffix(refused.Error(), "; "+cgroup.Remedy)
	c.Problem = "neither limits.cpu nor limits.memory can be enforced, and search.cores has to be whole: " + why
	c.Remedy = cgroup.Remedy
	return c
}

func memoryCheck(h rundir.Host) Check {
	c := Check{Name: "memory", Value: rundir.Megabytes(h.MemoryBytes)}
	if h.MemoryLimit > 0 && h.MemoryLimit < h.MemoryBytes {
		c.Value += ", limited to " + rundir.Megabytes(h.MemoryLimit)
	}
	return c
}

func portsCheck(h rundir.Host) Check {
	n := h.PortHigh - h.PortLow + 1
	if h.PortHigh == 0 {
		return Check{Name: "ephemeral ports", Value: "unknown"}
	}
	c := Check{Name: "ephemeral ports", Value: fmt.Sprintf("%d (%s)", n, h.Ports())}
	if n < fewPorts {
		c.Problem = fmt.Sprintf("fewer than %d: servers without keep-alive run out of them, and connections fail", fewPorts)
		c.Remedy = `sysctl -w net.ipv4.ip_local_port_range="32768 60999"`
	}
	return c
}

func autogroupCheck(h rundir.Host) Check {
	if !h.AutoGroup {
		return Check{Name: "sched_autogroup", Value: "off"}
	}
	return Check{Name: "sched_autogroup", Value: "on: CPU is shared between sessions first, so sweetspot keeps all its processes in one session"}
}

// filesCheck asks a child for its limit: Go raises the limit of its own
// process to the hard one, which is the host's FileLimit, and gives children
// the original back.
func filesCheck(ctx context.Context, h rundir.Host) Check {
	c := Check{Name: "open files", Value: fmt.Sprintf("%d for the generator", h.FileLimit)}
	least := h.FileLimit
	if out, err := ask(ctx, "sh", "-c", "ulimit -n"); err == nil {
		text := strings.TrimSpace(string(out))
		c.Value += ", " + text + " for what it starts"
		var n uint64
		if _, err := fmt.Sscan(text, &n); err == nil {
			least = min(least, n)
		}
	}
	if least < fewFiles {
		c.Problem = fmt.Sprintf("fewer than %d: a server fails at that many connections", fewFiles)
		c.Remedy = fmt.Sprintf("ulimit -n %d", min(h.FileLimit, plentyFiles))
		if h.FileLimit < fewFiles {
			c.Remedy = fmt.Sprintf("ulimit -n %d as root, or raise nofile in /etc/security/limits.conf", plentyFiles)
		}
	}
	return c
}

// noiseChecks watches the machine for a second, in which we do nothing.
func noiseChecks(ctx context.Context) []Check {
	s, err := Start(Roles{}, Options{})
	if err != nil {
		return []Check{{Name: "sampling", Problem: err.Error(), Remedy: "mount /proc; run sweetspot outside the sandbox"}}
	}
	select {
	case <-time.After(watch):
	case <-ctx.Done():
	}
	u, err := s.Stop()
	if err != nil {
		return []Check{{Name: "sampling", Problem: err.Error(), Remedy: "mount /proc; run sweetspot outside the sandbox"}}
	}
	return noiseOf(u)
}

func noiseOf(u rundir.Usage) []Check {
	machine := u.Wall.Seconds() * float64(u.Cores)
	if machine == 0 {
		return nil
	}
	share := func(name string, seconds, most float64, problem, remedy string) Check {
		c := Check{Name: name, Value: fmt.Sprintf("%.1f %% of the machine", 100*seconds/machine)}
		if seconds/machine > most {
			c.Problem = fmt.Sprintf("more than %.0f %%: %s", 100*most, problem)
			c.Remedy = remedy
		}
		return c
	}
	return []Check{
		share("steal", u.StealSeconds, rundir.MaxSteal, "the hypervisor gives our CPUs to others, and such trials are void",
			"measure at a quieter time, or on a machine with CPUs of its own"),
		share("foreign load", u.ForeignSeconds, rundir.MaxForeign, "other processes take CPU, and such trials are void",
			"stop what top -o %CPU shows"),
	}
}

// pythonModules are the servers and frameworks that scenarios can use.
var pythonModules = []string{
	"gunicorn", "gevent", "waitress", "uvicorn", "daphne", "hypercorn", "granian",
	"django", "whitenoise", "flask", "fastapi",
}

func pythonChecks(ctx context.Context) (checks []Check, found []interpreter) {
	paths := pythons()
	if len(paths) == 0 {
		return []Check{{
			Name: "python", Value: "none", Problem: "no python3: only the embedded stack can be measured",
			Remedy: "apt-get install --no-install-recommends python3",
		}}, nil
	}
	for _, path := range paths {
		if ctx.Err() != nil {
			break
		}
		p, err := inspect(ctx, path, pythonModules...)
		if err != nil {
			checks = append(checks, Check{Name: "python " + path, Problem: err.Error(), Remedy: "repair it, or name another one in the scenario's app.python"})
			continue
		}
		found = append(found, p)
		checks = append(checks, Check{Name: "python " + path, Value: p.describe()})
	}
	return checks, found
}

func (p interpreter) describe() string {
	modules := make([]string, 0, len(p.Modules))
	for _, name := range slices.Sorted(maps.Keys(p.Modules)) {
		modules = append(modules, name+" "+p.Modules[name])
	}
	with := cmp.Or(strings.Join(modules, ", "), "none of "+strings.Join(pythonModules, ", "))
	if p.Path != p.Asked {
		return fmt.Sprintf("%s (%s) with %s", p.Version, p.Path, with)
	}
	return fmt.Sprintf("%s with %s", p.Version, with)
}

// serverChecks returns a check and the path of each program that is there.
func serverChecks(ctx context.Context) (checks []Check, paths map[string]string) {
	paths = map[string]string{}
	for _, p := range programs {
		path := p.find()
		if path == "" || ctx.Err() != nil {
			continue
		}
		paths[p.name] = path
		c := Check{Name: p.name, Value: path}
		if version, err := p.version(ctx, path); err != nil {
			c.Problem, c.Remedy = err.Error(), "reinstall "+p.name
		} else {
			c.Value = strings.TrimSpace(version + " " + path)
		}
		checks = append(checks, c)
	}
	return checks, paths
}
