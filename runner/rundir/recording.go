package rundir

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"sweetspot/scenarios"
)

// HashRecording returns the SHA-256 of a recording's text, in hex.
func HashRecording(r scenarios.Recording) string {
	sum := sha256.Sum256(r.Text())
	return hex.EncodeToString(sum[:])
}

// keepRecording writes what the run replays, if anything, so that it can go on
// without the file that it came from.
func (r *Run) keepRecording() error {
	if r.Manifest.ArrivalsHash == "" {
		return nil
	}
	return writeFile(r.Path(RecordingFile), r.Manifest.Recording.Text())
}

// ReadRecording reads what the run replays into its manifest, if anything.
func (r *Run) ReadRecording() (err error) {
	m := &r.Manifest
	if m.ArrivalsHash == "" {
		return nil
	}
	file := r.Path(RecordingFile)
	if m.Recording, err = scenarios.ReadRecording(file, m.Seed); err != nil {
		return fmt.Errorf("read what the run replays: %w", err)
	}
	if HashRecording(m.Recording) != m.ArrivalsHash {
		return fmt.Errorf("read what the run replays: %s has changed since the run began; start a new run", file)
	}
	return nil
}
