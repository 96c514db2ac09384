package stack

import (
	"errors"
	"os"
	"path/filepath"

	"sweetspot/runner/process"
	"sweetspot/scenarios"
)

// chooseUpstream returns where proxy and application meet: a Unix socket where
// server and settings allow, in the folder of this start unless that path is
// too long for one, else a port.
func (st *Stack) chooseUpstream(cfg Config, role string) (at endpoint, err error) {
	if st.server.tcpOnly || cfg.Proxy.Upstream == scenarios.TCPUpstream {
		return cfg.choosePort(loopback)
	}
	dir := st.dir
	if len(filepath.Join(dir, role+".sock")) > maxSocketPath || closedFolder(dir) != "" {
		if st.tempDir == "" {
			if st.tempDir, err = sharedTempDir(cfg.RunID); err != nil {
				return endpoint{}, err
			}
		}
		dir = st.tempDir
	}
	socket := filepath.Join(dir, role+".sock")
	// One that a killed run left behind would stop some servers.
	return endpoint{"unix", socket}, removeSocket(socket)
}

// removeSocket removes a socket's file, and the lock that Twisted has beside it.
func removeSocket(path string) error {
	for _, file := range []string{path, path + ".lock"} {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// sharedTempDir returns a folder that a proxy may reach which runs as another user.
func sharedTempDir(runID string) (string, error) {
	dir, err := process.TempDir(runID)
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711)
}
