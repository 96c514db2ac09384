package stack

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sweetspot/runner/cgroup"
	"sweetspot/scenarios"
)

// ungranted are limits with which no machine makes a group.
var ungranted = cgroup.Limits{CPU: -1}

// A stack whose limits cannot be enforced starts and says why, unless it must
// be limited.
func TestLimitsThatAreRefused(t *testing.T) {
	cfg := Config{App: embeddedApp(t), Cell: cell(t, "server=embedded/proxy=direct/workers=1/threads=1"), Dir: t.TempDir(), RunID: "refused", Limits: ungranted}
	st, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if st.Control() != nil || !strings.HasPrefix(st.Unlimited(), cgroup.ErrRefused.Error()) || st.OutOfMemory() != "" {
		t.Errorf("group %v, unlimited %q, %q; want no group and the reason", st.Control(), st.Unlimited(), st.OutOfMemory())
	}
	endSurvival(t, st, cfg.RunID)
	cfg.MustLimit, cfg.Dir = true, t.TempDir()
	if st, err := Start(t.Context(), cfg); !errors.Is(err, cgroup.ErrRefused) || errors.Is(err, ErrNotReady) {
		t.Errorf("stack %v, error %v, want %v", st, err, cgroup.ErrRefused)
	}
}

// The instances of the application are in its group, and the proxy is not. When
// one of them is killed for its memory, the stack says so.
func TestStackInAControlGroup(t *testing.T) {
	limits := cgroup.Limits{CPU: 1, Memory: 128 << 20}
	if err := cgroup.Permitted(limits); err != nil {
		t.Skip(err)
	}
	app := survivors(t)["gunicorn-sync"]
	if app == nil {
		t.Skip("gunicorn is missing")
	}
	cfg := survivalConfig(t, "gunicorn-sync", app)
	cfg.Limits = limits
	st, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	dirs := st.Control().Directories()
	defer func() {
		endSurvival(t, st, cfg.RunID)
		for _, dir := range dirs {
			if _, err := os.Stat(dir); !os.IsNotExist(err) {
				t.Errorf("%s is left: %v", dir, err)
			}
		}
	}()
	members, err := st.apps[0].process.Members()
	if err != nil || len(members) != 3 {
		t.Fatalf("members %v, %v; want a master and two workers", members, err)
	}
	for _, dir := range dirs {
		b, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		var in []int
		for _, text := range strings.Fields(string(b)) {
			pid, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			in = append(in, pid)
		}
		slices.Sort(in)
		if err != nil || !slices.Equal(in, members) {
			t.Errorf("%s holds %v, %v; want %v", dir, in, err, members)
		}
	}
	if why := st.OutOfMemory(); why != "" || st.Blame(ErrNotReady) != ErrNotReady {
		t.Errorf("at rest %q, and blames it: %v", why, st.Blame(ErrNotReady))
	}
	leak(t, st)
	want := "out of memory: the application's group reached limits.memory " + scenarios.Bytes(limits.Memory).String()
	if why := st.OutOfMemory(); !strings.HasPrefix(why, want) {
		t.Errorf("after a leak %q, want %q", why, want)
	}
	if err := st.Blame(errors.New("it ended")); !errors.Is(err, ErrNotReady) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("blames %v, want %q and the cell", err, want)
	}
}
