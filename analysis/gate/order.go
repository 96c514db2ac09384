package gate

import (
	"math/bits"
	"math/rand/v2"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// burst is one burst of a round.
type burst struct {
	build string // rundir.Base or rundir.Candidate
	open  bool   // at the fixed rate; else a closed loop
	first bool   // of its build in the round
}

// order returns the bursts of a round: those of the candidate, where it is alone.
func (p Plan) order(round int) (out []burst) {
	for _, b := range order(p.Gate, p.Seed, round) {
		if !p.Alone || b.build == rundir.Candidate {
			out = append(out, b)
		}
	}
	return out
}

// order returns the bursts of a round, 0 the first. The builds alternate in
// Thue-Morse order, ABBA BAAB …, the closed loops first and then the bursts at
// the fixed rate, in which the other build begins. Rounds come in pairs: the
// seed draws who begins the first of them, and the other build begins the second.
func order(g scenarios.Gate, seed uint64, round int) (out []burst) {
	first := int(rand.New(rand.NewPCG(seed, uint64(round/2))).Uint64() & 1)
	first ^= round & 1
	seen := map[string]bool{}
	add := func(n, from int, open bool) {
		for i := range 2 * n {
			build := [2]string{rundir.Base, rundir.Candidate}[thueMorse(i)^from]
			out = append(out, burst{build: build, open: open, first: !seen[build]})
			seen[build] = true
		}
	}
	add(g.Bursts, first, false)
	add(g.OpenBursts, first^1, true)
	return out
}

// thueMorse is the parity of the number's ones.
func thueMorse(i int) int { return bits.OnesCount(uint(i)) & 1 }
