package reports

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"sweetspot/analysis/gate"
	"sweetspot/runner/rundir"
)

// renderGateBench writes the rounds in the Go benchmark format
// (https://go.dev/design/14313-benchmark-format): configuration, what is better
// of every unit, and one line a round, build and request, as
//
//	BenchmarkGate/request=checkout/build=base 1 1.234e+07 p95-ns
//
// so that "benchstat -col /build" sets the builds against each other. A round is
// a repetition, and its number a comment: in a name or in the configuration it
// would part what belongs together. Values that are not known are left out.
func renderGateBench(r *gate.Result, meta GateMeta) ([]byte, error) {
	m := newGateModel(r, meta)
	var b bytes.Buffer
	benchHead(&b, "sweetspot/gate", m.Host, []fact{
		{"scenario", m.Scenario}, {"cell", m.Cell.String()}, {"base-revision", m.Base.Revision}, {"candidate-revision", m.Candidate.Revision},
	})
	benchUnits(&b, r.Metrics)
	for _, round := range benchRounds(r.Metrics) {
		fmt.Fprintf(&b, "\n# round %d\n", round)
		for _, scope := range benchScopes(r.Metrics) {
			benchLine(&b, r.Metrics, round, scope, "base", func(p gate.Pair) float64 { return p.Base })
			benchLine(&b, r.Metrics, round, scope, "candidate", func(p gate.Pair) float64 { return p.Candidate })
		}
	}
	return b.Bytes(), nil
}

// benchHead writes the configuration that all lines of a file share.
func benchHead(b *bytes.Buffer, pkg string, host rundir.Host, more []fact) {
	for _, f := range append([]fact{{"goos", "linux"}, {"goarch", goArch(host.Arch)}, {"pkg", pkg}, {"cpu", host.CPUModel}}, more...) {
		if value := strings.TrimSpace(clean(f.Value)); value != "" {
			fmt.Fprintf(b, "%s: %s\n", f.Name, value)
		}
	}
	b.WriteByte('\n')
}

// goArch is how Go calls a machine that uname names.
func goArch(uname string) string {
	if name, ok := map[string]string{"x86_64": "amd64", "aarch64": "arm64"}[uname]; ok {
		return name
	}
	return uname
}

// benchUnits says of every unit what is better.
func benchUnits(b *bytes.Buffer, metrics []gate.Metric) {
	var said []string
	for _, x := range metrics {
		unit, _ := benchUnit(x)
		if slices.Contains(said, unit) {
			continue
		}
		said = append(said, unit)
		better := "lower"
		if x.Higher {
			better = "higher"
		}
		fmt.Fprintf(b, "Unit %s better=%s\n", unit, better)
	}
}

// benchUnit is the unit of a metric in the benchmark format, and by what a value
// is multiplied for it. benchstat knows ns, and B for bytes.
func benchUnit(x gate.Metric) (unit string, factor float64) {
	name := benchWord(x.Name)
	switch x.Unit {
	case "requests/s":
		if x.Name == "throughput" {
			return "req/s", 1
		}
		return name + "-req/s", 1
	case "ms":
		return name + "-ns", 1e6
	case "ms/request":
		return name + "-ns/req", 1e6
	case "s":
		return name + "-ns", 1e9
	case "MB":
		return name + "-B", 1e6
	case "%":
		return name + "/req", 0.01
	}
	return strings.TrimSuffix(name+"-"+benchWord(x.Unit), "-"), 1
}

func benchRounds(metrics []gate.Metric) (rounds []int) {
	for _, x := range metrics {
		for _, p := range x.Rounds {
			rounds = append(rounds, p.Round)
		}
	}
	slices.Sort(rounds)
	return slices.Compact(rounds)
}

// benchScopes are the scopes, all traffic first.
func benchScopes(metrics []gate.Metric) (scopes []string) {
	for _, x := range metrics {
		scopes = append(scopes, x.Scope)
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}

// benchLine writes one line; none when nothing is known.
func benchLine(b *bytes.Buffer, metrics []gate.Metric, round int, scope, build string, of func(gate.Pair) float64) {
	request := benchWord(scope)
	switch scope {
	case "":
		request = "all"
	case "all":
		request = "%61ll" // a request of that name is not all of them
	}
	values := ""
	for _, x := range metrics {
		if x.Scope != scope {
			continue
		}
		for _, p := range x.Rounds {
			if v := of(p); p.Round == round && finite(v) {
				unit, factor := benchUnit(x)
				values += " " + strconv.FormatFloat(v*factor, 'g', 7, 64) + " " + unit
			}
		}
	}
	if values != "" {
		fmt.Fprintf(b, "BenchmarkGate/request=%s/build=%s 1%s\n", request, build, values)
	}
}

// benchWord is text without what parts the words of a line or the pieces of a
// name, each such character as the percent-encoding of its bytes.
func benchWord(s string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\ufffd") {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-._~+:@", r) {
			b.WriteRune(r)
			continue
		}
		for _, c := range []byte(string(r)) {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
