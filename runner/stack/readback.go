package stack

import (
	"fmt"
	"os"

	"sweetspot/runner/process"
	"sweetspot/runner/rundir"
)

// Effective reads back the live workers and their threads. Threads is what the
// busiest worker has at the moment for serving requests; some servers make
// them when requests come. Nothing is known of a target's.
func (st *Stack) Effective() (rundir.Effective, error) {
	e := rundir.Effective{Workers: st.cell.Workers, Upstream: st.upstream, Argv: map[string][]string{}}
	if st.server.name == targetServer.name {
		return e, nil
	}
	workers, err := st.workers()
	if err != nil {
		return rundir.Effective{}, err
	}
	e.Workers = len(workers)
	for _, pid := range workers {
		if st.server.threads && st.server.name != embeddedServer.name {
			e.Threads = max(e.Threads, threads(pid)-st.server.spare)
		}
	}
	for _, p := range st.apps {
		e.Argv[p.role] = p.process.Argv()
	}
	if st.proxy != nil {
		e.Argv["proxy"] = st.proxy.Argv()
	}
	return e, nil
}

// workers returns the live workers of all instances.
func (st *Stack) workers() (all []int, err error) {
	for _, p := range st.apps {
		live, err := st.server.live(p.process)
		if err != nil {
			return nil, fmt.Errorf("read back the workers: %w", err)
		}
		all = append(all, live...)
	}
	return all, nil
}

// live returns the live workers of one instance.
func (srv server) live(p *process.Process) ([]int, error) {
	switch {
	case srv.workers != nil:
		return srv.workers(p)
	case srv.single && p.Err() == nil:
		return []int{p.PID()}, nil
	case srv.single:
		return nil, nil
	}
	return p.Children()
}

// threads returns how many threads a process has; 0 when it has ended.
func threads(pid int) int {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return 0
	}
	return len(tasks)
}

// Connections counts the connections that each worker holds now; nil when
// nobody listens but others for them, or nothing is known of the workers.
func (st *Stack) Connections() ([]int, error) {
	if st.server.files {
		return nil, nil // the web server in front of the workers holds them
	}
	open := map[string]bool{}
	for _, p := range st.apps {
		inodes, err := established(p.at)
		if err != nil {
			return nil, err
		}
		for _, inode := range inodes {
			open[inode] = true
		}
	}
	workers, err := st.workers()
	if err != nil || len(workers) == 0 {
		return nil, err
	}
	counts := make([]int, len(workers))
	for i, pid := range workers {
		for _, inode := range sockets(pid) {
			if open[inode] {
				counts[i]++
			}
		}
	}
	return counts, nil
}

// Databases returns how many connections every service has now, against its
// limit.
func (st *Stack) Databases() (map[string]rundir.ServiceUse, error) {
	uses := map[string]rundir.ServiceUse{}
	for i, s := range st.services {
		seen, limit, err := s.Connections()
		if err != nil {
			return nil, err
		}
		uses[st.app.Services[i]] = rundir.ServiceUse{Connections: seen, Limit: limit}
	}
	return uses, nil
}
