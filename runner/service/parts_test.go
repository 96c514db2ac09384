package service

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestNames(t *testing.T) {
	if got, want := Names(), []string{"mariadb", "postgresql", "redis"}; !slices.Equal(got, want) {
		t.Errorf("Names = %v, want %v", got, want)
	}
}

func TestMissing(t *testing.T) {
	if got := Missing("oracle"); !strings.Contains(got, `"oracle"; choose from mariadb, postgresql, redis`) {
		t.Errorf("Missing = %q", got)
	}
	for _, tt := range []struct {
		name string
		d    driver
		root bool
		want string // "" for none
	}{
		{"all there", driver{programs: []string{"sh"}}, false, ""},
		{"all there for root", driver{programs: []string{"sh"}, user: "nobody"}, true, ""},
		{"no program", driver{programs: []string{"sh", "no-such-program"}, packages: "such"}, false, "no-such-program is not installed: sudo apt-get install --no-install-recommends such"},
		{"no account", driver{name: "x", programs: []string{"sh"}, user: "no-such-user"}, true, "there is no user no-such-user"},
		{"account not needed", driver{programs: []string{"sh"}, user: "no-such-user"}, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.d.find(tt.root)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("find = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestNewestFirst(t *testing.T) {
	top := t.TempDir()
	for _, version := range []string{"9.6", "15", "16", "9.5"} {
		mkdir(t, filepath.Join(top, version, "bin"))
	}
	var got []string
	for _, dir := range newestFirst(filepath.Join(top, "*", "bin")) {
		got = append(got, filepath.Base(filepath.Dir(dir)))
	}
	if want := []string{"16", "15", "9.6", "9.5"}; !slices.Equal(got, want) {
		t.Errorf("newestFirst = %v, want %v", got, want)
	}
}

func TestVersion(t *testing.T) {
	eachService(t, func(t *testing.T, name string) {
		if got := Version(t.Context(), name); versionSaid.FindString(got) != got || got == "" {
			t.Errorf("Version = %q, want a dotted number", got)
		}
	})
	if got := Version(t.Context(), "oracle"); got != "" {
		t.Errorf("Version of an unknown service = %q, want none", got)
	}
}

func TestCount(t *testing.T) {
	const table = `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000001: 00000002 00000000 00010000 0001 01 10 /run/a.sock
0000000000000002: 00000003 00000000 00000000 0001 03 11 /run/a.sock
0000000000000003: 00000003 00000000 00000000 0001 02     0 /run/a.sock
0000000000000004: 00000003 00000000 00000000 0001 03 12
0000000000000005: 00000002 00000000 00010000 0001 01 13 /run/a.sock.lock
0000000000000006: 00000003 00000000 00000000 0001 03 14 /run/b.sock
`
	for _, tt := range []struct {
		path      string
		listening bool
		connected int
	}{
		{"/run/a.sock", true, 2}, // one waits to be accepted
		{"/run/a.sock.lock", true, 0},
		{"/run/b.sock", false, 1}, // its listener has gone
		{"/run/c.sock", false, 0},
	} {
		if listening, connected := count(table, tt.path); listening != tt.listening || connected != tt.connected {
			t.Errorf("count %s = %v, %d, want %v, %d", tt.path, listening, connected, tt.listening, tt.connected)
		}
	}
}

func TestSystemV(t *testing.T) {
	for _, tt := range []struct {
		name, lock string
		key, id    int
		ok         bool
	}{
		{"complete", "1\n/data\n2\n5432\n/run\n\n  9977888         4\nready\n", 9977888, 4, true},
		{"starting", "1\n/data\n2\n", 0, 0, false},
		{"no segment yet", "1\n/data\n2\n5432\n/run\n\n\n", 0, 0, false},
		{"of MariaDB", "1\n", 0, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, id, ok := systemV(tt.lock)
			if ok != tt.ok || ok && (key != tt.key || id != tt.id) {
				t.Errorf("systemV = %d, %d, %v, want %d, %d, %v", key, id, ok, tt.key, tt.id, tt.ok)
			}
		})
	}
}

func TestLastNumber(t *testing.T) {
	for _, tt := range []struct {
		said string
		want int
		ok   bool
	}{
		{"100", 100, true},
		{"maxclients\n10000\n", 10000, true},
		{"(error) LOADING", 0, false},
		{"", 0, false},
	} {
		if got, err := lastNumber(tt.said); got != tt.want || (err == nil) != tt.ok {
			t.Errorf("lastNumber(%q) = %d, %v, want %d, %v", tt.said, got, err, tt.want, tt.ok)
		}
	}
}

func TestCopy(t *testing.T) {
	top := t.TempDir()
	from := filepath.Join(top, "from")
	mkdir(t, filepath.Join(from, "base"))
	file := filepath.Join(from, "base", "1")
	if err := os.WriteFile(file, []byte("row"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(from, 0o700); err != nil {
		t.Fatal(err)
	}
	uid, gid := os.Getuid(), os.Getgid()
	if isRoot() {
		uid, gid = 12345, 12346
		if err := os.Chown(file, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	to := filepath.Join(top, "deeper", "to")
	if err := Copy("postgresql", from, to); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(to, "base", "1"))
	if err != nil || string(content) != "row" {
		t.Errorf("copied: %q, %v", content, err)
	}
	info, err := os.Stat(filepath.Join(to, "base", "1"))
	if err != nil {
		t.Fatal(err)
	}
	if st := info.Sys().(*syscall.Stat_t); int(st.Uid) != uid || int(st.Gid) != gid || info.Mode() != 0o640 {
		t.Errorf("copied file is of %d:%d, %v, want %d:%d, -rw-r-----", st.Uid, st.Gid, info.Mode(), uid, gid)
	}
	if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("copied folder: %v, %v, want mode 0700", info, err)
	}
}

func TestCopyRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, service string
		give          func(t *testing.T, from, to string)
		want          string
	}{
		{"unknown service", "oracle", func(*testing.T, string, string) {}, `no service is called "oracle"`},
		{"no data", "redis", func(t *testing.T, from, _ string) {
			if err := os.Remove(from); err != nil {
				t.Fatal(err)
			}
		}, "no such file"},
		{"target there", "redis", func(t *testing.T, _, to string) { mkdir(t, to) }, "exists; remove it first"},
		{"running postgresql", "postgresql", func(t *testing.T, from, _ string) { mkdir(t, filepath.Join(from, "postmaster.pid")) }, "stop it first"},
		{"running mariadb", "mariadb", func(t *testing.T, from, _ string) { mkdir(t, filepath.Join(from, "mariadbd.pid")) }, "stop it first"},
		{"tablespace elsewhere", "postgresql", func(t *testing.T, from, _ string) {
			if err := os.Symlink("/", filepath.Join(from, "16384")); err != nil {
				t.Fatal(err)
			}
		}, "keep all data inside the folder"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			top := t.TempDir()
			from, to := filepath.Join(top, "from"), filepath.Join(top, "to")
			mkdir(t, from)
			tt.give(t, from, to)
			had := exists(to)
			if err := Copy(tt.service, from, to); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Copy = %v, want %q", err, tt.want)
			}
			if exists(to) != had || exists(to+unfinished) {
				t.Errorf("after the error the target is there: %v, unfinished: %v", exists(to), exists(to+unfinished))
			}
		})
	}
}
