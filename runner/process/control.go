package process

import (
	"fmt"
	"strings"
	"sync/atomic"

	"sweetspot/runner/cgroup"
)

// controls numbers our control groups.
var controls atomic.Int64

// NewControl makes a control group with limits for processes of a run. The
// caller closes it; if the caller dies, a sweep does. The error is
// cgroup.ErrRefused where no such group can be made.
func NewControl(runID string, l cgroup.Limits) (*cgroup.Group, error) {
	return cgroup.New(fmt.Sprintf("%s_%d", ownMark(runID).inName(), controls.Add(1)), l)
}

// removeControls removes the empty groups of NewControl whose owner matches.
func removeControls(match func(mark) bool) error {
	return cgroup.Sweep(func(name string) bool {
		m, ok := markInName(name)
		return ok && match(m)
	})
}

// inName is a mark as names of files have it, further parts may follow.
func (m mark) inName() string { return strings.ReplaceAll(m.String(), ":", "_") }

// markInName returns the mark with which a name begins.
func markInName(name string) (mark, bool) {
	f := strings.Split(name, "_")
	return parseMark(strings.Join(f[:min(3, len(f))], ":"))
}
