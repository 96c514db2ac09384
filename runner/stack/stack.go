package stack

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"sync"

	"sweetspot/runner/cgroup"
	"sweetspot/runner/process"
	"sweetspot/runner/service"
	"sweetspot/scenarios"
)

// Config says which cell to start, and where.
type Config struct {
	App        *App
	Cell       scenarios.Cell
	Room       int             // workers that Resize may ask for, at most; 0: it is not called
	Proxy      scenarios.Proxy // how the cell's proxy is set up
	Target     string          // address of a server that runs already, host:port; nothing is started then
	TargetHost string          // of the requests to it
	TargetTLS  *tls.Config     // nil: it speaks no TLS
	Dir        string          // of this start, made when missing; everything is written here
	RunID      string          // in the mark of every process
	TrialID    string          // that every answer of the application should carry
	AppCPUs    []int           // of the application server; empty means any
	Limits     cgroup.Limits   // of the application server, all its instances together
	MustLimit  bool            // Limits that cannot be enforced are an error; else the stack says so and starts
	ProxyCPUs  []int
	OtherCPUs  []int      // of the services
	Listen     netip.Addr // where the stack is reached, an IPv4 address of this machine; zero: 127.0.0.1. What is behind the proxy listens on loopback

	choosePort func(netip.Addr) (endpoint, error) // tests take ports away; nil means freePort
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
	Address string      // to attack, IP:PORT
	Host    string      // of the requests; empty means Address
	TLS     *tls.Config // what clients verify by; nil: they speak no TLS

	cell      scenarios.Cell
	room      int  // see Config
	app       *App // {data} is expanded
	dir       string
	trialID   string
	server    server
	services  []*service.Service
	apps      []part           // the instances of the application server
	proxy     *process.Process // nil when there is none
	control   *cgroup.Group    // of the applications; nil: they are in ours
	unlimited string           // why they are not in one of their own though they should be
	upstream  string           // what lies between proxy and application
	tempDir   string           // that holds the sockets when dir is too long; "" otherwise
	configs   map[string]string
	stopping  chan struct{}
	died      chan struct{}
	err       error // valid once died is closed
	stop      func() error
}

// A part is one instance of the application server.
type part struct {
	role    string // app, app-2, …
	dir     string // of its files
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
	if !cfg.Listen.IsValid() {
		cfg.Listen = loopback
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
		cell: cfg.Cell, room: cfg.Room, dir: cfg.Dir, trialID: cfg.TrialID, configs: map[string]string{},
		stopping: make(chan struct{}), died: make(chan struct{}),
	}
	st.server, _ = findServer(cfg.Cell.Server)
	st.stop = sync.OnceValue(st.end)
	return st
}

func startOnce(ctx context.Context, cfg Config) (*Stack, error) {
	st := newStack(cfg)
	if err := st.bringUp(ctx, cfg); err != nil {
		return nil, errors.Join(st.Blame(err), st.Stop())
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
	errs = append(errs, st.stopApps(), st.control.Close())
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
