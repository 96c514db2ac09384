package rundir

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sweetspot/scenarios"
)

// HashScenario returns the SHA-256 of the resolved scenario, in hex.
func HashScenario(s scenarios.Scenario) (string, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("hash scenario: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// Difference is one fact in which two runs differ. A side that does not have it
// is empty.
type Difference struct {
	What        string
	There, Here string
}

// String is as "kernel: 6.1 there, 6.18 here".
func (d Difference) String() string {
	return fmt.Sprintf("%s: %s there, %s here", d.What, cmp.Or(d.There, "none"), cmp.Or(d.Here, "none"))
}

// Sentences says differences, each as a text.
func Sentences(all []Difference) (out []string) {
	for _, d := range all {
		out = append(out, d.String())
	}
	return out
}

// Differences says, a sentence each, in what the scenario, the CPU sets and the
// versions of two manifests differ. Trials under manifests that differ do not
// compare. DifferingHosts compares the machines.
func Differences(then, now Manifest) []string { return Sentences(Differing(then, now)) }

// What differences of two manifests are called. Those of a scenario's fields
// are ScenarioField and the path, as in the YAML.
const (
	ScenarioField    = "scenario, "
	RecordedArrivals = "recorded arrivals, SHA-256"
	CPUSets          = "CPU sets"
)

// Differing returns what Differences says.
func Differing(then, now Manifest) []Difference {
	var out []Difference
	if then.ScenarioHash != now.ScenarioHash || then.ScenarioHash == "" {
		if out = scenarioDifferences(then.Scenario, now.Scenario); len(out) == 0 && then.ScenarioHash != "" { // the order of its parts
			out = []Difference{{"scenario, SHA-256", then.ScenarioHash, now.ScenarioHash}}
		}
	}
	add := func(what, a, b string) {
		if a != b {
			out = append(out, Difference{what, a, b})
		}
	}
	add(RecordedArrivals, then.ArrivalsHash, now.ArrivalsHash)
	add(CPUSets, then.CPUs.String(), now.CPUs.String())
	names := map[string]string{}
	maps.Copy(names, then.Versions)
	maps.Copy(names, now.Versions)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		add("version of "+name, then.Versions[name], now.Versions[name])
	}
	return out
}

// scenarioDifferences names the fields that differ.
func scenarioDifferences(then, now scenarios.Scenario) (out []Difference) {
	a, b := fields(then), fields(now)
	names := maps.Clone(a)
	maps.Copy(names, b)
	for _, path := range slices.Sorted(maps.Keys(names)) {
		if a[path] != b[path] {
			out = append(out, Difference{ScenarioField + path, a[path], b[path]})
		}
	}
	return out
}

// fields returns the fields of a scenario that hold no others, as texts by
// their path: search.budget is "5m". In a list of named parts, such as
// requests, the name is in the path; the order of objectives says nothing.
func fields(s scenarios.Scenario) map[string]string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // HashScenario has marshalled the same type
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var whole any
	if err := d.Decode(&whole); err != nil {
		panic(err)
	}
	out := map[string]string{}
	flatten(whole, "", out)
	return out
}

func flatten(v any, path string, out map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for key, field := range v {
			flatten(field, strings.TrimPrefix(path+"."+key, "."), out)
		}
	case []any:
		if names := namesOf(v); names != nil {
			for i, part := range v {
				flatten(part, path+"."+names[i], out)
			}
			return
		}
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = leaf(item)
		}
		if path == "objectives" {
			slices.Sort(items)
		}
		out[path] = strings.Join(items, ", ")
	default:
		out[path] = leaf(v)
	}
}

// namesOf returns the names of parts that all have one, each another; else nil.
func namesOf(parts []any) (names []string) {
	for _, part := range parts {
		fields, _ := part.(map[string]any)
		name, _ := fields["name"].(string)
		if name == "" || slices.Contains(names, name) {
			return nil
		}
		names = append(names, name)
	}
	return names
}

// leaf writes a text as it is, and all else as JSON.
func leaf(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // it came from JSON
	}
	return string(b)
}

// DifferingHosts returns in what two machines differ so that their trials do
// not compare. A host name is nothing: containers and cloud machines change it
// at every start. Memory and its limit may differ by 1 %: the kernel keeps a
// little more or less to itself at every boot.
func DifferingHosts(there, here Host) []Difference {
	var out []Difference
	differ := func(what string, a, b any) {
		if a != b {
			out = append(out, Difference{What: what, There: orNothing(a), Here: orNothing(b)})
		}
	}
	differ("operating system", there.OS, here.OS)
	differ("kernel", there.Kernel, here.Kernel)
	differ("architecture", there.Arch, here.Arch)
	differ("CPU model", there.CPUModel, here.CPUModel)
	differ("cores", there.Cores, here.Cores)
	differ("CPUs of the machine", there.MachineCPUs, here.MachineCPUs)
	differ("CPU quota", there.CPUQuota, here.CPUQuota)
	if !roughlyEqual(there.MemoryBytes, here.MemoryBytes) {
		differ("memory", Megabytes(there.MemoryBytes), Megabytes(here.MemoryBytes))
	}
	if !roughlyEqual(there.MemoryLimit, here.MemoryLimit) {
		differ("memory limit", Megabytes(there.MemoryLimit), Megabytes(here.MemoryLimit))
	}
	differ("open files", there.FileLimit, here.FileLimit)
	differ("ephemeral ports", there.Ports(), here.Ports())
	differ("net.core.somaxconn", there.Somaxconn, here.Somaxconn)
	differ("sched_autogroup", there.AutoGroup, here.AutoGroup)
	differ("net.ipv4.tcp_tw_reuse", there.TwReuse, here.TwReuse)
	differ("virtualisation", there.Virtualised, here.Virtualised)
	return out
}

// orNothing is empty where there is none. Cores and the like are never 0.
func orNothing(v any) string {
	if v == float64(0) {
		return ""
	}
	return fmt.Sprint(v)
}

func roughlyEqual(a, b uint64) bool { return max(a, b)-min(a, b) <= max(a, b)/100 }

// Megabytes is as "8000 MB", and empty for 0.
func Megabytes(n uint64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f MB", float64(n)/1e6)
}

// Ports are the ephemeral ones, as "32768-60999".
func (h Host) Ports() string { return fmt.Sprintf("%d-%d", h.PortLow, h.PortHigh) }
