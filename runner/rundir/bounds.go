package rundir

// Bounds beyond which a machine is too busy to measure on, as shares of its CPU
// time: a trial beyond them is void, and a machine at rest beyond them is not
// fit. On a clean machine both stay well below.
const (
	MaxSteal   = 0.01 // taken by the hypervisor
	MaxForeign = 0.05 // used by processes that are not ours
)
