package scenarios

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// recorded writes a file of recorded times.
func recorded(t *testing.T, text string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "times")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestReadRecording(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name, text string
		want       Recording
	}{
		{"seconds", "0.0\n0.25\n1.5\n", Recording{0, 250 * ms, 1500 * ms}},
		{"to the nanosecond, since 1970", "1767322983.000000001\n1767322983.1234567899", Recording{0, 123456788}},
		{"in any order", "5.5\n# a comment\n\n  2.5  \r\n4.0\n", Recording{0, 1500 * ms, 3 * time.Second}},
		{"at one moment", "1.5\n1.5\n2.0\n", Recording{0, 0, 500 * ms}},
		{"RFC 3339", "2026-01-02T03:04:05.5Z\n2026-01-02T05:04:05.75+02:00\n", Recording{0, 250 * ms}},
		{"access log with fractions", `10.0.0.1 - [x] [10/Oct/2000:13:55:36.125 -0700] "GET / HTTP/1.1" 200 2326
10.0.0.1 - - [10/Oct/2000:13:55:37.625 -0700] "GET /[a] HTTP/1.1" 200 2326 "http://example.com/" "agent"
`, Recording{0, 1500 * ms}},
		{"all of them", "971211336.5\n2000-10-10T20:55:37.5Z\n" + `::1 - - [10/Oct/2000:13:55:38.5 -0700] "GET / HTTP/1.1" 200 1`, Recording{0, time.Second, 2 * time.Second}},
	} {
		got, err := ReadRecording(recorded(t, tt.text), 1)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v; want %v", tt.name, got, err, tt.want)
		}
		if again, err := ReadRecording(recorded(t, string(got.Text())), 2); err != nil || !slices.Equal(again, got) {
			t.Errorf("%s: its text reads as %v, %v; want %v", tt.name, again, err, got)
		}
	}
}

func TestReadRecordingRefuses(t *testing.T) {
	const hint = ": write a time a line: seconds as 12.5, RFC 3339 as 2026-01-02T03:04:05.678Z, or the lines of an access log"
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", `"FILE" holds no two times that differ` + hint},
		{"one moment", "1.5\n1.5\n", `"FILE" holds no two times that differ` + hint},
		{"no time", "1.5\n\nnow\n2.5\n", `"FILE:3" holds no time: "now"` + hint},
		{"several", "a\nb\n1.5\nc\n", `"FILE:1" holds no time: "a" (the first of 3 such lines)` + hint},
		{"negative", "-1.5\n", `"FILE:1" holds no time: "-1.5"` + hint},
		{"milliseconds", "1767322983123\n", `"FILE:1" holds no time: "1767322983123"` + hint},
		{"half a number", "1.\n", `"FILE:1" holds no time: "1."` + hint},
		{"before 1970", "1969-12-31T23:59:59Z\n", `"FILE:1" holds no time: "1969-12-31T23:59:59Z"` + hint},
		{"a log without times", strings.Repeat("x", 70) + " [a] [\n", `"FILE:1" holds no time: "` + strings.Repeat("x", 60) + `…"` + hint},
		{"a long line", "1.5\n" + strings.Repeat("x", maxRecordedLine+1), `"FILE:2" is longer than 1048576 bytes` + hint},
		{"two origins", "1.5\n2000-10-10T20:55:37Z\n",
			`"FILE" spans 11240 days, must be at most 366: keep times that are counted from another moment than 1970 apart from the others`},
		{"too many", strings.Repeat("1\n", maxRecorded+1), `"FILE" holds more than 5000000 times: cut it to the part that matters`},
	} {
		file := recorded(t, tt.text)
		got, err := ReadRecording(file, 1)
		if message := strings.ReplaceAll(message(err), file, "FILE"); message != tt.want || got != nil {
			t.Errorf("%s: %v, %q; want %q", tt.name, got, message, tt.want)
		}
	}
}

// Times to the second are spread within it, by the seed alone.
func TestWholeSecondsAreSpread(t *testing.T) {
	const each = 1000
	var text strings.Builder
	for second := range 3 {
		for range each {
			fmt.Fprintf(&text, `::1 - - [10/Oct/2000:13:55:%02d +0000] "GET / HTTP/1.1" 200 1`+"\n", 30+second)
		}
	}
	file := recorded(t, text.String())
	read := func(seed uint64) Recording {
		r, err := ReadRecording(file, seed)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := read(1)
	if !slices.Equal(r, read(1)) || slices.Equal(r, read(2)) {
		t.Error("the times do not follow from the seed")
	}
	// The first is within a few thousandths of its second's beginning.
	for tenth := range 30 {
		from := time.Duration(tenth) * 100 * time.Millisecond
		n := 0
		for _, at := range r {
			if at >= from && at < from+100*time.Millisecond {
				n++
			}
		}
		if n < 60 || n > 140 { // 100 ± 4 standard deviations
			t.Errorf("%d times in the 0.1 s after %v, want 100 ± 40", n, from)
		}
	}
}

func TestPeak(t *testing.T) {
	for _, tt := range []struct {
		name string
		t    Traffic
		want float64
	}{
		{"poisson", Traffic{Arrivals: Poisson}, 1},
		{"ramp", Traffic{Arrivals: Ramp, Shape: &Shape{To: 7}}, 2},
		{"ramp down", Traffic{Arrivals: Ramp, Shape: &Shape{From: 3, To: 1}}, 1.5},
		{"step", Traffic{Arrivals: Step, Shape: &Shape{Steps: []float64{1, 2, 6}}}, 2},
		{"sine", Traffic{Arrivals: Sine, Shape: &Shape{Amplitude: 0.25}}, 1.25},
		{"replay", Traffic{Arrivals: Replay, Shape: &Shape{File: "log"}}, 1},
	} {
		if got := tt.t.Peak(); got != tt.want {
			t.Errorf("%s peaks at %v × the rate, want %v", tt.name, got, tt.want)
		}
	}
}
