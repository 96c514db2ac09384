package sample

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

func TestParseStat(t *testing.T) {
	const rest = "4194304 1 2 3 4 11 22 33 44 20 0 5 0 987654 1000 50"
	want := process{pid: 7, parent: 3, group: 5, state: 'S', started: 987654, own: 33, reaped: 77, threads: 5}
	for _, tt := range []struct {
		name, text, fault string
	}{
		{"plain", "7 (nginx) S 3 5 1 0 -1 " + rest, ""},
		{"end of line", "7 (nginx) S 3 5 1 0 -1 " + rest + "\n", ""},
		{"a name with blanks and parentheses", "7 (a) R 1 (b c) S 3 5 1 0 -1 " + rest, ""},
		{"an empty name", "7 () S 3 5 1 0 -1 " + rest, ""},
		{"no name", "7 nginx S 3 5", "no name"},
		{"nothing", "", "no name"},
		{"cut short", "7 (nginx) S 3 5 1", "field 7"},
		{"nothing after the name", "7 (nginx)", "malformed"},
		{"no number", "7 (nginx) S x 5 1 0 -1 " + rest, `field 4 is "x"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseStat([]byte(tt.text))
			if tt.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fault) {
					t.Errorf("error %v, want one with %q", err, tt.fault)
				}
				return
			}
			if err != nil || got != want {
				t.Errorf("got %+v, %v, want %+v", got, err, want)
			}
		})
	}
}

// Our parser and procfs must agree on every process of this machine that both
// see the same.
func TestParseStatAgreesWithProcfs(t *testing.T) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		t.Fatal(err)
	}
	all, err := fs.AllProcs()
	if err != nil {
		t.Fatal(err)
	}
	r := newReader("/")
	compared := 0
	for _, p := range all {
		before, err1 := r.process(p.PID)
		theirs, err2 := p.Stat()
		after, err3 := r.process(p.PID)
		if err1 != nil || err2 != nil || err3 != nil || before != after {
			continue // ended or ran meanwhile
		}
		compared++
		want := process{
			pid: theirs.PID, parent: theirs.PPID, group: theirs.PGRP, state: theirs.State[0], started: theirs.Starttime,
			own: int64(theirs.UTime + theirs.STime), reaped: int64(theirs.CUTime + theirs.CSTime), threads: theirs.NumThreads,
		}
		if before != want {
			t.Errorf("process %d: %+v, procfs says %+v", p.PID, before, want)
		}
	}
	if compared == 0 {
		t.Error("no process compared: at least init stands still")
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add("7 (nginx) S 3 5 1 0 -1 4194304 1 2 3 4 11 22 33 44 20 0 5 0 987654 1000 50")
	f.Add("7 (")
	f.Add(") (")
	f.Fuzz(func(t *testing.T, s string) { _, _ = parseStat([]byte(s)) })
}

func TestParseWait(t *testing.T) {
	if got, err := parseWait([]byte("112107 50771 2\n")); got != 50771 || err != nil {
		t.Errorf("got %d, %v, want 50771", got, err)
	}
	for _, text := range []string{"", "1", "1 x 2"} {
		if _, err := parseWait([]byte(text)); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

func TestTimesOfCPUs(t *testing.T) {
	const stat = "cpu  1000 0 0 0 0 0 0 0 0 0\ncpu0 50 5 25 500 10 0 5 3 0 0\ncpu1 40 4 20 400 8 1 4 2 0 0\ncpu12 7 0 0 7 0 0 0 0 0 0\nintr 1\n"
	for _, tt := range []struct {
		name string
		cpus []int
		want hostTimes
	}{
		{"one", []int{1}, hostTimes{cpus: 1, counted: 69, interrupt: 5, idle: 408, steal: 2}},
		{"two", []int{0, 12}, hostTimes{cpus: 2, counted: 85 + 7, interrupt: 5, idle: 510 + 7, steal: 3}},
		{"off line", []int{2}, hostTimes{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := parseTimesOf([]byte(stat), tt.cpus); err != nil || got != tt.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
	if _, err := parseTimesOf([]byte("cpu 1\ncpu0 1 2 3\n"), []int{0}); err == nil {
		t.Error("no error for a short line")
	}
}

func TestHostTimes(t *testing.T) {
	const before = "cpu  100 10 50 1000 20 1 9 5 0 0\ncpu0 50 5 25 500 10 0 5 3 0 0\ncpu1 50 5 25 500 10 1 4 2 0 0\nintr 1\n"
	const after = "cpu  250 10 90 1100 30 1 19 25 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\ncpu1 1 1 1 1 1 1 1 1 0 0\nintr 1\n"
	a, err := parseHostTimes([]byte(before))
	if err != nil {
		t.Fatal(err)
	}
	b, err := parseHostTimes([]byte(after))
	if err != nil {
		t.Fatal(err)
	}
	if a.cpus != 2 || a.counted != 170 || a.interrupt != 10 || a.idle != 1020 || a.steal != 5 {
		t.Errorf("parsed %+v", a)
	}
	// 2 CPUs × 2 s − 1.1 s idle − 0.2 s stolen, though the ticks saw 2.0 s.
	want := hostUse{busy: 2.7, interrupt: 0.1, steal: 0.2}
	if got := b.since(a, 2*time.Second); !near(got.busy, want.busy) || got.interrupt != want.interrupt || got.steal != want.steal {
		t.Errorf("use %+v, want %+v", got, want)
	}
	if got := a.since(a, 2*time.Second); got != (hostUse{}) {
		t.Errorf("use of counters that stand still %+v, want none", got)
	}
	if got := b.since(a, 100*time.Millisecond); got.busy != 0 {
		t.Errorf("busy %v, want 0 rather than a negative time", got.busy)
	}
	for _, text := range []string{"", "cpu 1 2 3\n", "intr 1 2 3 4 5 6 7 8 9\n", "cpu 1 2 3 4 5 6 7 x 0 0\n"} {
		if _, err := parseHostTimes([]byte(text)); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

func near(a, b float64) bool { return max(a, b)-min(a, b) < 1e-9 }

func TestInterruptsApart(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  bool
	}{
		{"nothing known", nil, false},
		{"pressure of interrupts", map[string]string{"proc/pressure/irq": "full avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"}, true},
		{"configured", map[string]string{"proc/sys/kernel/osrelease": "5.15.0-1\n", "boot/config-5.15.0-1": "CONFIG_A=y\nCONFIG_IRQ_TIME_ACCOUNTING=y\n"}, true},
		{"configured without", map[string]string{"proc/sys/kernel/osrelease": "6.1.0-9\n", "boot/config-6.1.0-9": "CONFIG_A=y\n# CONFIG_IRQ_TIME_ACCOUNTING is not set\n"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := root(t.TempDir())
			r.write(t, tt.files)
			if got := r.interruptsApart(); got != tt.want {
				t.Errorf("apart = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestReaderReadsManyTimes(t *testing.T) {
	r := newReader("/")
	for range 100 {
		if _, err := r.process(os.Getpid()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.process(1 << 30); !gone(err) {
		t.Errorf("error %v of a process that is none, want gone", err)
	}
}
