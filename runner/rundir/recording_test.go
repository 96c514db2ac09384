package rundir

import (
	"os"
	"slices"
	"strings"
	"testing"

	"sweetspot/scenarios"
)

func TestRecordingIsKept(t *testing.T) {
	dir, m := t.TempDir(), testManifest()
	m.Recording = scenarios.Recording{0, 5, 1_700_000_000_123}
	m.ArrivalsHash = HashRecording(m.Recording)
	r, err := Create(dir, m)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Resume(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Manifest.Recording; !slices.Equal(got, m.Recording) {
		t.Errorf("read back as %v, want %v", got, m.Recording)
	}
	file := again.Path(RecordingFile)
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"changed", "0.5\n1.5\n", "arrivals.txt has changed since the run began; start a new run"},
		{"spoilt", "0.5\nx\n", `arrivals.txt:2" holds no time: "x"`},
	} {
		if err := os.WriteFile(file, []byte(tt.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Resume(dir); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: resume says %v, want %s", tt.name, err, tt.want)
		}
	}
	if _, err := Read(dir); err != nil {
		t.Errorf("a report needs the recording: %v", err)
	}
	other := m
	other.ArrivalsHash = HashRecording(scenarios.Recording{0, 6})
	if d := Differences(m, other); len(d) != 1 || !strings.HasPrefix(d[0], "recorded arrivals, SHA-256: ") {
		t.Errorf("differences %q, want that of the recorded arrivals", d)
	}
}
