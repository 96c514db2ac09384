package fleet

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/fleet/wire"
	"sweetspot/scenarios"
)

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

func TestPackAndUnpack(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "to")
	outside := filepath.Join(t.TempDir(), "outside.txt")
	write(t, outside, "from outside")
	write(t, filepath.Join(from, "app/main.py"), "print()")
	write(t, filepath.Join(from, ".venv/bin/python"), "machine-made")
	write(t, filepath.Join(from, "app/__pycache__/main.pyc"), "machine-made")
	link(t, "app/main.py", filepath.Join(from, "inside"))
	link(t, outside, filepath.Join(from, "outside"))
	var b bytes.Buffer
	if err := pack(&b, from, ofApplication); err != nil {
		t.Fatal(err)
	}
	if err := unpack(&b, to); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"app/main.py": "print()", "inside": "print()", "outside": "from outside"} {
		if got, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v, want %q", name, got, err, want)
		}
	}
	for _, name := range []string{".venv", "app/__pycache__"} {
		if _, err := os.Stat(filepath.Join(to, name)); err == nil {
			t.Errorf("%s was packed", name)
		}
	}
	link(t, filepath.Dir(outside), filepath.Join(from, "folder"))
	if err := pack(&b, from, ofApplication); err == nil || !strings.Contains(err.Error(), "folder leads out of the folder") {
		t.Errorf("a link to a folder outside: %v", err)
	}
}

// Nothing that is unpacked can end up elsewhere.
func TestUnpackRefuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		entries []tar.Header
		want    string
	}{
		{"a parent", []tar.Header{{Name: "../x", Typeflag: tar.TypeReg}}, "leads out of the folder"},
		{"an absolute path", []tar.Header{{Name: "/x", Typeflag: tar.TypeReg}}, "leads out of the folder"},
		{"a link to the parent", []tar.Header{{Name: "x", Linkname: "../y", Typeflag: tar.TypeSymlink}}, "out of the folder"},
		{"an absolute link", []tar.Header{{Name: "x", Linkname: "/etc", Typeflag: tar.TypeSymlink}}, "out of the folder"},
		{"a link out of another link", []tar.Header{
			{Name: "a/b", Typeflag: tar.TypeDir}, {Name: "c", Linkname: "a/b", Typeflag: tar.TypeSymlink},
			{Name: "c/d", Linkname: "../..", Typeflag: tar.TypeSymlink}, {Name: "c/d/x", Typeflag: tar.TypeReg},
		}, "out of the folder"},
		{"a device", []tar.Header{{Name: "x", Typeflag: tar.TypeChar}}, "want a file, a folder or a link"},
		{"a hard link", []tar.Header{{Name: "x", Linkname: "y", Typeflag: tar.TypeLink}}, "want a file, a folder or a link"},
		{"a file twice", []tar.Header{{Name: "x", Typeflag: tar.TypeReg}, {Name: "x", Typeflag: tar.TypeReg}}, "file exists"},
		{"a bomb", []tar.Header{{Name: "x", Typeflag: tar.TypeReg, Size: maxUnpacked + 1}}, "more than"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			w := tar.NewWriter(z)
			for _, h := range tt.entries {
				h.Mode = 0o644
				if err := w.WriteHeader(&h); err != nil {
					t.Fatal(err)
				}
			}
			_ = w.Flush() // the bomb is not whole
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			parent := t.TempDir()
			err := unpack(&b, filepath.Join(parent, "to"))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if all, err := os.ReadDir(parent); err != nil || len(all) != 1 {
				t.Errorf("beside the folder there is %v, %v", all, err)
			}
		})
	}
}

func TestDownloadChecksTheDigest(t *testing.T) {
	b := newBed(t)
	js, err := jetstream.New(b.nc)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := js.ObjectStore(t.Context(), wire.RawBucket)
	if err != nil {
		t.Fatal(err)
	}
	from, file := t.TempDir(), filepath.Join(t.TempDir(), "packed")
	write(t, filepath.Join(from, "x"), "y")
	digest, err := packFile(file, from, everything)
	if err != nil {
		t.Fatal(err)
	}
	if err := upload(t.Context(), raw, "run/x", file); err != nil {
		t.Fatal(err)
	}
	if err := download(t.Context(), raw, "run/x", filepath.Join(t.TempDir(), "to"), digest); err != nil {
		t.Error(err)
	}
	err = download(t.Context(), raw, "run/x", filepath.Join(t.TempDir(), "to"), strings.Repeat("0", 64))
	if err == nil || !strings.Contains(err.Error(), "its digest is "+digest) {
		t.Errorf("wrong digest: %v", err)
	}
}

func TestRelocate(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	write(t, filepath.Join(to, "static/x.css"), "")
	app := scenarios.App{
		Dir:     from,
		Static:  []scenarios.Mount{{URL: "/static/", Dir: filepath.Join(from, "static")}, {URL: "/media/", Dir: "{data}/media"}},
		Env:     map[string]string{"PYTHONPATH": from + "/src:/usr/lib/x", "NAME": "fleet", "BESIDE": from + "2"},
		Prepare: nil,
	}
	if err := relocate(&app, to); err != nil {
		t.Fatal(err)
	}
	if app.Dir != to || app.Static[0].Dir != filepath.Join(to, "static") || app.Static[1].Dir != "{data}/media" {
		t.Errorf("folders %q, %+v", app.Dir, app.Static)
	}
	if got, want := app.Env["PYTHONPATH"], to+"/src:/usr/lib/x"; got != want || app.Env["BESIDE"] != from+"2" || app.Env["NAME"] != "fleet" {
		t.Errorf("environment %v, want PYTHONPATH %q and the rest as it was", app.Env, want)
	}
	app.Static[0].Dir = "/nowhere"
	if err := relocate(&app, to); err == nil || !strings.Contains(err.Error(), "keep them inside the application's folder") {
		t.Errorf("static files elsewhere: %v", err)
	}
}
