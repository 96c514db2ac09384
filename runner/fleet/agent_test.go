package fleet

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// A folder that others can enter keeps its mode, as a Pod's volume, which the
// agent could not change.
func TestScratchCanBeEntered(t *testing.T) {
	for _, tt := range []struct {
		name       string
		mode, want fs.FileMode // 0: it is not there
	}{
		{"new", 0, 0o711},
		{"the agent's own", 0o700, 0o711},
		{"a Pod's volume", 0o777 | fs.ModeSetgid, 0o777 | fs.ModeSetgid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "scratch")
			if tt.mode != 0 {
				if err := os.Mkdir(dir, 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(dir, tt.mode); err != nil {
					t.Fatal(err)
				}
			}
			if err := enterable(dir); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(dir)
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode() &^ fs.ModeDir; got != tt.want {
				t.Errorf("mode %v, want %v", got, tt.want)
			}
		})
	}
}
