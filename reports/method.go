package reports

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// method says how the run measured, in sentences a sceptic can check.
func method(mf rundir.Manifest) []string {
	s := mf.Scenario
	texts := []string{
		fmt.Sprintf("Load is open loop with %s arrivals from a seeded schedule: requests leave when they are due, however slow the answers are.", arrivals(s.Traffic)),
	}
	if shape := shapeText(s.Traffic); shape != "" {
		texts = append(texts, shape)
	}
	texts = append(texts,
		"Response time counts from the scheduled time to the last byte, so a stalled server is charged for the requests that had to wait. Every response is verified; an error or a wrong body is never goodput.",
		searchText(s.Search),
		"Replicates are fresh starts in seeded shuffled order, interleaved between configurations; never requests, and no best of several. Intervals are 95 % over those starts. Configurations within the noise are tied, and the cheapest is recommended.",
		"A trial is void, and counts for nothing, when the generator was late, foreign load or steal disturbed it, or its figures contradict each other. It fails, and counts against its configuration, when the load was not held within the objectives.",
	)
	texts = append(texts, setting(s)...)
	if plan := searchPlan(s.Search); plan != "" {
		texts = append(texts, plan)
	}
	return texts
}

// searchText says how the search measures a configuration, and which ones.
func searchText(s scenarios.Search) string {
	text := "Each configuration is started for real. A short closed-loop burst finds its saturation (throughput only); open-loop trials then walk to the rate at which half of them meet every objective and keep their queue from growing."
	if s.Strategy == scenarios.Adaptive {
		text += " Bursts race the configurations, each on fresh starts in interleaved heats; those that cannot be better than the leader by the target drop out, and a forecast from their neighbours keeps the hopeless ones from being started. Only the finalists' sustainable rates are measured. Which of them is best is told by bursts and final rounds together; a rate that is stated, and its interval, are of the final rounds only."
	}
	return text
}

// setting says how clients and proxies were set up, where the scenario has them.
func setting(s scenarios.Scenario) (texts []string) {
	if s.Target != "" {
		return nil
	}
	if slices.ContainsFunc(s.Matrix.Proxies, func(proxy string) bool { return proxy != scenarios.Direct }) {
		texts = append(texts, proxySetting(s.Proxy))
	}
	if n := s.Traffic.PerConnection; n > 0 {
		texts = append(texts, fmt.Sprintf("Clients open a new connection after %s in the mean.", counted(n, "request")))
	}
	if s.Search.Hot {
		texts = append(texts, "While searching, the workers of running servers were changed where the server can; final figures come from cold starts.")
	}
	if len(s.Services) > 0 {
		texts = append(texts, fmt.Sprintf("Services, started privately beside every stack on a Unix socket, each with a copy of the prepared data: %s.", join(s.Services)))
	}
	if s.App.Wait == "" && s.App.Interface != scenarios.Embedded {
		texts = append(texts, "Live workers were counted on every stack. How many requests it works on at once was not measured, for app.wait names no path that waits.")
	}
	return texts
}

// proxySetting states what all proxies have in common.
func proxySetting(p scenarios.Proxy) string {
	upstream := map[string]string{
		scenarios.UnixUpstream: "over a Unix socket", scenarios.TCPUpstream: "over TCP",
	}[p.Upstream]
	if upstream == "" {
		upstream = "over a Unix socket where the server can listen on one, else over TCP"
	}
	text := "Proxies reach the application " + upstream
	if p.KeepAlive > 0 {
		text += fmt.Sprintf(", keep up to %s to each server", counted(p.KeepAlive, "idle connection"))
	} else {
		text += ", open a connection for every request"
	}
	if p.Buffering {
		text += " and buffer requests and answers"
	} else {
		text += " and do not buffer"
	}
	switch {
	case p.HTTP2:
		text += "; clients speak HTTP/2 over TLS to them"
	case p.TLS:
		text += "; clients speak HTTP/1.1 over TLS to them"
	}
	return sentence(text)
}

// searchPlan states the parameters of the search that the scenario fixes.
func searchPlan(s scenarios.Search) string {
	var parts []string
	add := func(name string, d scenarios.Duration) {
		if d > 0 {
			parts = append(parts, name+" "+exact(time.Duration(d)))
		}
	}
	if s.Strategy != "" {
		parts = append(parts, "strategy "+s.Strategy)
	}
	add("budget", s.Budget)
	add("warm-up", s.Warmup)
	add("closed-loop burst", s.Burst)
	add("open-loop trial", s.Trial)
	if s.Replicates > 0 {
		parts = append(parts, counted(s.Replicates, "fresh start")+" of every configuration")
	}
	if s.Finals > 0 {
		parts = append(parts, counted(s.Finals, "final fresh start")+" of the finalists and of folklore")
	}
	if len(parts) == 0 {
		return ""
	}
	return sentence("Search: " + strings.Join(parts, ", "))
}

func cpuSets(c rundir.CPUs) string {
	text := fmt.Sprintf("CPUs: generator %s, proxy %s, application %s", scenarios.CPUList(c.Generator), scenarios.CPUList(c.Proxy), scenarios.CPUList(c.App))
	if len(c.Generator) == 0 {
		return "CPUs: " + c.String() + "; generators have hosts of their own."
	}
	if c.Shared {
		return text + ". The sets overlap because the machine is too small to keep them apart, so generator, proxy and application compete for the same cores."
	}
	return text + ", kept apart."
}

// machine lists what the run depended on in the machine.
func machine(mf rundir.Manifest) (facts []fact) {
	h := mf.Host
	add := func(name, value string) {
		if value != "" && value != "0" {
			facts = append(facts, fact{name, value})
		}
	}
	add("Host", h.Hostname)
	add("Operating system", h.OS)
	add("Kernel", strings.TrimSpace(h.Kernel+" "+h.Arch))
	add("CPU", h.CPUModel)
	add("Cores", fmt.Sprintf("%d usable of %d online", h.Cores, h.MachineCPUs))
	add("Control groups", h.ControlGroups)
	switch {
	case h.CPUQuota > 0:
		add("CPU quota (cgroup)", number(h.CPUQuota)+" CPUs")
	case h.ControlGroups != "":
		add("CPU quota (cgroup)", "none")
	}
	add("CPU set (cgroup)", h.CPUSet)
	if h.MemoryBytes > 0 {
		add("Memory", size(float64(h.MemoryBytes)))
	}
	if h.MemoryLimit > 0 {
		add("Memory limit (cgroup)", size(float64(h.MemoryLimit)))
	}
	add("Virtualised", h.Virtualised)
	add("Open files", separated(strconv.FormatUint(h.FileLimit, 10)))
	if h.PortHigh > 0 {
		add("Ephemeral ports", fmt.Sprintf("%d–%d", h.PortLow, h.PortHigh))
	}
	add("net.core.somaxconn", strconv.Itoa(h.Somaxconn))
	add("net.ipv4.tcp_tw_reuse", strconv.Itoa(h.TwReuse))
	if h.AutoGroup {
		add("sched_autogroup", "on: CPU is shared between sessions first")
	}
	return facts
}

func versions(mf rundir.Manifest) (facts []fact) {
	facts = append(facts, fact{"sweetspot", mf.Tool})
	for _, name := range sortedKeys(mf.Versions) {
		if name != "sweetspot" {
			facts = append(facts, fact{name, mf.Versions[name]})
		}
	}
	return facts
}

// repeat lists what it takes to do the run again.
func repeat(in Input) (facts []fact) {
	mf := in.Manifest
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, fact{name, value})
		}
	}
	add("Command", shellLine(mf.CommandLine))
	add("Seed", strconv.FormatUint(mf.Seed, 10))
	add("Scenario", mf.SourceName)
	add("Overrides", shellLine(mf.Overrides))
	add("Hash of the resolved scenario (SHA-256)", mf.ScenarioHash)
	add("Run", mf.RunID)
	add("Began", stamp(mf.Began))
	if in.Result.Spent > 0 {
		spent := in.Result.Spent.Round(time.Second).String()
		if in.Result.Budget > 0 {
			spent += " of a budget of " + in.Result.Budget.String()
		}
		add("Spent", spent)
	}
	add("Folder", in.Dir)
	return facts
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// shellLine writes arguments so that a POSIX shell reads them back.
func shellLine(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = a
		if a == "" || strings.ContainsFunc(a, unsafeInShell) {
			quoted[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

func unsafeInShell(r rune) bool {
	return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,@%+", r)
}
