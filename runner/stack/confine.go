package stack

import (
	"errors"
	"fmt"

	"sweetspot/runner/cgroup"
	"sweetspot/runner/process"
	"sweetspot/scenarios"
)

// confine makes the control group of the application, if it has limits. Where
// none can be made the application starts without, unless it must be limited.
func (st *Stack) confine(cfg Config) (err error) {
	if cfg.Limits == (cgroup.Limits{}) {
		return nil
	}
	st.control, err = process.NewControl(cfg.RunID, cfg.Limits)
	if errors.Is(err, cgroup.ErrRefused) && !cfg.MustLimit {
		st.unlimited, err = err.Error(), nil
	}
	return err
}

// Control returns the application's control group; nil when it is in ours.
func (st *Stack) Control() *cgroup.Group { return st.control }

// Unlimited says why the limits are not enforced; empty when they are, or there
// are none.
func (st *Stack) Unlimited() string { return st.unlimited }

// OutOfMemory says that processes of the application were killed at its memory
// limit; empty when none was.
func (st *Stack) OutOfMemory() string {
	kills, err := st.control.OutOfMemory()
	if err != nil || kills == 0 {
		return ""
	}
	return fmt.Sprintf("out of memory: the application's group reached limits.memory %s, and the kernel killed %d of its processes",
		scenarios.Bytes(st.control.Memory), kills)
}

// Blame says before an error that the cell has run out of memory, if it has:
// then the cell is to blame.
func (st *Stack) Blame(err error) error {
	why := st.OutOfMemory()
	switch {
	case why == "" || err == nil:
		return err
	case errors.Is(err, ErrNotReady):
		return fmt.Errorf("%s\n%w", why, err)
	}
	return fmt.Errorf("%s\napplication %w: %w", why, ErrNotReady, err)
}
