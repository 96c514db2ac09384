package rundir

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

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

// Differences says, a sentence each, in what the scenario, the CPU sets and the
// versions of two manifests differ. Trials under manifests that differ do not
// compare. The machines are compared by package sample.
func Differences(then, now Manifest) []string {
	var out []string
	if then.ScenarioHash != now.ScenarioHash {
		out = append(out, scenarioDifferences(then.Scenario, now.Scenario)...)
	}
	add := func(what string, a, b any) {
		if a != b {
			out = append(out, fmt.Sprintf("%s: %v there, %v here", what, a, b))
		}
	}
	add("recorded arrivals, SHA-256", then.ArrivalsHash, now.ArrivalsHash)
	add("CPU sets", fmt.Sprint(then.CPUs), fmt.Sprint(now.CPUs))
	names := map[string]string{}
	maps.Copy(names, then.Versions)
	maps.Copy(names, now.Versions)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		add("version of "+name, then.Versions[name], now.Versions[name])
	}
	return out
}

// scenarioDifferences names the top-level parts that differ.
func scenarioDifferences(then, now scenarios.Scenario) []string {
	a, b := topLevel(then), topLevel(now)
	var out []string
	for _, key := range slices.Sorted(maps.Keys(a)) {
		if string(a[key]) != string(b[key]) {
			out = append(out, fmt.Sprintf("scenario, %s: %s there, %s here", key, a[key], b[key]))
		}
		delete(b, key)
	}
	for _, key := range slices.Sorted(maps.Keys(b)) {
		out = append(out, fmt.Sprintf("scenario, %s: none there, %s here", key, b[key]))
	}
	return out
}

func topLevel(s scenarios.Scenario) map[string]json.RawMessage {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // HashScenario has marshalled the same type
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(b, &m); err != nil {
		panic(err)
	}
	return m
}
