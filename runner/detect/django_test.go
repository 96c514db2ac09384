package detect

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sweetspot/scenarios"
)

// polls are the files of the application in Django's tutorial.
var polls = map[string]string{
	"polls/__init__.py":            "",
	"polls/migrations/__init__.py": "",
	"polls/apps.py": `from django.apps import AppConfig


class PollsConfig(AppConfig):
    default_auto_field = 'django.db.models.BigAutoField'
    name = 'polls'
`,
	"polls/models.py": `from django.db import models


class Question(models.Model):
    question_text = models.CharField(max_length=200)
    pub_date = models.DateTimeField('date published')


class Choice(models.Model):
    question = models.ForeignKey(Question, on_delete=models.CASCADE)
    choice_text = models.CharField(max_length=200)
    votes = models.IntegerField(default=0)
`,
	"polls/views.py": `from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views import generic

from .models import Question


class IndexView(generic.ListView):
    template_name = 'polls/index.html'

    def get_queryset(self):
        return Question.objects.order_by('-pub_date')[:5]


class DetailView(generic.DetailView):
    model = Question


def results(request, question_id):
    return HttpResponse("You're looking at the results of question %s." % question_id)


def vote(request, question_id):
    return HttpResponse("You're voting on question %s." % question_id)


class Submit(generic.View):
    def post(self, request):
        return HttpResponse('thanks')


def logout_view(request):
    return HttpResponse('bye')
`,
	"polls/urls.py": `from django.urls import path, re_path

from . import views

app_name = 'polls'
urlpatterns = [
    path('', views.IndexView.as_view(), name='index'),
    path('<int:pk>/', views.DetailView.as_view(), name='detail'),
    path('<int:question_id>/results/', views.results, name='results'),
    path('<int:question_id>/vote/', views.vote, name='vote'),
    path('submit/', views.Submit.as_view(), name='submit'),
    path('bye/', views.logout_view, name='bye'),
    path('delete-all/', views.results, name='all'),
    re_path(r'^about\.html$', views.IndexView.as_view(), name='about'),
    re_path(r'^archive/(?P<year>[0-9]{4})/$', views.results),
    re_path(r'^page-[0-9]+/$', views.results),
]
`,
	"polls/static/polls/style.css": "li a { color: green; }\n",
}

// tutorial makes the project of Django's tutorial in dir/mysite.
func tutorial(t *testing.T) string {
	t.Helper()
	dir := project(t, nil)
	start := exec.Command(systemPython, "-m", "django", "startproject", "mysite")
	start.Dir = dir
	if out, err := start.CombinedOutput(); err != nil {
		t.Fatalf("startproject: %v\n%s", err, out)
	}
	dir = filepath.Join(dir, "mysite")
	write(t, dir, polls)
	edit(t, filepath.Join(dir, "mysite/settings.py"), "INSTALLED_APPS = [", "INSTALLED_APPS = [\n    'polls.apps.PollsConfig',")
	edit(t, filepath.Join(dir, "mysite/urls.py"), "from django.urls import path", "from django.urls import include, path")
	edit(t, filepath.Join(dir, "mysite/urls.py"), "urlpatterns = [", "urlpatterns = [\n    path('polls/', include('polls.urls')),")
	return dir
}

func edit(t *testing.T, file, from, to string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), from) {
		t.Fatalf("%s has no %q", file, from)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), from, to, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// add appends to the settings of a tutorial's project.
func add(t *testing.T, dir, settings string) {
	t.Helper()
	file := filepath.Join(dir, "mysite/settings.py")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(text, "\n"+settings+"\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestTutorial(t *testing.T) {
	dir := tutorial(t)
	p := detect(t, dir)
	want := map[string]string{
		"dir": dir, "name": "mysite", "framework": Django, "interface": scenarios.WSGI, "python": systemPython, "venv": "",
		"module": "mysite.wsgi:application", "asgi": "mysite.asgi:application", "settings": "mysite.settings",
	}
	got := map[string]string{
		"dir": p.Dir, "name": p.Name, "framework": p.Framework, "interface": p.Interface, "python": p.Python, "venv": p.Venv,
		"module": p.Module, "asgi": p.ASGI, "settings": p.Env[settingsVar],
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for _, server := range []string{"gunicorn-sync", "gunicorn-gthread", "waitress", "gunicorn-uvicorn", "uvicorn"} {
		if !slices.Contains(p.Servers, server) {
			t.Errorf("servers %v, want %s among them", p.Servers, server)
		}
	}
	if want := [][]string{{"{python}", "manage.py", "migrate", "--no-input"}}; !reflect.DeepEqual(p.Prepare, want) {
		t.Errorf("prepare %v, want %v", p.Prepare, want)
	}
	if why := p.guessed("app"); !strings.Contains(why, "DEBUG") || strings.Contains(why, "ALLOWED_HOSTS") {
		t.Errorf("notes %q, want DEBUG in them and not ALLOWED_HOSTS, which allows localhost with DEBUG", why)
	}
}

func TestDjangoRoutes(t *testing.T) {
	p := detect(t, tutorial(t))
	for _, tt := range []struct {
		name, path string
		want       bool
	}{
		{"class-based view in an include", "/polls/", true},
		{"regular expression of one text", "/polls/about.html", true},
		{"admin", "/admin/login/", true},
		{"view without get", "/polls/submit/", false},
		{"view that is called logout_view", "/polls/bye/", false},
		{"path that deletes", "/polls/delete-all/", false},
		{"admin's logout", "/admin/logout/", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := slices.Contains(p.Routes, tt.path); got != tt.want {
				t.Errorf("%s in %v: %v, want %v", tt.path, p.Routes, got, tt.want)
			}
		})
	}
	for _, r := range p.Routes {
		if strings.ContainsAny(r, "<>()[]\\^$?") {
			t.Errorf("route %s has a parameter", r)
		}
	}
	if !p.refused("route /polls/delete-all/") {
		t.Errorf("refused %q, want the route that deletes among them", p.Refused)
	}
}

func TestDjangoStatic(t *testing.T) {
	dir := tutorial(t)
	t.Run("without STATIC_ROOT", func(t *testing.T) {
		p := detect(t, dir)
		want := scenarios.Mount{URL: "/static/polls/", Dir: filepath.Join(dir, "polls/static/polls")}
		if !slices.Contains(p.Static, want) || !slices.Contains(p.StaticFiles, "/static/polls/style.css") {
			t.Errorf("mounts %v, files %v; want %v and its style.css, the smallest of all", p.Static, p.StaticFiles, want)
		}
	})
	add(t, dir, "STATIC_ROOT = BASE_DIR / 'collected'")
	collected := scenarios.Mount{URL: "/static/", Dir: filepath.Join(dir, "collected")}
	t.Run("before collectstatic", func(t *testing.T) {
		p := detect(t, dir)
		if slices.Contains(p.Static, collected) || len(p.Prepare) != 2 || p.Prepare[1][2] != "collectstatic" {
			t.Errorf("mounts %v, prepare %v; want no empty folder and collectstatic", p.Static, p.Prepare)
		}
		s := parse(t, p.Scenario(ScenarioOptions{Prepare: true}))
		if want := []scenarios.Mount{collected}; !reflect.DeepEqual(s.App.Static, want) || len(s.App.Prepare) != 2 {
			t.Errorf("scenario with prepare: mounts %v, want %v; %v", s.App.Static, want, s.App.Prepare)
		}
	})
	t.Run("after collectstatic", func(t *testing.T) {
		write(t, dir, map[string]string{"collected/a.css": "a", "collected/b c.css": "bbb", "collected/.hidden": "no", "collected/empty": ""})
		p := detect(t, dir)
		if want := []scenarios.Mount{collected}; !reflect.DeepEqual(p.Static, want) {
			t.Errorf("mounts %v, want %v", p.Static, want)
		}
		if want := []string{"/static/a.css", "/static/b%20c.css"}; !reflect.DeepEqual(p.StaticFiles, want) {
			t.Errorf("files %v, want %v", p.StaticFiles, want)
		}
	})
}

func TestDjangoSettings(t *testing.T) {
	for _, tt := range []struct {
		name, settings string
		field, want    string // of the guesses
	}{
		{"hosts that are not ours", "DEBUG = False\nALLOWED_HOSTS = ['shop.example']", "app", "ALLOWED_HOSTS"},
		{"redirect to TLS", "SECURE_SSL_REDIRECT = True", "app", "SECURE_SSL_REDIRECT"},
		{"no WSGI_APPLICATION but a wsgi.py", "WSGI_APPLICATION = None", "app.module", "mysite.wsgi:application"},
		{"noise on standard output and error", "import sys\nprint('{\"failed\": 1}')\nprint('x', file=sys.stderr)", "app.module", "mysite.wsgi:application"},
		{"a look at the command line", "import sys\nif len(sys.argv) > 1: raise ValueError(sys.argv)", "app.module", "mysite.wsgi:application"},
		{"a thread that never ends", "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()", "app.module", "mysite.wsgi:application"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := tutorial(t)
			add(t, dir, tt.settings)
			if got := detect(t, dir).guessed(tt.field); !strings.Contains(got, tt.want) {
				t.Errorf("guesses for %s: %q, want %q in them", tt.field, got, tt.want)
			}
		})
	}
}

func TestManageOneFolderBelow(t *testing.T) {
	dir := tutorial(t)
	above := filepath.Dir(dir)
	write(t, above, map[string]string{"other/manage.py": "os.environ['DJANGO_SETTINGS_MODULE'] = 'other.settings'"})
	p := detect(t, above)
	if p.Dir != dir || !p.refused("the project in "+dir+" comes first") {
		t.Errorf("dir %s, refused %q; want %s, and the other one refused", p.Dir, p.Refused, dir)
	}
}

func TestManageOfAnotherKind(t *testing.T) {
	dir := project(t, map[string]string{
		"manage.py": "from flask_script import Manager\n",
		"app.py":    "from flask import Flask\napp = Flask(__name__)\n",
	})
	if p := detect(t, dir); p.Framework != Flask || !p.refused("names no settings module") {
		t.Errorf("framework %s, refused %q; want flask, and manage.py refused", p.Framework, p.Refused)
	}
}

func TestDatabaseIsLeftAlone(t *testing.T) {
	dir := tutorial(t)
	edit(t, filepath.Join(dir, "polls/apps.py"), "    name = 'polls'", `    name = 'polls'

    def ready(self):
        from django.db import DatabaseError
        from .models import Question
        try:
            Question.objects.count()
        except DatabaseError as e:
            assert 'without its database' in str(e), e
        else:
            raise AssertionError('the database was opened')
`)
	detect(t, dir)
}

func TestSettingsOfTheShell(t *testing.T) {
	dir := tutorial(t)
	write(t, dir, map[string]string{"mysite/fast.py": "from .settings import *\nDEBUG = False\nALLOWED_HOSTS = ['*']\n"})
	for _, tt := range []struct {
		name, set, want string
	}{
		{"the project's own", "mysite.fast", "mysite.fast"},
		{"another project's", "elsewhere.settings", "mysite.settings"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(settingsVar, tt.set)
			if got := detect(t, dir).Env[settingsVar]; got != tt.want {
				t.Errorf("settings %s, want %s", got, tt.want)
			}
		})
	}
}

func TestVariablesOfTheShell(t *testing.T) {
	dir := tutorial(t)
	add(t, dir, "import os\nSECRET_KEY = os.environ['SHOP_SECRET']")
	if _, err := Detect(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "KeyError: 'SHOP_SECRET'") {
		t.Errorf("without the variable: %v, want the KeyError", err)
	}
	t.Setenv("SHOP_SECRET", "top: secret")
	t.Setenv("SHOP_OTHER", "not named")
	p := detect(t, dir)
	if want := map[string]string{settingsVar: "mysite.settings", "SHOP_SECRET": "top: secret"}; !reflect.DeepEqual(p.Env, want) {
		t.Errorf("environment %v, want %v", p.Env, want)
	}
	for _, g := range p.Guesses {
		if strings.Contains(g.Value+g.Why, "top: secret") {
			t.Errorf("guess %v tells a value that may be a secret", g)
		}
	}
}
