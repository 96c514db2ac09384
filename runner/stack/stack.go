package stack

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"sweetspot/runner/process"
	"sweetspot/runner/rundir"
	"sweetspot/runner/service"
	"sweetspot/scenarios"
)

// Config says which cell to start, and where.
type Config struct {
	App        *App
	Cell       scenarios.Cell
	Proxy      scenarios.Proxy // how the cell's proxy is set up
	Target     string          // address of a server that runs already, host:port; nothing is started then
	TargetHost string          // of the requests to it
	TargetTLS  *tls.Config     // nil: it speaks no TLS
	Dir        string          // of this start, made when missing; everything is written here
	RunID      string          // in the mark of every process
	TrialID    string          // that every answer of the application should carry
	AppCPUs    []int           // empty means any
	ProxyCPUs  []int

	choosePort func() (endpoint, error) // tests take ports away; nil means freePort
}

// Headers of the fixtures' and the embedded application's answers.
const (
	trialHeader = "X-Sweetspot-Trial" // the trial's id
	spanHeader  = "X-Sweetspot-Span"  // when the request entered and left the application, CLOCK_MONOTONIC ns
)

const portTries = 3

// Stack is a running cell. Stop it, also after it has died.
type Stack struct {
	Network string      // tcp
	Address string      // to attack, 127.0.0.1:PORT
	Host    string      // of the requests; empty means Address
	TLS     *tls.Config // what clients verify by; nil: they speak no TLS

	cell     scenarios.Cell
	app      *App // {data} is expanded
	dir      string
	trialID  string
	server   server
	services []*service.Service
	apps     []part           // the instances of the application server
	proxy    *process.Process // nil when there is none
	upstream string           // what lies between proxy and application
	tempDir  string           // that holds the sockets when dir is too long; "" otherwise
	configs  map[string]string
	stopping chan struct{}
	died     chan struct{}
	err      error // valid once died is closed
	stop     func() error
}

// A part is one instance of the application server.
type part struct {
	role    string // app, app-2, …
	process *process.Process
	at      endpoint
}

// Start starts a cell and returns when it is ready: our own processes listen,
// the application answers 200, directly and through the proxy, and all workers
// live. When that fails nothing is left running; the error is ErrNotReady when
// the cell itself is to blame. When ctx is done, the stack is stopped.
func Start(ctx context.Context, cfg Config) (*Stack, error) {
	st, err := startTries(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", cfg.Cell, err)
	}
	return st, nil
}

// startTries chooses another port when somebody took the first one.
func startTries(ctx context.Context, cfg Config) (*Stack, error) {
	if cfg.Target != "" {
		return attach(ctx, cfg)
	}
	if why := applies(cfg.scenario(), cfg.Cell); why != "" {
		return nil, errors.New(why)
	}
	if !mainCalled && (cfg.Cell.Server == embeddedServer.name || cfg.Cell.Proxy == embeddedProxy.name) {
		return nil, errors.New("the embedded stack would start this program from its beginning; call stack.Main first in main or TestMain")
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, err
	}
	cfg.Dir = dir
	if cfg.choosePort == nil {
		cfg.choosePort = freePort
	}
	for range portTries {
		var st *Stack
		if st, err = startOnce(ctx, cfg); !errors.Is(err, errForeign) {
			return st, err
		}
	}
	return nil, fmt.Errorf("%d ports in a row were taken: %w; see ss -ltnp", portTries, err)
}

// scenario is what of a scenario decides whether a cell can be started.
func (cfg Config) scenario() *scenarios.Scenario {
	a := cfg.App
	return &scenarios.Scenario{
		App:   scenarios.App{Interface: a.Interface, Module: a.Module, ASGI: a.ASGI, Env: a.Env},
		Proxy: cfg.Proxy,
	}
}

func newStack(cfg Config) *Stack {
	st := &Stack{
		cell: cfg.Cell, dir: cfg.Dir, trialID: cfg.TrialID, configs: map[string]string{},
		stopping: make(chan struct{}), died: make(chan struct{}),
	}
	st.server, _ = findServer(cfg.Cell.Server)
	st.stop = sync.OnceValue(st.end)
	return st
}

func startOnce(ctx context.Context, cfg Config) (*Stack, error) {
	st := newStack(cfg)
	if err := st.bringUp(ctx, cfg); err != nil {
		return nil, errors.Join(err, st.Stop())
	}
	go st.watch()
	return st, nil
}

// attach makes a stack of a server that runs already.
func attach(ctx context.Context, cfg Config) (*Stack, error) {
	st := newStack(cfg)
	st.Network, st.Address, st.Host, st.TLS = "tcp", cfg.Target, cfg.TargetHost, cfg.TargetTLS
	st.app = cfg.App
	deadline, cancel := context.WithTimeout(ctx, cfg.App.Deadline)
	defer cancel()
	g := gate{role: "target", at: endpoint{"tcp", cfg.Target}, path: cfg.App.Ready, tls: cfg.TargetTLS, host: cfg.TargetHost, allowed: cfg.App.Deadline}
	return st, g.wait(deadline)
}

// bringUp starts the services, the application and then the proxy, and waits
// for each. What it has started when it fails is stopped by its caller.
func (st *Stack) bringUp(ctx context.Context, cfg Config) error {
	dataDir := filepath.Join(cfg.Dir, "data")
	if err := errors.Join(makeHome(cfg.Dir), copyData(cfg.App.DataDir, dataDir, cfg.App.Services)); err != nil {
		return err
	}
	public, err := cfg.choosePort()
	if err != nil {
		return err
	}
	st.Network, st.Address = public.network, public.address
	st.app = cfg.App.at(dataDir)
	deadline, cancel := context.WithTimeout(ctx, cfg.App.Deadline)
	defer cancel()
	if st.services, err = startServices(ctx, st.app.Services, cfg.Dir, dataDir, cfg.RunID, cfg.AppCPUs); err != nil {
		return err
	}
	for _, s := range st.services {
		maps.Copy(st.app.Env, s.Env())
	}
	px, _ := findProxy(cfg.Cell.Proxy)
	s := site{
		app: st.app, cell: cfg.Cell, dir: cfg.Dir, settings: cfg.Proxy, cpus: len(cfg.AppCPUs),
		uwsgi: st.server.uwsgi && px.uwsgi, trialID: cfg.TrialID, machine: thisMachine(st.app), epoch: monotonic(),
	}
	s.iface, s.entry = st.server.entry(st.app.Interface, st.app.Module, st.app.ASGI)
	if err := st.startApps(ctx, deadline, cfg, s, px, public); err != nil || px.plan == nil {
		return err
	}
	return st.startProxy(ctx, deadline, cfg, s, px, public)
}

// startApps starts the instances of the application server and waits for all.
func (st *Stack) startApps(ctx, deadline context.Context, cfg Config, s site, px proxy, public endpoint) error {
	n := st.server.copies(cfg.Cell)
	for i := range n {
		p := part{role: "app", at: public}
		if i > 0 {
			p.role = fmt.Sprintf("app-%d", i+1)
		}
		if px.plan != nil {
			var err error
			if p.at, err = st.chooseUpstream(cfg, p.role); err != nil {
				return err
			}
		}
		each := s
		each.listen = p.at
		if n > 1 {
			each.dir = filepath.Join(cfg.Dir, p.role)
			if err := makeHome(each.dir); err != nil {
				return err
			}
		}
		if err := st.handOver(each); err != nil {
			return err
		}
		var err error
		if p.process, err = st.launch(ctx, p.role, each, st.server.plan(each), cfg.AppCPUs, st.app.Env, cfg.RunID); err != nil {
			return err
		}
		st.apps = append(st.apps, p)
	}
	for _, p := range st.apps {
		g := gate{
			role: p.role, process: p.process, at: p.at, path: s.app.Ready, trialID: cfg.TrialID, silent: s.uwsgi,
			workers: cfg.Cell.Workers, live: st.server.live, doomed: st.server.doomed, allowed: s.app.Deadline,
		}
		if st.server.single {
			g.workers = 1
		}
		if err := g.wait(deadline); err != nil {
			return err
		}
	}
	return nil
}

// startProxy starts the proxy before the applications, and waits until it
// answers through them.
func (st *Stack) startProxy(ctx, deadline context.Context, cfg Config, s site, px proxy, public endpoint) (err error) {
	if err := px.reaches(s); err != nil {
		return err
	}
	if cfg.Proxy.TLS {
		if s.cert, err = newCertificate(filepath.Join(cfg.Dir, "tmp")); err != nil {
			return err
		}
		st.TLS, st.Host = s.cert.client, serverName
	}
	for _, p := range st.apps {
		s.upstreams = append(s.upstreams, p.at)
	}
	st.upstream = s.upstreams[0].network
	if s.uwsgi {
		st.upstream += ", uwsgi protocol"
	}
	s.listen, s.cpus = public, len(cfg.ProxyCPUs)
	if st.proxy, err = st.launch(ctx, "proxy", s, px.plan(s), cfg.ProxyCPUs, nil, cfg.RunID); err != nil {
		return err
	}
	g := gate{
		role: "proxy", process: st.proxy, at: public, path: s.app.Ready, trialID: cfg.TrialID,
		tls: st.TLS, host: st.Host, allowed: s.app.Deadline,
	}
	return g.wait(deadline)
}

// startServices starts what the application needs beside it, on its own copy
// of the data. Those that it returns run, also when it fails.
func startServices(ctx context.Context, names []string, dir, dataDir, runID string, cpus []int) (started []*service.Service, err error) {
	for _, name := range names {
		s, err := service.Start(ctx, service.Config{
			Name: name, Dir: filepath.Join(dir, name), Data: filepath.Join(dataDir, name), RunID: runID, CPUs: cpus,
		})
		if err != nil {
			return started, err
		}
		started = append(started, s)
	}
	return started, nil
}

// copyData gives a start its own copy of what prepare made. The folders of
// services keep their owners.
func copyData(from, to string, services []string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if from == "" || errors.Is(err, os.ErrNotExist) {
		return os.MkdirAll(to, 0o755)
	}
	if err := errors.Join(err, os.MkdirAll(to, 0o755)); err != nil {
		return fmt.Errorf("copy the application's data: %w", err)
	}
	for _, e := range entries {
		if err := copyEntry(filepath.Join(from, e.Name()), filepath.Join(to, e.Name()), e, services); err != nil {
			return fmt.Errorf("copy the application's data: %w", err)
		}
	}
	return nil
}

func copyEntry(from, to string, e os.DirEntry, services []string) error {
	switch {
	case slices.Contains(services, e.Name()):
		return service.Copy(e.Name(), from, to)
	case e.IsDir():
		return os.CopyFS(to, os.DirFS(from))
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}

// chooseUpstream returns where proxy and application meet: a Unix socket where
// server and settings allow, in the folder of this start unless that path is
// too long for one, else a port.
func (st *Stack) chooseUpstream(cfg Config, role string) (at endpoint, err error) {
	if st.server.tcpOnly || cfg.Proxy.Upstream == scenarios.TCPUpstream {
		return cfg.choosePort()
	}
	dir := st.dir
	if len(filepath.Join(dir, role+".sock")) > maxSocketPath || !openToOthers(dir) {
		if st.tempDir == "" {
			if st.tempDir, err = sharedTempDir(cfg.RunID); err != nil {
				return endpoint{}, err
			}
		}
		dir = st.tempDir
	}
	socket := filepath.Join(dir, role+".sock")
	// One that a killed run left behind would stop some servers.
	return endpoint{"unix", socket}, removeSocket(socket)
}

// removeSocket removes a socket's file, and the lock that Twisted has beside it.
func removeSocket(path string) error {
	for _, file := range []string{path, path + ".lock"} {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// sharedTempDir returns a folder that a proxy may reach which runs as another user.
func sharedTempDir(runID string) (string, error) {
	dir, err := process.TempDir(runID)
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711)
}

// openToOthers tells whether every user may reach what is in a folder.
func openToOthers(dir string) bool {
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

// launch writes the files of a plan and starts its process.
func (st *Stack) launch(ctx context.Context, role string, at site, p plan, cpus []int, vars map[string]string, runID string) (*process.Process, error) {
	prefix := ""
	if at.dir != st.dir {
		prefix = role + "."
	}
	for name, content := range p.files {
		if err := os.WriteFile(filepath.Join(at.dir, name), []byte(content), 0o644); err != nil {
			return nil, err
		}
		st.configs[prefix+name] = content
	}
	env := append(environment(vars, at.dir, st.trialID), p.env...)
	return process.Start(ctx, process.Spec{
		Role: role, Argv: p.argv, Dir: p.dir, CPUs: cpus, Log: filepath.Join(st.dir, role+".log"),
		Env: append(env, process.Mark(runID)),
	})
}

// watch closes died when a master or a service ends though nobody stops the
// stack.
func (st *Stack) watch() {
	type ending struct {
		done <-chan struct{}
		how  func() error
	}
	var all []ending
	masters := []*process.Process{}
	for _, p := range st.apps {
		masters = append(masters, p.process)
	}
	if st.proxy != nil {
		masters = append(masters, st.proxy)
	}
	for _, p := range masters {
		all = append(all, ending{p.Done(), func() error { return fmt.Errorf("%w\n%s", p.Err(), p.LogTail(tailLines)) }})
	}
	for _, s := range st.services {
		all = append(all, ending{s.Died(), s.Err})
	}
	first := make(chan ending, len(all))
	for _, e := range all {
		go func() {
			select {
			case <-e.done:
				first <- e
			case <-st.stopping:
			}
		}()
	}
	select {
	case <-st.stopping:
	case dead := <-first:
		select {
		case <-st.stopping:
			return
		default:
		}
		st.err = dead.how()
		close(st.died)
	}
}

// Groups returns the process groups of the stack by what they do.
func (st *Stack) Groups() (apps []int, proxy int, services []int) {
	for _, p := range st.apps {
		apps = append(apps, p.process.Group())
	}
	if st.proxy != nil {
		proxy = st.proxy.Group()
	}
	for _, s := range st.services {
		services = append(services, s.Group())
	}
	return apps, proxy, services
}

// Died is closed when a master or a service has ended though nobody called Stop.
func (st *Stack) Died() <-chan struct{} { return st.died }

// Err says which of them died and how, with the tail of its log; nil while none has.
func (st *Stack) Err() error {
	select {
	case <-st.died:
		return st.err
	default:
		return nil
	}
}

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

// Resize changes the workers of a running stack to those of another cell that
// differs in nothing else, and returns when all of them live. ok is false when
// the server cannot: then nothing has happened.
func (st *Stack) Resize(ctx context.Context, to scenarios.Cell) (ok bool, err error) {
	same := st.cell
	same.Workers = to.Workers
	if st.server.resize == nil || same != to {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, st.app.Deadline)
	defer cancel()
	for _, p := range st.apps {
		if err := st.server.resize(p.process, st.cell.Workers, to.Workers); err != nil {
			return true, fmt.Errorf("resize %s: %w", st.cell, err)
		}
	}
	for {
		workers, err := st.workers()
		if err != nil {
			return true, err
		}
		if len(workers) == to.Processes() {
			st.cell = to
			return true, nil
		}
		select {
		case <-st.died:
			return true, fmt.Errorf("%w: %w", ErrNotReady, st.err)
		case <-ctx.Done():
			return true, fmt.Errorf("%w: %d workers instead of %d after the change", ErrNotReady, len(workers), to.Processes())
		case <-time.After(probeEvery):
		}
	}
}

// threads returns how many threads a process has; 0 when it has ended.
func threads(pid int) int {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return 0
	}
	return len(tasks)
}

// Configs returns the rendered configurations by file name.
func (st *Stack) Configs() map[string]string { return maps.Clone(st.configs) }

// Logs returns the paths of the logs by role.
func (st *Stack) Logs() map[string]string {
	logs := map[string]string{}
	for _, p := range st.apps {
		logs[p.role] = filepath.Join(st.dir, p.role+".log")
	}
	for i, s := range st.services {
		logs[st.app.Services[i]] = s.Log()
	}
	if st.proxy != nil {
		logs["proxy"] = filepath.Join(st.dir, "proxy.log")
	}
	return logs
}

// Stop ends the proxy, then the application and its services, and removes what the start made
// besides its configurations and logs. Further calls return the same.
func (st *Stack) Stop() error { return st.stop() }

func (st *Stack) end() error {
	close(st.stopping)
	var errs []error
	if st.proxy != nil {
		errs = append(errs, st.proxy.Stop())
	}
	errs = append(errs, st.stopApps())
	for _, s := range st.services {
		errs = append(errs, s.Stop())
	}
	for _, p := range st.apps {
		if p.at.network == "unix" {
			errs = append(errs, removeSocket(p.at.address))
		}
		for _, name := range []string{"home", "tmp"} {
			errs = append(errs, os.RemoveAll(filepath.Join(st.dir, p.role, name)))
		}
	}
	if st.tempDir != "" {
		errs = append(errs, os.RemoveAll(st.tempDir))
	}
	for _, name := range []string{"data", "home", "tmp"} {
		errs = append(errs, os.RemoveAll(filepath.Join(st.dir, name)))
	}
	return errors.Join(errs...)
}

// stopApps stops all instances at once: some take a second each.
func (st *Stack) stopApps() error {
	errs := make([]error, len(st.apps))
	var wait sync.WaitGroup
	for i, p := range st.apps {
		wait.Go(func() { errs[i] = p.process.Stop() })
	}
	wait.Wait()
	return errors.Join(errs...)
}
