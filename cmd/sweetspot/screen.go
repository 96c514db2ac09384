package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"sweetspot/reports/live"
)

// screen draws the view of a feed below what a terminal shows. It changes no
// mode of the terminal, does not hide the cursor and stays in the text that
// scrolls: whatever ends the program, there is nothing to restore, and Ctrl-C is
// what it always is. That includes that the kernel drops what is on its way to
// the terminal when Ctrl-C is typed: of a view that was just being drawn the rest
// is missing, and taking it away may take lines above it along.
type screen struct {
	f     *os.File
	feed  *live.Feed
	color bool

	once  sync.Once
	dirty chan struct{} // asks for another drawing
	stop  chan struct{}
	done  sync.WaitGroup

	mu    sync.Mutex
	drawn []int // columns that each line of the view takes
}

// newScreen returns nil unless w is a terminal that can be drawn on.
func newScreen(w io.Writer, feed *live.Feed) *screen {
	f, ok := w.(*os.File)
	if !ok {
		return nil
	}
	if _, _, ok := terminalSize(f); !ok || os.Getenv("TERM") == "" || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return &screen{f: f, feed: feed, color: os.Getenv("NO_COLOR") == "", dirty: make(chan struct{}, 1), stop: make(chan struct{})}
}

// update draws the view soon, and from the first time on every second. It does
// not wait for the terminal.
func (s *screen) update() {
	s.once.Do(func() { s.done.Go(s.follow) })
	s.ask()
}

// ask asks for another drawing.
func (s *screen) ask() {
	select {
	case s.dirty <- struct{}{}:
	default: // it will be drawn anyway
	}
}

// follow draws until the screen is closed.
func (s *screen) follow() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGWINCH, unix.SIGCONT)
	defer signal.Stop(signals)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-s.dirty:
		case <-tick.C:
		case why := <-signals:
			if why == unix.SIGCONT { // the shell has written below
				s.mu.Lock()
				s.drawn = nil
				s.mu.Unlock()
			}
		}
		s.draw()
	}
}

func (s *screen) draw() {
	columns, rows, _ := terminalSize(s.f)
	lines := live.Draw(s.feed.State(), time.Now(), live.Screen{Columns: columns, Rows: rows, Color: s.color})
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprint(s.f, redraw(s.drawn, lines, columns))
	s.drawn = s.drawn[:0]
	for _, l := range lines {
		s.drawn = append(s.drawn, live.Width(live.Unstyled(l)))
	}
}

// print writes a line above the view.
func (s *screen) print(text string) {
	columns, _, _ := terminalSize(s.f)
	s.mu.Lock()
	fmt.Fprint(s.f, redraw(s.drawn, nil, columns), live.Plain(text), "\n")
	s.drawn = nil
	s.mu.Unlock()
	s.ask()
}

// close takes the view off the terminal.
func (s *screen) close() {
	close(s.stop)
	s.done.Wait()
	columns, _, _ := terminalSize(s.f)
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprint(s.f, redraw(s.drawn, nil, columns))
	s.drawn = nil
}

// redraw is what puts lines in the place of a view whose lines took these
// columns, on a terminal that is so many columns wide now: a line that has become
// too long goes on in the next row.
func redraw(drawn []int, lines []string, columns int) string {
	up := 0
	for _, n := range drawn {
		up += max(1, (n+columns-1)/columns)
	}
	var b strings.Builder
	b.WriteString("\r") // the user may have typed
	if up > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", up)
	}
	for _, l := range lines {
		b.WriteString(l + "\x1b[K\n")
	}
	if up > 0 {
		b.WriteString("\x1b[J")
	}
	return b.String()
}

// terminalSize returns the columns and rows of a terminal; ok is false when f is
// none.
func terminalSize(f *os.File) (columns, rows int, ok bool) {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0, false
	}
	if size.Col == 0 || size.Row == 0 {
		return 80, 24, true
	}
	return int(size.Col), int(size.Row), true
}

// terminalWidth returns the columns of a terminal; ok is false when f is none.
func terminalWidth(f *os.File) (columns int, ok bool) {
	columns, _, ok = terminalSize(f)
	return columns, ok
}
