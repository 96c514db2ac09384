package stack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"sweetspot/runner/process"
	"sweetspot/runner/service"
)

// bringUp starts the services, the application and then the proxy, and waits
// for each. What it has started when it fails is stopped by its caller.
func (st *Stack) bringUp(ctx context.Context, cfg Config) error {
	dataDir := filepath.Join(cfg.Dir, "data")
	if err := errors.Join(makeHome(cfg.Dir), copyData(cfg.App.DataDir, dataDir, cfg.App.Services)); err != nil {
		return err
	}
	public, err := cfg.choosePort(cfg.Listen)
	if err != nil {
		return err
	}
	st.Network, st.Address = public.network, public.address
	if cfg.Listen != loopback {
		st.Host = serverName // applications often answer to few names
	}
	st.app = cfg.App.at(dataDir)
	deadline, cancel := context.WithTimeout(ctx, cfg.App.Deadline)
	defer cancel()
	if st.services, err = startServices(ctx, st.app.Services, cfg.Dir, dataDir, cfg.RunID, cfg.OtherCPUs); err != nil {
		return err
	}
	for _, s := range st.services {
		maps.Copy(st.app.Env, s.Env())
	}
	px, _ := findProxy(cfg.Cell.Proxy)
	s := site{
		app: st.app, cell: cfg.Cell, room: cfg.Room, dir: cfg.Dir, settings: cfg.Proxy, cpus: len(cfg.AppCPUs),
		uwsgi: st.server.uwsgi && px.uwsgi, trialID: cfg.TrialID, machine: thisMachine(st.app), epoch: monotonic(),
	}
	s.iface, s.entry = st.server.entry(st.app.Interface, st.app.Module, st.app.ASGI)
	if err := st.confine(cfg); err != nil {
		return err
	}
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
		p.dir = each.dir
		if err := st.handOver(each); err != nil {
			return err
		}
		var err error
		if p.process, err = st.launch(ctx, each, st.server.plan(each), process.Spec{Role: p.role, CPUs: cfg.AppCPUs, Control: st.control}, st.app.Env, cfg.RunID); err != nil {
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
	if st.proxy, err = st.launch(ctx, s, px.plan(s), process.Spec{Role: "proxy", CPUs: cfg.ProxyCPUs}, nil, cfg.RunID); err != nil {
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

// launch writes the files of a plan and starts its process, of which spec says
// what the plan does not.
func (st *Stack) launch(ctx context.Context, at site, p plan, spec process.Spec, vars map[string]string, runID string) (*process.Process, error) {
	prefix := ""
	if at.dir != st.dir {
		prefix = spec.Role + "."
	}
	for name, content := range p.files {
		if err := os.WriteFile(filepath.Join(at.dir, name), []byte(content), 0o644); err != nil {
			return nil, err
		}
		st.configs[prefix+name] = content
	}
	env := append(environment(vars, at.dir, st.trialID), p.env...)
	spec.Argv, spec.Dir, spec.Log = p.argv, p.dir, filepath.Join(st.dir, spec.Role+".log")
	spec.Env = append(env, process.Mark(runID))
	return process.Start(ctx, spec)
}
