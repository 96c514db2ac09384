package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sweetspot/reports/live"
	"sweetspot/scenarios"
)

// newTerminal returns both ends of a terminal of 100 columns and 30 rows.
func newTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminal can be made here: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: 100, Row: 30}); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// emulate returns the lines that a terminal shows after it got these bytes. It
// knows what the view uses, and fails the test for anything else.
func emulate(t *testing.T, sent []byte) []string {
	t.Helper()
	lines, row, column := [][]rune{{}}, 0, 0
	control := regexp.MustCompile(`^\x1b\[([0-9]*)([AKJm])`)
	for text := string(sent); text != ""; {
		if m := control.FindStringSubmatch(text); m != nil {
			text = text[len(m[0]):]
			n, _ := strconv.Atoi(m[1])
			switch m[2] {
			case "A":
				row = max(0, row-n)
			case "K":
				lines[row] = lines[row][:min(column, len(lines[row]))]
			case "J":
				lines[row] = lines[row][:min(column, len(lines[row]))]
				lines = lines[:row+1]
			}
			continue
		}
		r := []rune(text)[0]
		text = text[len(string(r)):]
		switch {
		case r == '\r':
			column = 0
		case r == '\n':
			if row++; row == len(lines) {
				lines = append(lines, []rune{})
			}
		case r < ' ':
			t.Fatalf("the terminal gets %q before %.40q", r, text)
		default:
			for len(lines[row]) <= column {
				lines[row] = append(lines[row], ' ')
			}
			lines[row][column] = r
			column++
		}
	}
	if column != 0 {
		t.Errorf("the cursor is left in column %d", column)
	}
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = string(l)
	}
	return out
}

// onTerminal runs sweetspot on a terminal, ends it as soon as the view shows a
// load, and returns all that the terminal got.
func onTerminal(t *testing.T, dir string, end func(master *os.File, pid int)) (sent []byte, before, after *unix.Termios, code int) {
	t.Helper()
	master, slave := newTerminal(t)
	before, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sweetspot", "run", "wait.yaml", "--out", "out")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TERM=xterm-256color")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
		fmt.Fprint(slave, "\x00") // the program's last byte is before this one
	}()
	defer time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() }).Stop()
	chunk, asked := make([]byte, 4096), false
	for !bytes.HasSuffix(sent, []byte{0}) {
		n, err := master.Read(chunk)
		if err != nil {
			t.Fatalf("%v; the terminal got:\n%s", err, sent)
		}
		sent = append(sent, chunk[:n]...)
		if !asked && bytes.Contains(sent, []byte("in flight")) && isQuiet(t, master) {
			asked = true
			end(master, cmd.Process.Pid)
		}
	}
	<-ended
	if after, err = unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS); err != nil {
		t.Fatal(err)
	}
	return sent[:len(sent)-1], before, after, cmd.ProcessState.ExitCode()
}

// isQuiet says whether a terminal has nothing to read for a while. The kernel
// drops what is on its way to a terminal when Ctrl-C is typed there, so that the
// rest of a view may never arrive.
func isQuiet(t *testing.T, master *os.File) bool {
	t.Helper()
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(master.Fd()), Events: unix.POLLIN}}, 50)
	if err != nil && err != unix.EINTR {
		t.Fatal(err)
	}
	return n == 0 && err == nil
}

// However a run ends, the terminal is as it was: no part of the view is left, the
// cursor is where the next line begins, and no mode has changed.
func TestTheTerminalIsLeftClean(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(master *os.File, pid int)
	}{
		{"Ctrl-C", func(master *os.File, _ int) { _, _ = master.Write([]byte{3}) }},
		{"SIGTERM", func(_ *os.File, pid int) { _ = syscall.Kill(pid, syscall.SIGTERM) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			scenarioFile(t, dir, waitScenario)
			sent, before, after, code := onTerminal(t, dir, tt.end)
			if code != exitInterrupted {
				t.Errorf("exit code %d, want %d", code, exitInterrupted)
			}
			if *before != *after {
				t.Errorf("the terminal's modes were %v and are %v", before, after)
			}
			if !bytes.Contains(sent, []byte("░")) || !bytes.Contains(sent, []byte("good/s")) {
				t.Errorf("the view was not drawn: %q", sent)
			}
			text := strings.Join(emulate(t, sent), "\n")
			for _, left := range []string{"░", "in flight", "▸", "good/s  ", "gone"} {
				if strings.Contains(text, left) {
					t.Errorf("%q of the view is left:\n%s", left, text)
				}
			}
			for _, want := range []string{"run directory: ", "go on with: sweetspot run --resume "} {
				if !strings.Contains(text, want) {
					t.Errorf("%q is missing:\n%s", want, text)
				}
			}
			nothingLeft(t, filepath.Join(dir, "out"))
		})
	}
}

func TestWhatCanBeDrawnOn(t *testing.T) {
	_, slave := newTerminal(t)
	feed := live.NewFeed(&scenarios.Scenario{})
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, tt := range []struct {
		name, term, noColor string
		on                  *os.File
		drawn, color        bool
	}{
		{"a terminal", "xterm", "", slave, true, true},
		{"without colour", "xterm", "1", slave, true, false},
		{"a dumb one", "dumb", "", slave, false, false},
		{"one that nobody knows", "", "", slave, false, false},
		{"a file", "xterm", "", file, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("TERM", tt.term)
			t.Setenv("NO_COLOR", tt.noColor)
			s := newScreen(tt.on, feed)
			if drawn := s != nil; drawn != tt.drawn || drawn && s.color != tt.color {
				t.Errorf("drawn on %v, want %v; %+v", drawn, tt.drawn, s)
			}
		})
	}
	if s := newScreen(&bytes.Buffer{}, feed); s != nil {
		t.Error("a buffer is drawn on")
	}
}

// A view takes the place of the one before, also when that has become higher
// because the terminal has become narrower.
func TestRedraw(t *testing.T) {
	first := redraw(nil, []string{"one", "two", "three"}, 80)
	if got := emulate(t, []byte("log\r\n"+crlf(first+redraw([]int{3, 3, 5}, []string{"1", "2"}, 80)))); strings.Join(got, "|") != "log|1|2|" {
		t.Errorf("the terminal shows %q", got)
	}
	if got := emulate(t, []byte("log\r\n"+crlf(first+redraw([]int{3, 3, 5}, nil, 80)))); strings.Join(got, "|") != "log|" {
		t.Errorf("after the end the terminal shows %q", got)
	}
	if got := redraw([]int{50, 10, 0}, nil, 20); !strings.Contains(got, "\x1b[5A") {
		t.Errorf("on 20 columns a view of 50, 10 and 0 is taken away by %q, want 5 rows up", got)
	}
}

// crlf is what a terminal gets for the line breaks of a program.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
