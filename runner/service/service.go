// Package service starts what an application needs beside it, PostgreSQL,
// MariaDB or Redis: private to one start, on a Unix socket only, with data of
// its own, and stopped without a trace.
package service

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sweetspot/runner/process"
)

// Config says which service to start, and where.
type Config struct {
	Name     string
	Dir      string        // of this start, made when missing: logs, and files of the client that checks it
	Data     string        // folder of its data; made and initialised when it does not exist, else used as it is
	RunID    string        // in the mark of every process
	CPUs     []int         // empty means any
	Deadline time.Duration // to answer, initialisation apart; 0 means 30 s
}

const (
	defaultDeadline = 30 * time.Second
	shutdownGrace   = 30 * time.Second // a clean shutdown writes what is in memory
	killWait        = 5 * time.Second  // a killed process is gone in milliseconds, unless a disk hangs
	pollEvery       = 10 * time.Millisecond
	tailLines       = 20  // of a log, in an error
	maxSocketPath   = 100 // bytes; what fits into the kernel's address with some room
)

// Service is a running service. Stop it, also after it has died.
type Service struct {
	cfg      Config
	driver   driver
	place    place
	temp     string // holds place.run, and the data when the server cannot reach Config.Data
	fresh    bool   // this start has made Config.Data
	argv     []string
	process  *process.Process // nil before it was started
	stdin    fileID           // that all processes of the service share
	segments []string         // of shared memory, which a crash would leave
	limit    int              // of connections, as the server says
	started  bool
	stopping chan struct{}
	died     chan struct{}
	err      error // valid once died is closed
	stop     func() error
}

// Start starts a service and returns when it answers and its database exists.
// When that fails nothing is left, neither processes nor data that this start
// has made; an error of the service ends with its log's tail. When ctx is
// done, the service is stopped as Stop does.
//
// As root the server runs as the account of its package. What that account
// must reach, the socket, is in a temporary folder, whose path is also short
// enough. So is a copy of the data while the service runs, if Data is inside a
// folder that the account may not enter, as /root; Stop copies it back.
func Start(ctx context.Context, cfg Config) (*Service, error) {
	s, err := start(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", cfg.Name, err)
	}
	return s, nil
}

func start(ctx context.Context, cfg Config) (*Service, error) {
	if why := Missing(cfg.Name); why != "" {
		return nil, errors.New(why)
	}
	for _, path := range []*string{&cfg.Dir, &cfg.Data} {
		abs, err := filepath.Abs(*path)
		if err != nil {
			return nil, err
		}
		*path = abs
	}
	if cfg.Deadline == 0 {
		cfg.Deadline = defaultDeadline
	}
	s := &Service{cfg: cfg, stopping: make(chan struct{}), died: make(chan struct{})}
	s.driver, _ = find(cfg.Name)
	s.stop = sync.OnceValue(s.end)
	if err := s.bringUp(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	s.started = true
	go s.watch()
	release := context.AfterFunc(ctx, func() { _ = s.Stop() }) // the owner's own Stop returns the same error
	go func() {
		<-s.stopping
		release()
	}()
	return s, nil
}

// bringUp makes the data, starts the server and waits for it. What it has made
// when it fails is removed by its caller.
func (s *Service) bringUp(ctx context.Context) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.MkdirAll(s.cfg.Dir, 0o755); err != nil {
		return err
	}
	s.place = place{dir: s.cfg.Dir, root: isRoot()}
	if s.place.bin, err = s.driver.find(s.place.root); err != nil {
		return err
	}
	if err := s.makeTemp(); err != nil {
		return err
	}
	if err := s.prepareData(ctx); err != nil {
		return err
	}
	if err := s.launch(ctx); err != nil {
		return err
	}
	if err := s.wait(ctx); err != nil {
		return err
	}
	members, err := s.Members()
	s.segments = sharedSegments(members)
	return err
}

// makeTemp makes the temporary folder: others may pass through it, and the
// server writes to the folder inside it.
func (s *Service) makeTemp() (err error) {
	if s.temp, err = process.TempDir(s.cfg.RunID); err != nil {
		return err
	}
	s.place.run = filepath.Join(s.temp, "run")
	s.place.socket = filepath.Join(s.place.run, s.driver.socket)
	if len(s.place.socket) > maxSocketPath {
		return fmt.Errorf("the path of its socket, %s, is longer than %d bytes; choose a shorter run ID", s.place.socket, maxSocketPath)
	}
	if err := os.Chmod(s.temp, 0o711); err != nil {
		return err
	}
	return s.makeFolder(s.place.run, 0o755)
}

// launch starts the server. Its context is not ours: that would end it with a
// SIGTERM, which PostgreSQL understands as "when all clients have gone".
func (s *Service) launch(ctx context.Context) (err error) {
	s.argv = s.driver.asUser(s.place, s.driver.serve(s.place))
	s.process, err = process.Start(context.WithoutCancel(ctx), s.spec(s.driver.name, s.argv, s.Log()))
	if err != nil {
		return err
	}
	s.stdin = stdinOf(s.process.PID())
	return nil
}

// spec describes a process of the service. Nothing of our environment leaks in.
func (s *Service) spec(role string, argv []string, log string) process.Spec {
	return process.Spec{
		Role: role, Argv: argv, Dir: s.place.run, CPUs: s.cfg.CPUs, Log: log,
		Env: append(environment(s.place.run), process.Mark(s.cfg.RunID)),
	}
}

func environment(dir string) []string {
	return []string{"HOME=" + dir, "LANG=C.UTF-8", "PATH=" + childPath, "TMPDIR=" + dir}
}

// run runs a program to its end and returns the last lines that it wrote.
func (s *Service) run(ctx context.Context, role string, argv []string) (tail string, err error) {
	p, err := process.Start(ctx, s.spec(role, argv, filepath.Join(s.cfg.Dir, s.driver.name+"-"+role+".log")))
	if err != nil {
		return "", err
	}
	<-p.Done()
	tail = p.LogTail(tailLines)
	if err := p.Stop(); err != nil {
		return tail, err
	}
	if err := ctx.Err(); err != nil {
		return tail, fmt.Errorf("%s: %w", role, err)
	}
	if !p.Succeeded() {
		return tail, p.Err()
	}
	return tail, nil
}

// watch closes died when the server ends though nobody stops it.
func (s *Service) watch() {
	select {
	case <-s.stopping:
		return
	case <-s.process.Done():
	}
	select {
	case <-s.stopping:
		return
	default:
	}
	s.err = s.failure()
	close(s.died)
}

// failure says how the server ended, with its log's tail.
func (s *Service) failure() error {
	return fmt.Errorf("%w\n%s", s.process.Err(), s.process.LogTail(tailLines))
}

// Env returns what the application needs to find the service: DATABASE_URL
// with PGHOST, PGUSER and PGDATABASE, or with MYSQL_UNIX_PORT; or REDIS_URL.
func (s *Service) Env() map[string]string { return maps.Clone(s.driver.env(s.place)) }

// Group returns the process group of the server. PostgreSQL puts each of its
// children into a group, and a session, of its own: they are in Members only.
func (s *Service) Group() int { return s.process.Group() }

// Argv returns the command line of the server.
func (s *Service) Argv() []string { return s.argv }

// Log returns the path of the server's log.
func (s *Service) Log() string { return filepath.Join(s.cfg.Dir, s.driver.name+".log") }

// Died is closed when the server has ended though nobody called Stop.
func (s *Service) Died() <-chan struct{} { return s.died }

// Err says how the server died, with the tail of its log; nil while it has not.
func (s *Service) Err() error {
	select {
	case <-s.died:
		return s.err
	default:
		return nil
	}
}
