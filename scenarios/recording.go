package scenarios

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of a recording, which takes 8 bytes a time.
const (
	maxRecorded     = 5_000_000
	maxRecordedLine = 1 << 20
	maxRecordedSpan = 366 * 24 * time.Hour
)

// Recording is when recorded requests arrived, counted from the first of them,
// in order. Two of them differ at least.
type Recording []time.Duration

// ReadRecording reads the times in a file, one a line, in any order: seconds as
// a decimal number, since 1970 or any other moment; RFC 3339; or a line of an
// access log in the common or the combined format. Blank lines and lines that
// begin with # are skipped. A time that is written without a fraction of a
// second is put somewhere in its second, by the seed. Errors name the file, the
// line and the remedy.
func ReadRecording(file string, seed uint64) (Recording, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, misfit{file, "cannot be read: " + reason(err), "check the path, which is relative to the scenario's file"}
	}
	defer in.Close()
	r := recorder{spread: rand.New(rand.NewPCG(seed, 0x7265636f7264))}
	if err := r.read(file, in); err != nil {
		return nil, err
	}
	return r.recording(file)
}

// reason is an error of a file without the file's name.
func reason(err error) string {
	if inner := errors.Unwrap(err); inner != nil {
		return inner.Error()
	}
	return err.Error()
}

const recordingHint = "write a time a line: seconds as 12.5, RFC 3339 as 2026-01-02T03:04:05.678Z, or the lines of an access log"

// recorder collects the times of a recording, since 1970.
type recorder struct {
	times  []time.Duration
	spread *rand.Rand
}

// read takes the lines of a file. The error names the first that has no time,
// and says how many there are.
func (r *recorder) read(file string, in io.Reader) error {
	var first misfit
	bad := 0
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxRecordedLine)
	number := 0
	for lines.Scan() {
		number++
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' || r.take(line) {
			continue
		}
		if bad++; bad == 1 {
			first = misfit{fmt.Sprintf("%s:%d", file, number), "holds no time: " + shortened(line), recordingHint}
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return misfit{fmt.Sprintf("%s:%d", file, number+1), fmt.Sprintf("is longer than %d bytes", maxRecordedLine), recordingHint}
	case err != nil:
		return misfit{file, "cannot be read: " + reason(err), "name a file of recorded times"}
	case bad > 1:
		first.message += fmt.Sprintf(" (the first of %d such lines)", bad)
	}
	if bad > 0 {
		return first
	}
	return nil
}

// shortened quotes the beginning of a line.
func shortened(line string) string {
	const most = 60
	if r := []rune(line); len(r) > most {
		line = string(r[:most]) + "…"
	}
	return strconv.Quote(line)
}

// take adds the time of a line; false when there is none. What is beyond the
// bound is left out but for one, which tells.
func (r *recorder) take(line string) bool {
	at, isWhole, ok := parseTime(line)
	if !ok {
		return false
	}
	if isWhole {
		at += time.Duration(r.spread.Int64N(int64(time.Second)))
	}
	if len(r.times) <= maxRecorded {
		r.times = append(r.times, at)
	}
	return true
}

// recording puts the times in order.
func (r *recorder) recording(file string) (Recording, error) {
	if len(r.times) > maxRecorded {
		return nil, misfit{file, fmt.Sprintf("holds more than %d times", maxRecorded), "cut it to the part that matters"}
	}
	slices.Sort(r.times)
	n := len(r.times)
	if n < 2 || r.times[0] == r.times[n-1] {
		return nil, misfit{file, "holds no two times that differ", recordingHint}
	}
	first := r.times[0]
	if span := r.times[n-1] - first; span > maxRecordedSpan {
		return nil, misfit{file, fmt.Sprintf("spans %d days, must be at most %d", span/(24*time.Hour), maxRecordedSpan/(24*time.Hour)),
			"keep times that are counted from another moment than 1970 apart from the others"}
	}
	for i := range r.times {
		r.times[i] -= first
	}
	return r.times, nil
}

// accessLogTime is how access logs in the common and combined format write a
// time, between brackets.
const accessLogTime = "02/Jan/2006:15:04:05 -0700"

// parseTime returns the time of a line, since 1970 or, where it is a number,
// any other moment. isWhole tells that it has no fraction of a second.
func parseTime(line string) (at time.Duration, isWhole, ok bool) {
	if at, isWhole, ok = parseSeconds(line); ok {
		return at, isWhole, true
	}
	if t, err := time.Parse(time.RFC3339, line); err == nil {
		return since1970(t, line)
	}
	for rest := line; ; {
		_, after, found := strings.Cut(rest, "[")
		if !found {
			return 0, false, false
		}
		text, _, _ := strings.Cut(after, "]")
		if t, err := time.Parse(accessLogTime, text); err == nil {
			return since1970(t, text)
		}
		rest = after
	}
}

// since1970 converts a time that was read from text.
func since1970(t time.Time, text string) (at time.Duration, isWhole, ok bool) {
	if t.Year() < 1970 || t.Year() > 2200 {
		return 0, false, false
	}
	return time.Duration(t.UnixNano()), !strings.ContainsAny(text, ".,"), true
}

// parseSeconds reads a decimal number exactly, to the nanosecond.
func parseSeconds(text string) (at time.Duration, isWhole, ok bool) {
	const most = 1 << 33 // seconds, the year 2242
	units, fraction, hasFraction := strings.Cut(text, ".")
	seconds, err := strconv.ParseUint(units, 10, 64)
	if err != nil || seconds > most || hasFraction && !isDigits(fraction) {
		return 0, false, false
	}
	nanos, _ := strconv.ParseUint((fraction + "000000000")[:9], 10, 64)
	return time.Duration(seconds)*time.Second + time.Duration(nanos), !hasFraction, true
}

// Text is what ReadRecording reads back, whatever the seed: a line a time, in
// seconds to the nanosecond.
func (r Recording) Text() []byte {
	text := make([]byte, 0, 16*len(r))
	for _, at := range r {
		text = fmt.Appendf(text, "%d.%09d\n", at/time.Second, at%time.Second)
	}
	return text
}
