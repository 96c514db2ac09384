// Package shard makes one attack by several generators: one schedule, of which
// each sends its part, begun by all of them at one time, and measured as if by
// one.
package shard

import "fmt"

// Void is why an attack counts for nothing, though nobody is to blame: it is to
// be made again.
type Void struct {
	Agent  string // whose part is missing or not to be trusted
	Reason string
}

func (v *Void) Error() string { return fmt.Sprintf("generator %s: %s", v.Agent, v.Reason) }
