package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/sys/unix"
)

// lockName is the file in a store that the hub which uses it holds.
const lockName = "sweetspot-hub.lock"

// lockStore makes a store, or takes one that is there, for itself alone. A
// folder that holds something else is refused.
func lockStore(dir string) (unlock func() error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	ours := func(e os.DirEntry) bool { return e.Name() == lockName }
	if len(entries) > 0 && !slices.ContainsFunc(entries, ours) {
		return nil, fmt.Errorf("store %s holds something else (%s); name an empty folder", dir, entries[0].Name())
	}
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = errors.New("another hub uses it; stop that one, or name another folder")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store %s: %w", dir, err), f.Close())
	}
	return f.Close, nil
}

// streamDirs is where the server keeps the streams of its only account.
func streamDirs(store string) string {
	return filepath.Join(store, server.JetStreamStoreDir, server.DEFAULT_GLOBAL_ACCOUNT, "streams")
}

// keptStreams are the names of the streams that a store has.
func keptStreams(store string) ([]string, error) {
	entries, err := os.ReadDir(streamDirs(store))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// whole says which of the streams that a store had the server could not read,
// or not read whole, with what the server said of it.
func whole(n *server.Server, store string, kept, said []string) error {
	state, err := n.Jsz(&server.JSzOptions{Accounts: true, Streams: true})
	if err != nil {
		return fmt.Errorf("store %s: %w", store, err)
	}
	lost := map[string]error{}
	for _, name := range kept {
		lost[name] = errors.New("it cannot be read")
	}
	for _, account := range state.AccountDetails {
		for _, s := range account.Streams {
			delete(lost, s.Name)
			if s.State.Lost != nil {
				lost[s.Name] = fmt.Errorf("%d messages are lost", len(s.State.Lost.Msgs))
			}
		}
	}
	for _, name := range kept { // in order
		if lost[name] != nil {
			return fmt.Errorf("store %s: stream %s: %w: %w; move %s away (what was in transit is lost: resume its runs), or put a copy back",
				store, name, lost[name], complaints(said), filepath.Join(streamDirs(store), name))
		}
	}
	return nil
}

// complaints are the server's warnings as an error.
func complaints(said []string) error {
	if len(said) == 0 {
		return errors.New("the server says nothing of it")
	}
	return errors.New(strings.Join(said, "; "))
}
