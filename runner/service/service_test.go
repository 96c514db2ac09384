package service

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sweetspot/runner/process"
)

func TestMain(m *testing.M) {
	process.Main()
	if name := os.Getenv(ownerName); name != "" {
		owner(name, os.Getenv(ownerDir), os.Getenv(ownerRun))
	}
	os.Exit(m.Run())
}

const (
	ownerName = "TEST_OWNER" // service of a helper that starts one and waits to be killed
	ownerDir  = "TEST_OWNER_DIR"
	ownerRun  = "TEST_OWNER_RUN"
)

// owner starts a service under a watchdog, prints "ready", and waits.
func owner(name, dir, runID string) {
	_, err := process.Watch(runID)
	if err == nil {
		_, err = Start(context.Background(), Config{Name: name, Dir: filepath.Join(dir, "start"), Data: filepath.Join(dir, "data"), RunID: runID})
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	select {}
}

// need skips a test whose service or client is missing, or fails it where all have to be.
func need(t *testing.T, name string) {
	t.Helper()
	why := Missing(name)
	if module := clients[name].module; why == "" && exec.Command(python, "-c", "import "+module).Run() != nil {
		why = python + " has no " + module
	}
	switch {
	case why == "":
	case os.Getenv("SWEETSPOT_REQUIRE_STACKS") == "1":
		t.Fatal(why)
	default:
		t.Skip(why)
	}
}

// eachService runs a test for every service of this machine.
func eachService(t *testing.T, test func(t *testing.T, name string)) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			need(t, name)
			test(t, name)
		})
	}
}

// newConfig returns a start of a run of its own, with data that every account
// can reach, and checks at the end that nothing of the run is left.
func newConfig(t *testing.T, name string) Config {
	t.Helper()
	dir := t.TempDir()
	c := Config{
		Name: name, Dir: filepath.Join(dir, "start"), Data: filepath.Join(dir, "data", name),
		RunID: "test-" + strings.ToLower(rand.Text()[:8]), Deadline: 2 * time.Minute,
	}
	for ; dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { nothingLeft(t, c) })
	return c
}

func nothingLeft(t *testing.T, c Config) {
	t.Helper()
	if left := tempDirs(t, c.RunID); len(left) != 0 {
		t.Errorf("temporary folders left: %q", left)
	}
	if left, err := process.SweepRun(c.RunID); err != nil || len(left) != 0 {
		t.Errorf("processes left: %q, %v", left, err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(c.Data), "*"+unfinished)); err != nil || len(left) != 0 {
		t.Errorf("unfinished data left: %q, %v", left, err)
	}
}

func tempDirs(t *testing.T, runID string) []string {
	t.Helper()
	dirs, err := filepath.Glob("/tmp/sweetspot-" + runID + "_*")
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

func mustStart(t *testing.T, c Config) *Service {
	t.Helper()
	s, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() }) // the tests check their own
	return s
}

func mustStop(t *testing.T, s *Service) {
	t.Helper()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.Err(); err != nil {
		t.Errorf("Err after Stop = %v, want nil: it did not die", err)
	}
}

// eventually polls until cond holds; a minute is the guard against a hang, not
// a claim on speed.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !cond(); time.Sleep(pollEvery) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

func connections(t *testing.T, s *Service) int {
	t.Helper()
	seen, _, err := s.Connections()
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

const python = "/usr/bin/python3"

// clients connect as an application does, from its environment alone. opened
// is a new connection; save and load keep one word in it.
var clients = map[string]struct{ module, opened, save, load string }{
	"postgresql": {
		module: "psycopg2",
		opened: `psycopg2.connect(os.environ["DATABASE_URL"])`,
		save:   `k = c.cursor(); k.execute("CREATE TABLE kept (word text)"); k.execute("INSERT INTO kept VALUES ('%s')"); c.commit()`,
		load:   `k = c.cursor(); k.execute("SELECT word FROM kept"); print(k.fetchone()[0])`,
	},
	"mariadb": {
		module: "MySQLdb",
		opened: `(lambda u: MySQLdb.connect(user=u.username, db=u.path[1:], unix_socket=urllib.parse.parse_qs(u.query)["unix_socket"][0]))(urllib.parse.urlsplit(os.environ["DATABASE_URL"]))`,
		save:   `k = c.cursor(); k.execute("CREATE TABLE kept (word text)"); k.execute("INSERT INTO kept VALUES ('%s')"); c.commit()`,
		load:   `k = c.cursor(); k.execute("SELECT word FROM kept"); print(k.fetchone()[0])`,
	},
	"redis": {
		module: "redis",
		opened: `redis.Redis.from_url(os.environ["REDIS_URL"]).client()`,
		save:   `c.set("kept", "%s")`,
		load:   `print((c.get("kept") or b"nothing").decode())`,
	},
}

// script is a client of a service: it opens n connections as cs, the first as c.
func script(t *testing.T, s *Service, n int, body string) *exec.Cmd {
	t.Helper()
	client := clients[s.cfg.Name]
	text := fmt.Sprintf("import os, sys, urllib.parse, %s\ncs = [%s for _ in range(%d)]\nc = cs[0]\n%s\n", client.module, client.opened, n, body)
	cmd := exec.CommandContext(t.Context(), python, "-c", text)
	cmd.Env = []string{"PATH=" + childPath}
	for name, value := range s.Env() {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

func ask(t *testing.T, s *Service, body string) string {
	t.Helper()
	out, err := script(t, s, 1, body).CombinedOutput()
	if err != nil {
		t.Fatalf("client: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// hold opens n connections; release closes them and waits for the client.
func hold(t *testing.T, s *Service, n int) (release func()) {
	t.Helper()
	cmd := script(t, s, n, `print("open", flush=True); sys.stdin.read()`)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "open\n" {
		_ = in.Close()
		t.Fatalf("client: %q, %v, %v\n%s", line, err, cmd.Wait(), stderr.String())
	}
	return func() {
		_ = in.Close()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait() // a server that was stopped may have ended it
	}
}

var limits = map[string]int{"postgresql": 100, "mariadb": 151, "redis": 10000}

func TestLifeOfAService(t *testing.T) {
	eachService(t, func(t *testing.T, name string) {
		c := newConfig(t, name)
		s := mustStart(t, c)
		if seen, limit, err := s.Connections(); seen != 0 || limit != limits[name] || err != nil {
			t.Errorf("Connections = %d of %d, %v, want 0 of %d", seen, limit, err, limits[name])
		}
		if ask(t, s, fmt.Sprintf(clients[name].save, "first")); t.Failed() {
			return
		}
		// What a client has closed may take the server a moment.
		eventually(t, "all of the first client are closed", func() bool { return connections(t, s) == 0 })
		release := hold(t, s, 5)
		if got := connections(t, s); got != 5 {
			t.Errorf("%d connections, want exactly the 5 that are open", got)
		}
		release()
		eventually(t, "all five are closed", func() bool { return connections(t, s) == 0 })
		release = hold(t, s, 1)
		if members, err := s.Members(); err != nil || !slices.Contains(members, s.Group()) {
			t.Errorf("Members = %v, %v, want the master %d in it", members, err, s.Group())
		}
		mustStop(t, s) // although a client is connected
		release()
		if _, _, err := s.Connections(); err == nil || !strings.Contains(err.Error(), "does not listen") {
			t.Errorf("Connections after Stop: %v, want an error", err)
		}

		copied := c
		copied.Dir, copied.Data = c.Dir+"-2", c.Data+"-2"
		if err := Copy(name, c.Data, copied.Data); err != nil {
			t.Fatal(err)
		}
		s = mustStart(t, copied)
		want := "first"
		if name == "redis" {
			want = "nothing" // it keeps nothing on purpose
		}
		if got := ask(t, s, clients[name].load); got != want {
			t.Errorf("on the copy of the data: %q, want %q", got, want)
		}
		mustStop(t, s)
	})
}

// The account of a server may or may not reach the data: both work, and keep them.
func TestDataWhereverTheyAre(t *testing.T) {
	if !isRoot() {
		t.Skip("only root runs a service as somebody else")
	}
	for _, mode := range []os.FileMode{0o700, 0o711} {
		t.Run(mode.String(), func(t *testing.T) {
			eachService(t, func(t *testing.T, name string) {
				c := newConfig(t, name)
				top, err := os.MkdirTemp("/tmp", "service-")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = os.RemoveAll(top) })
				if err := os.Chmod(top, mode); err != nil {
					t.Fatal(err)
				}
				c.Data = filepath.Join(top, "data", name)
				s := mustStart(t, c)
				if got, want := s.place.data == c.Data, mode == 0o711; got != want {
					t.Errorf("it works on Data itself: %v, want %v", got, want)
				}
				ask(t, s, fmt.Sprintf(clients[name].save, "kept"))
				mustStop(t, s)
				if name == "redis" {
					return // it keeps nothing on purpose
				}
				s = mustStart(t, c)
				if got := ask(t, s, clients[name].load); got != "kept" {
					t.Errorf("at the second start: %q, want %q", got, "kept")
				}
				mustStop(t, s)
			})
		})
	}
}

// A killed server shows, leaves nothing, and does not hinder the next start
// with its socket or its lock file.
func TestKilledMaster(t *testing.T) {
	eachService(t, func(t *testing.T, name string) {
		c := newConfig(t, name)
		s := mustStart(t, c)
		ask(t, s, fmt.Sprintf(clients[name].save, "before"))
		release := hold(t, s, 2)
		defer release()
		segments := s.segments
		lock, _ := os.ReadFile(filepath.Join(s.place.data, postgresql.lock)) // the others have none
		if got, want := len(segments) > 0, name == "postgresql"; got != want {
			t.Errorf("shared memory %q, want some: %v", segments, want)
		}
		if err := syscall.Kill(s.Group(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-s.Died()
		if err := s.Err(); err == nil || !strings.Contains(err.Error(), "signal: killed\n") || len(strings.Split(err.Error(), "\n")) < 3 {
			t.Errorf("Err = %v, want how it ended and the log's tail", err)
		}
		if err := s.Stop(); err != nil {
			t.Errorf("Stop: %v", err)
		}
		nothingLeft(t, c)
		noSharedMemory(t, segments, string(lock))

		if s.driver.lock != "" {
			if err := Copy(name, c.Data, c.Data+"-2"); err == nil || !strings.Contains(err.Error(), "or has crashed") {
				t.Errorf("Copy of crashed data: %v, want an error", err)
			}
		}
		s = mustStart(t, c)
		if name != "redis" {
			if got := ask(t, s, clients[name].load); got != "before" {
				t.Errorf("after the crash: %q, want %q", got, "before")
			}
		}
		mustStop(t, s)
	})
}

// noSharedMemory checks the segments, and the System V segment of a lock file.
func noSharedMemory(t *testing.T, segments []string, lock string) {
	t.Helper()
	for _, path := range segments {
		if exists(path) {
			t.Errorf("%s is left", path)
		}
	}
	key, id, ok := systemV(lock)
	if len(segments) == 0 {
		return
	}
	if !ok {
		t.Fatalf("no segment in the lock file %q", lock)
	}
	table, err := os.ReadFile("/proc/sysvipc/shm")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); f[0] == fmt.Sprint(key) && f[1] == fmt.Sprint(id) {
			t.Errorf("shared memory left: %s", line)
		}
	}
}

// All processes of a service are found by their mark, whoever is gone.
func TestKilledSweetspot(t *testing.T) {
	eachService(t, func(t *testing.T, name string) {
		c := newConfig(t, name)
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = []string{"PATH=" + childPath, ownerName + "=" + name, ownerDir + "=" + t.TempDir(), ownerRun + "=" + c.RunID}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil || line != "ready\n" {
			t.Errorf("owner says %q, %v", line, err)
		}
		marked := func() []string {
			live, err := process.Marked(c.RunID)
			if err != nil {
				t.Fatal(err)
			}
			return live
		}
		if want := map[string]int{"postgresql": 6, "mariadb": 1, "redis": 1}[name]; len(marked()) < want {
			t.Errorf("marked processes: %q, want at least %d", marked(), want)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		eventually(t, "the watchdog ends all", func() bool { return len(marked()) == 0 })
		eventually(t, "and the temporary folder", func() bool { return len(tempDirs(t, c.RunID)) == 0 })
	})
}

func TestDoneContextStopsIt(t *testing.T) {
	eachService(t, func(t *testing.T, name string) {
		c := newConfig(t, name)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s, err := Start(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		<-s.process.Done()
		mustStop(t, s)
		if !s.process.Succeeded() {
			t.Errorf("it ended with %v, want a clean shutdown", s.process.Err())
		}
	})
}

// Whatever a start is doing when its context ends, it leaves nothing.
func TestCancelledStart(t *testing.T) {
	eachService(t, func(t *testing.T, name string) {
		for _, tt := range []struct {
			name  string
			begun func(Config) bool // true when it is time to cancel
		}{
			{"before", func(Config) bool { return true }},
			{"temporary folder made", func(c Config) bool { return len(tempDirs(t, c.RunID)) > 0 }},
			{"initialising", func(c Config) bool { return exists(c.Data + unfinished) }},
			{"initialised", func(c Config) bool { return exists(c.Data) }},
			{"server started", func(c Config) bool { return exists(filepath.Join(c.Dir, name+".log")) }},
		} {
			if d, _ := find(name); tt.name == "initialising" && d.initialise == nil {
				continue
			}
			t.Run(tt.name, func(t *testing.T) {
				c := newConfig(t, name)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ended := make(chan struct{})
				go func() {
					defer cancel()
					for !tt.begun(c) {
						select {
						case <-ended:
							return
						case <-time.After(time.Millisecond):
						}
					}
				}()
				s, err := Start(ctx, c)
				close(ended)
				if err == nil { // it was ready before it was cancelled
					mustStop(t, s)
					return
				}
				if !errors.Is(err, context.Canceled) {
					t.Errorf("Start = %v, want %v", err, context.Canceled)
				}
				nothingLeft(t, c)
				if exists(c.Data) {
					t.Errorf("%s is left", c.Data)
				}
			})
		}
	})
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestStartFails(t *testing.T) {
	eachService(t, func(t *testing.T, name string) {
		emptyFolder := func(t *testing.T, c *Config) { mkdir(t, c.Data) }
		says := map[string]string{"postgresql": "postgresql.conf", "mariadb": "[ERROR] Aborting", "redis": "ot a directory"}[name]
		if name == "redis" {
			emptyFolder = func(t *testing.T, c *Config) {
				mkdir(t, filepath.Dir(c.Data))
				if err := os.WriteFile(c.Data, nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, tt := range []struct {
			name string
			give func(t *testing.T, c *Config)
			want string
		}{
			{"not its data", emptyFolder, says},
			{"no time", func(_ *testing.T, c *Config) { c.Deadline = 1 }, "does not answer within 1ns: it never listened on /tmp/"},
			{"long run ID", func(_ *testing.T, c *Config) { c.RunID = strings.Repeat("r", 80) }, "choose a shorter run ID"},
			{"a CPU that is not there", func(_ *testing.T, c *Config) { c.CPUs = []int{1000} }, "pin to CPUs [1000]"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				c := newConfig(t, name)
				tt.give(t, &c)
				had := exists(c.Data)
				s, err := Start(t.Context(), c)
				if err == nil {
					_ = s.Stop()
				}
				if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "start "+name+": ") {
					t.Errorf("Start = %v, want %q", err, tt.want)
				}
				nothingLeft(t, c)
				if got := exists(c.Data); got != had {
					t.Errorf("data exist: %v, want %v as before", got, had)
				}
			})
		}
	})
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o777); err != nil {
		t.Fatal(err)
	}
}
