package bundle

import (
	"slices"
	"testing"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// ofAlice withholds what is in the run of a user with a home and secrets.
func ofAlice() *withholder {
	run := &rundir.Run{Dir: "/home/alice/runs/shop-1"}
	run.Manifest.SourceName = "/srv/acme/perf/shop.yaml"
	run.Manifest.Scenario.App = scenarios.App{
		Dir: "/srv/acme/shop", Venv: "/srv/acme/shop/venv",
		Env: map[string]string{"DATABASE_URL": "postgresql://shop:pa55@db/shop", "DEBUG": "0", "TOKEN": "abcd", "ENGINE": "postgresql", "ID": "a1b2c3d4e5f6g7"},
	}
	return newWithholder(run, Options{Home: "/home/alice", Public: func(name, _ string) bool { return name == "DEBUG" }})
}

func TestText(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"the run", "bind = unix:/home/alice/runs/shop-1/live/app.sock", "bind = unix:{run}/live/app.sock"},
		{"another run", "see /home/alice/runs/shop-10/x", "see ~/runs/shop-10/x"},
		{"a home", "/home/alice: no such file", "~: no such file"},
		{"another's home is not known", "/home/bob/x", "/home/bob/x"},
		{"the application", "File \"/srv/acme/shop/views.py\", line 3", "File \"{app}/views.py\", line 3"},
		{"its virtualenv", "/srv/acme/shop/venv/bin/gunicorn", "{venv}/bin/gunicorn"},
		{"the scenario's folder", "/srv/acme/perf/shop.yaml", "{scenario}/shop.yaml"},
		{"the value of a variable", "connect to postgresql://shop:pa55@db/shop", "connect to [withheld]"},
		{"a short value with a telling name", "got abcd", "got [withheld]"},
		{"a long value with digits", "id a1b2c3d4e5f6g7!", "id [withheld]!"},
		{"a word is no secret elsewhere", "services: postgresql", "services: postgresql"},
		{"a password in a URL", "redis://:hunter2@cache:6379/0", "redis://[withheld]@cache:6379/0"},
		{"a pair", "api_key = 'xyz', next", "api_key = '[withheld]', next"},
		{"a header", "Authorization: Bearer xyz", "Authorization: [withheld]"},
		{"nothing", "p99 1.5 ms at 900 requests/s; timeout: 10s", "p99 1.5 ms at 900 requests/s; timeout: 10s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ofAlice().text(tt.text); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestArgs(t *testing.T) {
	for _, tt := range []struct {
		name       string
		args, want []string
	}{
		{"variables", []string{"--set", "app.env.TOKEN=x=y", "--set=app.env.NAME=z", "app.env.DEBUG=0", "app.env={A: b}"},
			[]string{"--set", "app.env.TOKEN=[withheld]", "--set=app.env.NAME=[withheld]", "app.env.DEBUG=0", "app.env=[withheld]"}},
		{"headers", []string{"--set", "traffic.requests[0].headers.Cookie=x"}, []string{"--set", "traffic.requests[0].headers.Cookie=[withheld]"}},
		{"a password", []string{"admin", "--password", "x", "--db-password=y", "-v"}, []string{"admin", "--password", "[withheld]", "--db-password=[withheld]", "-v"}},
		{"paths", []string{"/usr/bin/python3", "-c", "/home/alice/runs/shop-1/live/x.py", "--chdir=/data/clients", "/data/clients/a.yaml"},
			[]string{"/usr/bin/python3", "-c", "{run}/live/x.py", "--chdir=…/clients", "…/a.yaml"}},
		{"nothing", []string{"sweetspot", "run", "--budget", "90s", "--set", "matrix.workers=[1,2]"}, []string{"sweetspot", "run", "--budget", "90s", "--set", "matrix.workers=[1,2]"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ofAlice().args(tt.args); !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// A run that was moved shows in its command lines where it was.
func TestFoldersOfThen(t *testing.T) {
	run, err := rundir.Create(t.TempDir(), rundir.Manifest{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := run.Close(); err != nil {
			t.Error(err)
		}
	}()
	p, err := run.Begin()
	if err != nil {
		t.Fatal(err)
	}
	trial := rundir.Trial{Effective: rundir.Effective{Argv: map[string][]string{"proxy": {"nginx", "-c", "/mnt/old/run/live/nginx.conf"}}}}
	if err := p.Commit(trial, nil); err != nil {
		t.Fatal(err)
	}
	w := newWithholder(run, Options{Public: func(string, string) bool { return false }})
	if got := w.text("alias /mnt/old/run/static/;"); got != "alias {run}/static/;" {
		t.Errorf("%q", got)
	}
}

// What would leak in spite of all is not published.
func TestLeak(t *testing.T) {
	w, dir := ofAlice(), t.TempDir()
	write(t, []byte("fine\n"), dir, "report.txt")
	if err := w.leak(dir); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"see /home/alice/x", "pa55 is in postgresql://shop:pa55@db/shop"} {
		write(t, []byte(text), dir, "report.txt")
		if err := w.leak(dir); err == nil {
			t.Errorf("%q would be published", text)
		}
	}
}
