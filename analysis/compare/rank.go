package compare

import (
	"cmp"
	"math"
	"slices"
)

// MannWhitney returns the probability, were both samples of one kind, of ranks
// at least as far apart as theirs, to either side: exact, equal values sharing
// their ranks. It is 1 when either sample is empty.
func MannWhitney(a, b []float64) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 1
	}
	ranks, mine := doubledRanks(a, b)
	total := 0
	for _, r := range ranks {
		total += r
	}
	// ways[k][s] is the number of choices of k values whose doubled ranks add up to s.
	ways := make([][]float64, len(a)+1)
	for k := range ways {
		ways[k] = make([]float64, total+1)
	}
	ways[0][0] = 1
	for _, r := range ranks {
		for k := len(a); k > 0; k-- {
			for s := total; s >= r; s-- {
				ways[k][s] += ways[k-1][s-r]
			}
		}
	}
	mean := len(a) * (len(a) + len(b) + 1) // of the sum of doubled ranks
	far := math.Abs(float64(mine - mean))
	var as, all float64
	for s, n := range ways[len(a)] {
		all += n
		if math.Abs(float64(s-mean)) >= far {
			as += n
		}
	}
	return as / all
}

// doubledRanks returns twice the ranks of all values together, which are whole
// where values share them, and the sum of those of a.
func doubledRanks(a, b []float64) (ranks []int, ofA int) {
	type value struct {
		x  float64
		of int
	}
	var all []value
	for _, x := range a {
		all = append(all, value{x, 1})
	}
	for _, x := range b {
		all = append(all, value{x, 0})
	}
	slices.SortFunc(all, func(p, q value) int { return cmp.Compare(p.x, q.x) })
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].x == all[i].x {
			j++
		}
		for _, v := range all[i:j] {
			r := i + 1 + j // twice the mean of i+1…j
			ranks = append(ranks, r)
			ofA += r * v.of
		}
		i = j
	}
	return ranks, ofA
}
