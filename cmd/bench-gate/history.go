package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"sweetspot/analysis/changepoint"
)

// drift is a simulated series of commits, one value each with a noise of 2 %.
type drift struct {
	name  string
	truth changepoint.Truth
}

var drifts = []drift{
	{"50 commits, independent", changepoint.Truth{Points: 50, At: 50, SD: 0.02}},
	{"100 commits, independent", changepoint.Truth{Points: 100, At: 100, SD: 0.02}},
	{"50 commits, one of 20 an outlier", changepoint.Truth{Points: 50, At: 50, SD: 0.02, Outliers: 0.05}},
	{"50 commits, neighbours correlated by 0.3", changepoint.Truth{Points: 50, At: 50, SD: 0.02, Correlation: 0.3}},
	{"50 commits, neighbours correlated by 0.6", changepoint.Truth{Points: 50, At: 50, SD: 0.02, Correlation: 0.6}},
	{"5 % slower, 5 commits ago of 35", changepoint.Truth{Points: 35, At: 30, Step: 0.05, SD: 0.02}},
	{"5 % slower, 10 commits ago of 40", changepoint.Truth{Points: 40, At: 30, Step: 0.05, SD: 0.02}},
	{"5 % slower, 30 commits ago of 60", changepoint.Truth{Points: 60, At: 30, Step: 0.05, SD: 0.02}},
}

// changePoints prints how often changes are found in simulated series: where
// nothing changes all of them are false.
func changePoints(ctx context.Context, w io.Writer, series int) error {
	fmt.Fprintf(w, "\nChange points over commits, %d simulated series of each case, noise 2 %%. It is advisory: the correlation is what it warns of.\n\n", series)
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "series\tshow a change\tat its place\tinterval holds\twarn of correlation")
	share := func(x float64) string {
		if math.IsNaN(x) {
			return "–"
		}
		return fmt.Sprintf("%.1f %%", 100*x)
	}
	for _, d := range drifts {
		if ctx.Err() != nil {
			break
		}
		r := changepoint.Simulate(d.truth, series, 1)
		located, covered := share(r.Located), share(r.Covered)
		if d.truth.Step == 0 {
			located, covered = "–", "–"
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\n", d.name, share(r.Found), located, covered, share(r.Doubted))
	}
	return out.Flush()
}
