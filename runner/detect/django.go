package detect

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sweetspot/scenarios"
)

const (
	manageFile  = "manage.py"
	settingsVar = "DJANGO_SETTINGS_MODULE"
)

var settingsForm = regexp.MustCompile(settingsVar + `["'](?:\]\s*=|\s*,)\s*["']([\w.]+)["']`)

// findManage looks for Django's manage.py in the folder and one below it. It
// fills Dir and the settings module, and tells whether there is one.
func (p *Project) findManage(root string) bool {
	var dirs []string
	for _, file := range pythonFiles(root, 1) {
		if filepath.Base(file) == manageFile {
			dirs = append(dirs, filepath.Dir(filepath.Join(root, file)))
		}
	}
	for _, dir := range dirs {
		settings := settingsForm.FindStringSubmatch(readSource(filepath.Join(dir, manageFile)))
		switch {
		case settings == nil:
			p.refuse(filepath.Join(dir, manageFile), "names no settings module, as os.environ.setdefault(\""+settingsVar+"\", …) would")
		case p.Framework != "":
			p.refuse(filepath.Join(dir, manageFile), "the project in "+p.Dir+" comes first; name the other folder to measure it")
		default:
			p.Framework, p.Dir = Django, dir
			p.chooseSettings(settings[1])
		}
	}
	return p.Framework != ""
}

// chooseSettings takes the settings module of this shell where the project has
// it, as manage.py would, or else the one that manage.py names.
func (p *Project) chooseSettings(named string) {
	settings, why := named, "manage.py names it"
	if set := os.Getenv(settingsVar); set != "" && set != named && hasModule(p.Dir, set) {
		settings, why = set, "it is set in this shell; manage.py itself names "+named
	}
	p.Env[settingsVar] = settings
	p.guess("app.env", settingsVar+"="+settings, why)
}

// hasModule tells whether a dotted module is a file or a package below dir.
func hasModule(dir, module string) bool {
	path := filepath.Join(dir, filepath.FromSlash(strings.ReplaceAll(module, ".", "/")))
	return exists(path+".py") || exists(filepath.Join(path, "__init__.py"))
}

// django fills the project whose manage.py is known.
func (p *Project) django(ctx context.Context, root string) error {
	p.Prepare = [][]string{{"{python}", manageFile, "migrate", "--no-input"}}
	if p.Dir != root {
		p.guess("app.dir", p.Dir, "manage.py is there, one folder below "+root)
	}
	python, err := p.chooseInterpreter(ctx, slices.Compact([]string{root, p.Dir}), []string{"django"})
	if err != nil {
		return err
	}
	found, err := p.importIt(ctx, p.Env[settingsVar], "django", map[string]any{})
	if err != nil {
		return err
	}
	p.take(found)
	p.guess("app.module", p.Module, djangoEntry(p.Module))
	p.otherSettings()
	if p.ASGI != "" {
		p.guess("app.asgi", p.ASGI, "what ASGI servers run; add some to matrix.servers to compare")
	}
	p.djangoWarnings(found)
	p.djangoStatic(found)
	return p.findServers(python)
}

func djangoEntry(module string) string {
	if strings.HasSuffix(module, "()") {
		return "the project has no wsgi.py and no WSGI_APPLICATION, so Django makes the application"
	}
	return "WSGI_APPLICATION of the settings, or the wsgi.py beside them; it was imported to try it"
}

// otherSettings says when the entry point would by itself run on other
// settings than manage.py, as projects with settings for production do.
func (p *Project) otherSettings() {
	module, _, _ := strings.Cut(p.Module, ":")
	source := readSource(filepath.Join(p.Dir, strings.ReplaceAll(module, ".", "/")+".py"))
	if m := settingsForm.FindStringSubmatch(source); m != nil && m[1] != p.Env[settingsVar] {
		p.guess("app.env", settingsVar, fmt.Sprintf("%s by itself would take %s; write that to measure what production runs", module, m[1]))
	}
}

// djangoWarnings tells what in the settings would make figures worthless.
func (p *Project) djangoWarnings(found finding) {
	if found.Debug {
		p.guess("app", "DEBUG = True", "the settings have it, and it keeps every query in memory: figures of production need settings without it")
	}
	allowed := func(host string) bool {
		return host == "*" || host == "127.0.0.1" || host == "localhost"
	}
	if !slices.ContainsFunc(found.Hosts, allowed) && (!found.Debug || len(found.Hosts) > 0) {
		p.guess("app", "ALLOWED_HOSTS", "without 127.0.0.1 and localhost in it Django answers every request with 400")
	}
	if found.Redirects {
		p.guess("app", "SECURE_SSL_REDIRECT = True", "Django redirects every request that does not say that it came by TLS")
	}
	if engine, ok := strings.CutPrefix(found.Engine, "django.db.backends."); ok && engine != "dummy" {
		p.guess("app", "the database is "+engine, "it is used as the settings say: the run reads from the project's own data")
	}
}

// djangoStatic decides where a proxy takes the static files from: the folder
// that collectstatic fills, or where that is empty, those that it copies from.
func (p *Project) djangoStatic(found finding) {
	if found.Collect != nil {
		p.Prepare = append(p.Prepare, []string{"{python}", manageFile, "collectstatic", "--no-input"})
		if why := unfitMount(found.Collect.URL); why == "" {
			p.collected = []scenarios.Mount{{URL: found.Collect.URL, Dir: found.Collect.Dir}}
		}
		if hasFiles(found.Collect.Dir) {
			p.addMounts([]folder{*found.Collect}, "STATIC_ROOT of the settings")
			p.pickFiles()
			return
		}
	}
	why := "STATIC_ROOT is not set, so these are the folders of the applications"
	if found.Collect != nil {
		why = "STATIC_ROOT has no files before collectstatic, so these are the folders of the applications"
	}
	p.addMounts(found.Sources, why)
	p.pickFiles()
}

// take copies what every framework has.
func (p *Project) take(found finding) {
	p.Framework, p.Interface, p.Module, p.ASGI = found.Framework, found.Interface, found.Module, found.ASGI
	p.Refused = append(p.Refused, found.Refused...)
	p.takeRoutes(found.Routes)
	p.addMounts(found.Static, "the application names it")
}
