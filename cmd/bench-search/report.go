package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/montanaflynn/stats"
)

// writeReport writes the tables to the folder and to stdout.
func writeReport(o options, simulated []result, stacks []recommendation, stdout io.Writer) error {
	text := report(simulated, stacks)
	if err := os.WriteFile(filepath.Join(o.dir, "results.md"), []byte(text), 0o644); err != nil {
		return err
	}
	_, err := io.WriteString(stdout, text)
	return err
}

// report is all tables as Markdown, of what there are results of.
func report(simulated []result, stacks []recommendation) string {
	var b strings.Builder
	var verdicts []string
	if len(simulated) > 0 {
		verdicts = simulatedTables(&b, simulated)
	}
	if len(stacks) > 0 {
		verdicts = append(verdicts, realTable(&b, stacks)...)
	}
	if len(verdicts) > 0 {
		b.WriteString("\n### What must hold\n\n")
	}
	for _, v := range verdicts {
		fmt.Fprintf(&b, "- %s\n", v)
	}
	return b.String()
}

func simulatedTables(b *strings.Builder, all []result) (verdicts []string) {
	worlds := map[string]bool{}
	noises := map[float64]bool{}
	for _, r := range all {
		worlds[r.World], noises[r.Noise] = true, true
	}
	sorted := slices.Sorted(maps.Keys(noises))
	fmt.Fprintf(b, "%d simulated workloads. Regret is how much less the recommended cell sustains than the best one.\n", len(worlds))
	for _, noise := range sorted {
		fmt.Fprintf(b, "\n### Noise %.0f %%\n\n", 100*noise)
		verdicts = append(verdicts, searchTable(b, all, noise)...)
	}
	fmt.Fprintf(b, "\n### Sustainable rate of one cell at %.0f %% noise\n\n", 100*rateNoise)
	return append(verdicts, rateTable(b, all)...)
}

// named are the strategies of results, those of one site first.
func named(all []result) []string {
	names := slices.Clone(strategies)
	for _, r := range all {
		if r.Sites > 1 && !slices.Contains(names, r.name()) {
			names = append(names, r.name())
		}
	}
	return names
}

// of returns the results of a strategy at a noise.
func of(all []result, noise float64, strategy string) (out []result) {
	for _, r := range all {
		if r.Noise == noise && r.name() == strategy {
			out = append(out, r)
		}
	}
	return out
}

func searchTable(b *strings.Builder, all []result, noise float64) (verdicts []string) {
	b.WriteString("| strategy | mean regret % | p95 | P(≤ 2 %) | trial-seconds % | wall % | stated ≥ 95 % | of those ≤ 2 % |\n|---|---|---|---|---|---|---|---|\n")
	grid := map[string]result{}
	for _, r := range of(all, noise, fullGrid) {
		grid[r.World] = r
	}
	for _, name := range named(all) {
		var regrets, seconds, wall []float64
		small, sure, right := 0, 0, 0
		for _, r := range of(all, noise, name) {
			regrets = append(regrets, r.Regret)
			seconds = append(seconds, r.Seconds/grid[r.World].Seconds)
			wall = append(wall, r.Wall/grid[r.World].Wall)
			if r.Regret <= 0.02 {
				small++
			}
			if r.Confidence >= 0.95 {
				sure++
				if r.Regret <= 0.02 {
					right++
				}
			}
		}
		n := len(regrets)
		if n == 0 {
			continue
		}
		mean, _ := stats.Mean(regrets)
		p95 := quantile(regrets, 0.95)
		cost, _ := stats.Mean(seconds)
		walls, _ := stats.Mean(wall)
		stated := "| |"
		if sure > 0 {
			stated = fmt.Sprintf("%.0f %% | %.1f %% |", 100*float64(sure)/float64(n), 100*float64(right)/float64(sure))
		}
		fmt.Fprintf(b, "| %s | %.2f | %.1f | %.2f | %.1f | %.1f | %s\n", name, 100*mean, 100*p95, float64(small)/float64(n), 100*cost, 100*walls, stated)
		switch name {
		case adaptive25:
			verdicts = append(verdicts,
				promise(mean <= 0.007 && p95 <= 0.025 && cost <= 0.25, "noise %.0f %%: mean regret %.2f %% (at most 0.7), 95th percentile %.1f %% (at most 2.5), at %.1f %% of the grid's trial-seconds (at most 25)", 100*noise, 100*mean, 100*p95, 100*cost),
				promise(sure == 0 || float64(right) >= 0.93*float64(sure), "noise %.0f %%: of %d recommendations made at 95 %%, %d have a regret of at most 2 %% (at least 93 %%)", 100*noise, sure, right))
		case adaptive10:
			verdicts = append(verdicts, promise(mean <= 0.012 && cost <= 0.10, "noise %.0f %%: mean regret %.2f %% (at most 1.2) at %.1f %% of the grid's trial-seconds (at most 10)", 100*noise, 100*mean, 100*cost))
		}
	}
	return verdicts
}

// rateTable sets the rates that were found against the truth.
func rateTable(b *strings.Builder, all []result) (verdicts []string) {
	b.WriteString("| | bias % | sd % | trial-seconds |\n|---|---|---|---|\n")
	for _, name := range []string{rateOfVisit, rateOfFinals} {
		var off, seconds []float64
		for _, r := range of(all, rateNoise, name) {
			if r.Found > 0 && r.Truth > 0 {
				off = append(off, math.Log(r.Found/r.Truth))
			}
			seconds = append(seconds, r.Seconds)
		}
		if len(off) < 2 {
			continue
		}
		bias, _ := stats.Mean(off)
		sd, _ := stats.StandardDeviationSample(off)
		cost, _ := stats.Mean(seconds)
		fmt.Fprintf(b, "| %s | %+.1f | %.1f | %.0f |\n", name, 100*bias, 100*sd, cost)
		verdicts = append(verdicts, promise(math.Abs(bias) <= 0.02 && sd <= 0.03, "%s at %.0f %% noise: bias %+.1f %% (within 2), standard deviation %.1f %% (at most 3), in %.0f trial-seconds", name, 100*rateNoise, 100*bias, 100*sd, cost))
	}
	return verdicts
}

func promise(holds bool, format string, args ...any) string {
	word := "no"
	if holds {
		word = "yes"
	}
	return word + ": " + fmt.Sprintf(format, args...)
}

// quantile is the smallest value that is at least as large as a share of them.
func quantile(values []float64, share float64) float64 {
	s := slices.Sorted(slices.Values(values))
	return s[max(0, int(math.Ceil(share*float64(len(s))))-1)]
}
