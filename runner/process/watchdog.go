package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	watchdogName = "SWEETSPOT_WATCHDOG" // holds the mark to end
	quiet        = "q"                  // on the watchdog's pipe: end nothing
)

// Watch starts a watchdog: a tiny process that ends everything with our mark,
// of any run, as soon as we die, however we die. release ends the watchdog and
// nothing else; call it when the run's own processes are stopped.
func Watch(runID string) (release func(), err error) {
	if !mainCalled {
		return nil, errors.New("start watchdog: it would be this program from its beginning; call process.Main first in main or TestMain")
	}
	// The end to write to is a bare descriptor: an os.File would be closed by
	// the garbage collector when the caller drops release.
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("start watchdog: %w", err)
	}
	r, w := os.NewFile(uintptr(pipe[0]), "watchdog"), pipe[1]
	defer r.Close()
	cmd := exec.Command("/proc/self/exe", "watchdog")
	cmd.Env = []string{watchdogName + "=" + ownMark(runID).String()}
	cmd.Stdin = r
	cmd.Dir = "/"
	// A group of its own keeps Ctrl-C and a kill of our group away from it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := startPinned(cmd, nil, nil); err != nil {
		return nil, errors.Join(fmt.Errorf("start watchdog: %w", err), unix.Close(w))
	}
	return func() {
		// A watchdog that is gone needs no word.
		_, _ = unix.Write(w, []byte(quiet))
		_ = unix.Close(w)
		_ = cmd.Wait()
	}, nil
}

// mainCalled guards against a program that starts itself again and again
// because it does not know that it is a watchdog.
var mainCalled bool

// Main is the first call of every main function and TestMain: in a process
// that was started as a watchdog it does that job and exits; otherwise it
// returns at once.
func Main() {
	mainCalled = true
	value := os.Getenv(watchdogName)
	if value == "" {
		return
	}
	if err := watchdog(value, os.Stdin); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// watchdog blocks until its owner says quiet or is gone.
func watchdog(value string, owner io.Reader) error {
	owned, ok := parseMark(value)
	if !ok {
		return fmt.Errorf("%s is %q, want run:pid:start", watchdogName, value)
	}
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	said, err := io.ReadAll(owner)
	if err != nil || string(said) == quiet {
		return err
	}
	ours := func(m mark) bool { return m.owner == owned.owner && m.started == owned.started }
	_, err = endMarked(ours)
	// A child that was being started when its owner died shows its mark only
	// after exec: look again.
	time.Sleep(200 * time.Millisecond)
	_, again := endMarked(ours)
	return errors.Join(err, again, removeTempDirs(ours), removeControls(ours))
}
