package hub

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// journal is what the server has to say: notices, warnings and errors, a line
// each, to w. Warnings and errors of the beginning are kept for Start's error.
type journal struct {
	mu       sync.Mutex
	w        io.Writer // nil: nothing is written
	starting bool
	said     []string
	died     bool // the server said that it cannot go on
}

func (j *journal) line(level, format string, v []any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.died = j.died || level == "fatal"
	text := strings.TrimSpace(fmt.Sprintf(format, v...))
	if j.starting && level != "notice" {
		j.said = append(j.said, text)
	}
	if j.w != nil {
		// A log that cannot be written to must not stop the hub.
		_, _ = fmt.Fprintf(j.w, "%s %-7s %s\n", time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), level, text)
	}
}

// dead tells whether the server has given up.
func (j *journal) dead() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.died
}

// started ends the beginning, and returns what was said in it.
func (j *journal) started() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.starting = false
	return j.said
}

// The server's levels. Fatalf does not end the process, which is not the
// server's alone.

func (j *journal) Noticef(format string, v ...any) { j.line("notice", format, v) }
func (j *journal) Warnf(format string, v ...any)   { j.line("warning", format, v) }
func (j *journal) Errorf(format string, v ...any)  { j.line("error", format, v) }
func (j *journal) Fatalf(format string, v ...any)  { j.line("fatal", format, v) }
func (j *journal) Debugf(string, ...any)           {}
func (j *journal) Tracef(string, ...any)           {}
