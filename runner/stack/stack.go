package stack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"sweetspot/runner/process"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// Config says which cell to start, and where.
type Config struct {
	App       *App
	Cell      scenarios.Cell
	Dir       string // of this start, made when missing; everything is written here
	RunID     string // in the mark of every process
	TrialID   string // that every answer of the application should carry
	AppCPUs   []int  // empty means any
	ProxyCPUs []int

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
	Network string // tcp
	Address string // to attack, 127.0.0.1:PORT

	dir      string
	trialID  string
	server   server
	app      *process.Process
	proxy    *process.Process // nil when there is none
	socket   string           // between proxy and application; "" when there is none
	tempDir  string           // that holds the socket when dir is too long; "" otherwise
	configs  map[string]string
	stopping chan struct{}
	died     chan struct{}
	err      error // valid once died is closed
	stop     func() error
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
	if why := applies(cfg.Cell, cfg.App.Interface); why != "" {
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

func startOnce(ctx context.Context, cfg Config) (*Stack, error) {
	st := &Stack{
		dir: cfg.Dir, trialID: cfg.TrialID, configs: map[string]string{},
		stopping: make(chan struct{}), died: make(chan struct{}),
	}
	st.server, _ = findServer(cfg.Cell.Server)
	st.stop = sync.OnceValue(st.end)
	if err := st.bringUp(ctx, cfg); err != nil {
		return nil, errors.Join(err, st.Stop())
	}
	go st.watch()
	return st, nil
}

// bringUp starts the application and then the proxy, and waits for each. What
// it has started when it fails is stopped by its caller.
func (st *Stack) bringUp(ctx context.Context, cfg Config) error {
	dataDir := filepath.Join(cfg.Dir, "data")
	if err := errors.Join(makeHome(cfg.Dir), copyData(cfg.App.DataDir, dataDir)); err != nil {
		return err
	}
	public, err := cfg.choosePort()
	if err != nil {
		return err
	}
	st.Network, st.Address = public.network, public.address
	s := site{
		app: cfg.App.at(dataDir), cell: cfg.Cell, dir: cfg.Dir, listen: public, cpus: len(cfg.AppCPUs),
		trialID: cfg.TrialID, machine: thisMachine(), epoch: monotonic(),
	}
	px, _ := findProxy(cfg.Cell.Proxy)
	if px.plan != nil {
		if s.listen, err = st.chooseSocket(cfg.RunID); err != nil {
			return err
		}
	}
	g := gate{
		role: "app", at: s.listen, path: s.app.Ready, trialID: cfg.TrialID,
		workers: cfg.Cell.Workers, allowed: s.app.Deadline,
	}
	deadline, cancel := context.WithTimeout(ctx, s.app.Deadline)
	defer cancel()
	if st.app, err = st.launch(ctx, g.role, st.server.plan(s), cfg.AppCPUs, s.app.Env, cfg.RunID); err != nil {
		return err
	}
	g.process = st.app
	if err := g.wait(deadline); err != nil || px.plan == nil {
		return err
	}
	s.upstream, s.listen, s.cpus = s.listen, public, len(cfg.ProxyCPUs)
	g.role, g.at, g.workers = "proxy", public, 0
	if st.proxy, err = st.launch(ctx, g.role, px.plan(s), cfg.ProxyCPUs, nil, cfg.RunID); err != nil {
		return err
	}
	g.process = st.proxy
	return g.wait(deadline)
}

// copyData gives a start its own copy of what prepare made.
func copyData(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if _, err := os.Stat(from); from == "" || errors.Is(err, os.ErrNotExist) {
		return os.MkdirAll(to, 0o755)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return fmt.Errorf("copy the application's data: %w", err)
	}
	return nil
}

// chooseSocket returns where proxy and application meet: in the folder of this
// start, unless that path is too long for a socket.
func (st *Stack) chooseSocket(runID string) (at endpoint, err error) {
	st.socket = filepath.Join(st.dir, "app.sock")
	if len(st.socket) > maxSocketPath {
		if st.tempDir, err = process.TempDir(runID); err != nil {
			return endpoint{}, err
		}
		st.socket = filepath.Join(st.tempDir, "app.sock")
	}
	return endpoint{"unix", st.socket}, nil
}

// launch writes the files of a plan and starts its process.
func (st *Stack) launch(ctx context.Context, role string, p plan, cpus []int, vars map[string]string, runID string) (*process.Process, error) {
	for name, content := range p.files {
		if err := os.WriteFile(filepath.Join(st.dir, name), []byte(content), 0o644); err != nil {
			return nil, err
		}
	}
	maps.Copy(st.configs, p.files)
	env := append(environment(vars, st.dir, st.trialID), p.env...)
	return process.Start(ctx, process.Spec{
		Role: role, Argv: p.argv, Dir: p.dir, CPUs: cpus, Log: filepath.Join(st.dir, role+".log"),
		Env: append(env, process.Mark(runID)),
	})
}

// watch closes died when a master ends though nobody stops the stack.
func (st *Stack) watch() {
	var proxyDone <-chan struct{} // never, without a proxy
	if st.proxy != nil {
		proxyDone = st.proxy.Done()
	}
	dead := st.app
	select {
	case <-st.stopping:
		return
	case <-st.app.Done():
	case <-proxyDone:
		dead = st.proxy
	}
	select {
	case <-st.stopping:
		return
	default:
	}
	st.err = fmt.Errorf("%w\n%s", dead.Err(), dead.LogTail(tailLines))
	close(st.died)
}

// AppGroup returns the process group of the application server.
func (st *Stack) AppGroup() int { return st.app.Group() }

// ProxyGroup returns the process group of the proxy; 0 when there is none.
func (st *Stack) ProxyGroup() int {
	if st.proxy == nil {
		return 0
	}
	return st.proxy.Group()
}

// Died is closed when a master has ended though nobody called Stop.
func (st *Stack) Died() <-chan struct{} { return st.died }

// Err says which master died and how, with the tail of its log; nil while none has.
func (st *Stack) Err() error {
	select {
	case <-st.died:
		return st.err
	default:
		return nil
	}
}

// Effective reads back the live workers and their threads. Threads is what the
// busiest worker has at the moment, its housekeeping ones included; gunicorn
// makes them when requests come.
func (st *Stack) Effective() (rundir.Effective, error) {
	children, err := st.app.Children()
	if err != nil {
		return rundir.Effective{}, fmt.Errorf("read back the workers: %w", err)
	}
	e := rundir.Effective{Workers: len(children), Argv: map[string][]string{"app": st.app.Argv()}}
	if st.proxy != nil {
		e.Argv["proxy"] = st.proxy.Argv()
	}
	if st.server.threads {
		for _, pid := range children {
			e.Threads = max(e.Threads, threads(pid))
		}
	}
	return e, nil
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
	logs := map[string]string{"app": filepath.Join(st.dir, "app.log")}
	if st.proxy != nil {
		logs["proxy"] = filepath.Join(st.dir, "proxy.log")
	}
	return logs
}

// Stop ends the proxy, then the application, and removes what the start made
// besides its configurations and logs. Further calls return the same.
func (st *Stack) Stop() error { return st.stop() }

func (st *Stack) end() error {
	close(st.stopping)
	var errs []error
	for _, p := range []*process.Process{st.proxy, st.app} {
		if p != nil {
			errs = append(errs, p.Stop())
		}
	}
	for _, path := range []string{st.socket, st.tempDir} {
		if path != "" {
			errs = append(errs, os.RemoveAll(path))
		}
	}
	for _, name := range []string{"data", "home", "tmp"} {
		errs = append(errs, os.RemoveAll(filepath.Join(st.dir, name)))
	}
	return errors.Join(errs...)
}
