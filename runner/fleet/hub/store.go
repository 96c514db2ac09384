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

// kept are the streams that the store has, each of them whole. A store of a
// cluster is not looked at: the other hubs mend it; nor are objects, which have
// a digest each.
func (o Options) kept() ([]string, error) {
	if o.Cluster.Name != "" {
		return nil, nil
	}
	entries, err := os.ReadDir(streamDirs(o.Store))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("store: %w", err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		names = append(names, e.Name())
		if e.Name() == raw {
			continue
		}
		if err := verifyMessages(streamDirs(o.Store), e.Name()); err != nil {
			return nil, damaged(o.Store, e.Name(), err)
		}
	}
	return names, nil
}

// damaged says what to do about a stream that is.
func damaged(store, stream string, err error) error {
	return fmt.Errorf("store %s: stream %s: %w; move %s away (what was in transit is lost: resume its runs), or put a copy back",
		store, stream, err, filepath.Join(streamDirs(store), stream))
}

// whole says which of the streams that a store had the server could not read,
// with what the server said of it.
func whole(n *server.Server, store string, kept, said []string) error {
	state, err := n.Jsz(&server.JSzOptions{Accounts: true, Streams: true})
	if err != nil {
		return fmt.Errorf("store %s: %w", store, err)
	}
	var read []string
	for _, account := range state.AccountDetails {
		for _, s := range account.Streams {
			read = append(read, s.Name)
		}
	}
	for _, name := range kept {
		if !slices.Contains(read, name) {
			return damaged(store, name, fmt.Errorf("it cannot be read: %w", complaints(said)))
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
