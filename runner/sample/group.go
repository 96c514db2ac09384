package sample

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// members returns the processes of each list of groups, zombies included: their
// CPU time is not their parent's before it waits for them. A service's children
// are of its group, whatever group they made for themselves. A process that
// ends while the list is read may be missing.
func (r *reader) members(lists ...[]int) ([][]process, error) {
	pids, err := numbered(r.root.path("proc"))
	if err != nil {
		return nil, fmt.Errorf("list processes: %w; mount /proc", err)
	}
	found := make([][]process, len(lists))
	for _, pid := range pids {
		group, err := r.group(pid)
		if err != nil {
			continue // ended
		}
		for i, groups := range lists {
			family := i == services && len(groups) > 0 // the parent is to be looked at, too
			if !slices.Contains(groups, group) && !family {
				continue
			}
			p, err := r.process(pid)
			if gone(err) {
				continue
			}
			if err != nil {
				return nil, err
			}
			if slices.Contains(groups, group) || slices.Contains(groups, p.parent) {
				found[i] = append(found[i], p)
			}
		}
	}
	return found, nil
}

// account adds up what the processes of one role used, from snapshot to
// snapshot.
type account struct {
	last   map[int]process // by pid, as of the last update
	used   int64           // CPU time since the first update, ticks
	waits  map[int]int64   // run-queue wait so far, by task, nanoseconds
	waited time.Duration   // since the first update
}

// update takes a new snapshot. The first one only sets the base.
//
// The sum of own and reaped time over the members is conserved when a member
// waits for another: the time moves from the one's own to the other's reaped.
// So the difference of the sums counts a worker that was born and died between
// two snapshots, and counts nothing twice. Time leaves the sum only when a
// member is waited for by a stranger (init, when its parent died, or whoever
// started the group's first process); uncollected adds that back. What such
// processes used after the last snapshot that saw them is not counted.
func (a *account) update(now []process) {
	current := make(map[int]process, len(now))
	for _, p := range now {
		current[p.pid] = p
	}
	if a.last != nil {
		a.used += sum(current) - sum(a.last) + uncollected(a.last, current)
	}
	a.last = current
}

func sum(processes map[int]process) (ticks int64) {
	for _, p := range processes {
		ticks += p.total()
	}
	return ticks
}

// seconds returns the CPU time since the first update.
func (a *account) seconds() float64 { return float64(max(0, a.used)) / ticksPerSecond }

// truncation is how many ticks a reaped child can seem to lose by rounding:
// user and system time are each cut to a tick.
const truncation = 2

// uncollected returns the ticks of members that vanished without a surviving
// member having waited for them. A vanished process is credited to its nearest
// surviving ancestor among the members, as far as the growth of that
// ancestor's reaped time covers it.
func uncollected(last, now map[int]process) (ticks int64) {
	owed := map[int]int64{} // by pid of the surviving ancestor; 0 is nobody
	for _, p := range last {
		if !same(p, now) {
			owed[survivor(p, last, now)] += p.total()
		}
	}
	for pid, debt := range owed {
		missing := debt
		if pid != 0 {
			missing -= now[pid].reaped - last[pid].reaped
		}
		if pid == 0 || missing > truncation {
			ticks += missing
		}
	}
	return ticks
}

// survivor returns the nearest ancestor of p that is in both snapshots, or 0.
func survivor(p process, last, now map[int]process) int {
	for range last { // as many steps as there can be ancestors
		parent, ok := last[p.parent]
		if !ok {
			return 0
		}
		if same(parent, now) {
			return parent.pid
		}
		p = parent
	}
	return 0
}

func same(p process, now map[int]process) bool {
	q, ok := now[p.pid]
	return ok && q.started == p.started
}

// wait reads how long the tasks of the given processes waited for a CPU. Where
// the kernel keeps no schedstat, it stays 0. Call it once per snapshot, after
// update.
func (a *account) wait(r *reader, now []process) error {
	current := make(map[int]int64, len(a.waits))
	for _, p := range now {
		if !p.alive() {
			continue
		}
		if err := r.waits(p, current); err != nil {
			return err
		}
	}
	if a.waits != nil {
		for task, ns := range current {
			before := a.waits[task]
			if ns < before {
				before = 0 // the number was given to a new task
			}
			a.waited += time.Duration(ns - before)
		}
	}
	a.waits = current
	return nil
}

// waits adds the wait of each task of p to into.
func (r *reader) waits(p process, into map[int]int64) error {
	dir := r.root.path("proc", strconv.Itoa(p.pid))
	tasks := []int{p.pid}
	if p.threads > 1 {
		var err error
		tasks, err = numbered(filepath.Join(dir, "task"))
		if gone(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("list tasks of process %d: %w", p.pid, err)
		}
	}
	for _, task := range tasks {
		b, err := r.read(dir + "/task/" + strconv.Itoa(task) + "/schedstat")
		if gone(err) {
			continue
		}
		if err != nil {
			return err
		}
		ns, err := parseWait(b)
		if err != nil {
			return fmt.Errorf("task %d: %w", task, err)
		}
		into[task] = ns
	}
	return nil
}

// count returns how many of the processes live, and their threads.
func count(processes []process) (live, threads int) {
	for _, p := range processes {
		if p.alive() {
			live++
			threads += p.threads
		}
	}
	return live, threads
}
