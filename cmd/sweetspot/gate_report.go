package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"text/tabwriter"

	"sweetspot/analysis/gate"
	"sweetspot/runner/rundir"
)

// reportGate writes the result into the run directory and prints it.
func reportGate(run *rundir.Run, r *gate.Result, o output, w io.Writer) error {
	text, doc := gateText(r), gateJSON(r)
	if err := os.WriteFile(run.Path("gate.txt"), text, 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(run.Path("gate.json"), doc, 0o644); err != nil {
		return err
	}
	switch {
	case o.json:
		_, err := w.Write(doc)
		return err
	case o.quiet:
		return nil
	}
	_, err := w.Write(text)
	return err
}

// gateText is the result in a few lines and a table.
func gateText(r *gate.Result) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: %s\n", r.Verdict, r.Because)
	fmt.Fprintf(&b, "%d rounds of at most %d, %d void, %v\n\n", r.Rounds, r.MostRounds, len(r.Voids), r.Spent.Round(1e9))
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "metric\trole\tbase\tcandidate\tchange\t95 % interval\tvisible\tverdict")
	for _, m := range r.Metrics {
		fmt.Fprintf(t, "%s\t%s\t%.4g %s\t%.4g\t%+.2f %%\t%+.2f … %+.2f %%\t%.1f %%\t%s\n",
			m.Key(), m.Role, m.Base, m.Unit, m.Candidate, 100*m.Effect, 100*m.Low, 100*m.High, 100*m.Visible, m.Verdict)
	}
	_ = t.Flush() // into memory
	for _, v := range r.Voids {
		fmt.Fprintf(&b, "void: round %d: %s\n", v.Round, v.Why)
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(&b, "note: %s\n", warning)
	}
	return b.Bytes()
}

// gateJSON is the result as it stands; what is not known is null.
func gateJSON(r *gate.Result) []byte {
	number := func(x float64) any {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil
		}
		return x
	}
	metrics := []map[string]any{}
	for _, m := range r.Metrics {
		metrics = append(metrics, map[string]any{
			"name": m.Name, "scope": m.Scope, "unit": m.Unit, "role": m.Role, "criterion": m.Criterion, "verdict": m.Verdict,
			"base": number(m.Base), "candidate": number(m.Candidate), "effect": number(m.Effect), "low": number(m.Low), "high": number(m.High),
			"visible": number(m.Visible), "p": number(m.P), "more_rounds": m.MoreRounds, "rounds": m.Rounds,
		})
	}
	b, err := json.MarshalIndent(map[string]any{
		"source": r.Source, "verdict": r.Verdict, "because": r.Because, "base": r.Base, "candidate": r.Candidate, "cell": r.Cell,
		"rounds": r.Rounds, "most_rounds": r.MostRounds, "voids": r.Voids, "confirmed": r.Confirmed, "more_rounds": r.MoreRounds,
		"spent_s": r.Spent.Seconds(), "interrupted": r.Interrupted, "warnings": r.Warnings, "metrics": metrics,
	}, "", "  ")
	if err != nil {
		panic(err) // plain data without NaN
	}
	return append(b, '\n')
}
