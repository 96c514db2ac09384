package analysis

import (
	"slices"

	"github.com/montanaflynn/stats"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// beside sums up what was held beside the attacks on a cell, and what normal
// requests still got; nil when nothing was held.
func beside(cell scenarios.Cell, trials []Judged) *Beside {
	var with []Judged
	for _, t := range trials {
		if t.Step.Cell == cell && t.Beside != nil && t.Verdict.Kind != Void {
			with = append(with, t)
		}
	}
	if len(with) == 0 {
		return nil
	}
	last := with[len(with)-1]
	b := &Beside{Slow: last.Beside.Slow, WebSockets: last.Beside.WebSockets, BytesEach: bytesEach(with)}
	b.twin(cell, trials)
	b.answered(with)
	return b
}

// bytesEach is the median over trials of what one open WebSocket took.
func bytesEach(trials []Judged) float64 {
	var each []float64
	for _, t := range trials {
		if w := t.Beside.WebSockets; w != nil && w.Held > 0 && w.BytesBefore > 0 {
			each = append(each, (float64(w.BytesAfter)-float64(w.BytesBefore))/float64(w.Held))
		}
	}
	median, err := stats.Median(each)
	if err != nil {
		return 0
	}
	return max(0, median)
}

// twin takes the latest pair of trials of one start at one rate, of which one
// was alone.
func (b *Beside) twin(cell scenarios.Cell, trials []Judged) {
	for _, alone := range slices.Backward(trials) {
		if alone.Step.Cell != cell || !alone.Step.Alone || !openLoop(alone) {
			continue
		}
		for _, t := range trials {
			same := t.Step.Cell == cell && t.Step.Start == alone.Step.Start && t.Step.Rate == alone.Step.Rate
			if same && t.Step.Phase == rundir.Curve && !t.Step.Alone && openLoop(t) {
				b.Rate = t.Step.Rate
				b.With, b.Alone = t.Load.Classes[scenarios.All].Response, alone.Load.Classes[scenarios.All].Response
				return
			}
		}
	}
}

// answered takes the open-loop trial with the lowest rate, which asks the least
// of the cell: what of its normal requests was answered well.
func (b *Beside) answered(trials []Judged) {
	for _, t := range trials {
		all := t.Load.Classes[scenarios.All]
		if t.Load.Offered == 0 || all.Sent == 0 || b.AnsweredAt > 0 && t.Step.Rate >= b.AnsweredAt {
			continue
		}
		b.AnsweredAt, b.Answered = t.Step.Rate, float64(all.Good)/float64(all.Sent)
	}
}
