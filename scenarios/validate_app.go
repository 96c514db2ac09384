package scenarios

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	maxRouteTime  = Duration(time.Minute)
	maxRouteBytes = 1 << 30
)

var (
	moduleForm = regexp.MustCompile(`^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(\(\))?)?$`)
	envForm    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

func (c checker) app() {
	a := c.s.App
	if !c.given("app") && a.Interface == "" {
		c.fault("app", "is missing", "say what to measure: app: with interface, module and dir")
		return
	}
	interfaces := []string{WSGI, ASGI, Embedded}
	if !c.missing("app.interface", a.Interface, "write "+oneOf(interfaces)) {
		c.word("app.interface", a.Interface, interfaces)
	}
	if a.Interface == Embedded {
		c.embeddedApp(a)
	} else {
		c.pythonApp(a)
	}
	c.appDir(a)
	c.between("app.deadline", a.Deadline, Duration(100*time.Millisecond), maxDeadline)
	c.urlPath("app.ready", a.Ready)
	if a.Wait != "" || c.given("app.wait") {
		c.urlPath("app.wait", a.Wait)
	}
	for _, key := range sortedKeys(a.Env) {
		path := join("app.env", key)
		c.faultIf(!envForm.MatchString(key), path, "is no name of an environment variable", "use letters, digits and underscores")
		c.faultIf(strings.ContainsRune(a.Env[key], 0), path, "holds a zero byte", "delete it")
	}
	c.prepare(a)
	c.mounts(a)
}

// pythonApp checks what only WSGI and ASGI applications have.
func (c checker) pythonApp(a App) {
	if !c.missing("app.module", a.Module, "write where the application is, as in shop.wsgi:application") {
		c.entryPoint("app.module", a.Module, "write it as shop.wsgi:application")
	}
	switch {
	case a.ASGI == "" && !c.given("app.asgi"):
	case a.Interface == ASGI:
		c.fault("app.asgi", "is given, and app.module is what ASGI servers run already", "delete it, or write interface: wsgi and the WSGI application in app.module")
	default:
		c.entryPoint("app.asgi", a.ASGI, "write it as shop.asgi:application")
	}
	if len(a.Routes) > 0 {
		c.fault("app.routes", "is of embedded applications only", "delete it, or write interface: embedded")
	}
	switch {
	case a.Python != "" && a.Venv != "":
		c.fault("app.venv", "is given together with app.python", "keep one of them")
	case a.Python != "" && !isLate(a.Python) && !executable(c.dir, a.Python):
		c.fault("app.python", fmt.Sprintf("is %q, which is no program to be found", a.Python), "write the path of an interpreter, or delete it for the first python3 with the servers")
	case a.Venv != "" && !isLate(a.Venv):
		python := filepath.Join(absolute(c.dir, a.Venv), "bin", "python")
		c.faultIf(!executable(c.dir, python), "app.venv", fmt.Sprintf("is %q, which has no bin/python", a.Venv), "make it: python3 -m venv "+a.Venv)
	}
}

// entryPoint reports what is no name of an application in a module.
func (c checker) entryPoint(path, text, hint string) {
	c.faultIf(!moduleForm.MatchString(text), path, fmt.Sprintf("is %q, must be a module and the name of the application in it", text), hint)
}

// embeddedApp checks what only embedded applications have.
func (c checker) embeddedApp(a App) {
	for _, f := range []struct{ path, text string }{
		{"app.module", a.Module}, {"app.asgi", a.ASGI}, {"app.python", a.Python}, {"app.venv", a.Venv},
	} {
		c.faultIf(f.text != "", f.path, "is not used by an embedded application", "delete it")
	}
	if len(a.Routes) == 0 {
		c.fault("app.routes", emptyOrMissing(c.given("app.routes")), "declare what the paths cost, as - {path: /, cpu: 2ms, wait: 10ms, bytes: 1000}")
	}
	first := make(map[string]int)
	for i, r := range a.Routes {
		path := fmt.Sprintf("app.routes[%d]", i)
		if c.isWrong(path) {
			continue
		}
		c.route(path, r)
		if j, ok := first[r.Path]; ok && r.Path != "" {
			c.fault(path+".path", fmt.Sprintf("is the path of app.routes[%d] too", j), "keep one of them")
		} else {
			first[r.Path] = i
		}
	}
}

func (c checker) route(path string, r Route) {
	if !c.missing(path+".path", r.Path, "write the prefix of the paths, as /") {
		c.urlPath(path+".path", r.Path)
	}
	c.between(path+".cpu", r.CPU, 0, maxRouteTime)
	c.between(path+".wait", r.Wait, 0, maxRouteTime)
	c.word(path+".dist", r.Dist, []string{DistConstant, DistExponential})
	c.count(path+".bytes", r.Bytes, 0, maxRouteBytes)
	if r.Stall == nil {
		return
	}
	every, length := r.Stall.Every, r.Stall.For
	for _, part := range []struct {
		path string
		d    Duration
	}{
		{path + ".stall.every", every}, {path + ".stall.for", length},
	} {
		if c.given(path+".stall") && !c.given(part.path) {
			c.fault(part.path, "is missing", "write both, as stall: {every: 5s, for: 500ms}")
			continue
		}
		c.between(part.path, part.d, Duration(time.Millisecond), math.MaxInt64)
	}
	if length >= every && every > 0 && length > 0 && !c.isWrong(path+".stall.every") {
		c.fault(path+".stall.for", fmt.Sprintf("is %s, must be shorter than every %s", length, every), "")
	}
}

// appDir checks the application's folder.
func (c checker) appDir(a App) {
	fixture, isFixture := strings.CutPrefix(a.Dir, fixturePrefix)
	switch {
	case a.Dir == "":
		c.fault("app.dir", "is empty", "delete it for the scenario's own folder")
	case isFixture:
		c.faultIf(!slices.Contains(c.cat.Fixtures, fixture), "app.dir",
			fmt.Sprintf("names the unknown fixture %q", fixture), suggest(fixture, c.cat.Fixtures))
	default:
		c.folder("app.dir", a.Dir)
	}
}

// folder reports a folder that does not exist.
func (c checker) folder(path, dir string) {
	c.placeholders(path, dir)
	if isLate(dir) {
		return
	}
	full := absolute(c.dir, dir)
	info, err := os.Stat(full)
	switch {
	case err != nil:
		c.fault(path, fmt.Sprintf("is %q, and there is no such folder", dir), "it is looked for at "+full)
	case !info.IsDir():
		c.fault(path, fmt.Sprintf("is %q, which is no folder", dir), "it is looked for at "+full)
	}
}

// placeholders reports a {word} that stands for nothing.
func (c checker) placeholders(path, text string) {
	known := []string{placeholderRun, placeholderData, placeholderPython}
	for _, word := range placeholderForm.FindAllString(text, -1) {
		c.faultIf(!slices.Contains(known, word), path, "holds the unknown placeholder "+word, suggest(word, known))
	}
}

// prepare checks the commands, whose programs have to be there.
func (c checker) prepare(a App) {
	for i, argv := range a.Prepare {
		path := fmt.Sprintf("app.prepare[%d]", i)
		switch {
		case len(argv) == 0 || argv[0] == "":
			c.fault(path, "is empty", "write a command, or delete it")
			continue
		case c.isProgram(a, argv[0]):
		case strings.Contains(argv[0], "/"):
			c.fault(path, fmt.Sprintf("starts %q, which is no program in app.dir", argv[0]), "check the path, and that the file is executable")
		default:
			c.fault(path, fmt.Sprintf("starts %q, which is not found in PATH", argv[0]), "install it, or write its path")
		}
		for _, arg := range argv {
			c.placeholders(path, arg)
		}
	}
}

// isProgram tells whether a prepare command can be started, as far as that is
// known before the run.
func (c checker) isProgram(a App, program string) bool {
	inDir := strings.Contains(program, "/") && !filepath.IsAbs(program)
	if isLate(program) || inDir && isLate(a.Dir) {
		return true
	}
	return executable(absolute(c.dir, a.Dir), program)
}

// mounts checks what a proxy serves itself. A folder that a prepare command
// may make does not have to exist yet.
func (c checker) mounts(a App) {
	first := make(map[string]int)
	for i, m := range a.Static {
		path := fmt.Sprintf("app.static[%d]", i)
		if !c.missing(path+".url", m.URL, "write the prefix of the paths, as /static/") {
			c.mountURL(path+".url", m.URL)
		}
		if j, ok := first[m.URL]; ok && m.URL != "" {
			c.fault(path+".url", fmt.Sprintf("is the prefix of app.static[%d] too", j), "keep one of them")
		} else {
			first[m.URL] = i
		}
		switch {
		case c.missing(path+".dir", m.Dir, "write the folder with the files"):
		case len(a.Prepare) == 0:
			c.folder(path+".dir", m.Dir)
		default:
			c.placeholders(path+".dir", m.Dir)
		}
	}
}

func (c checker) mountURL(path, url string) {
	switch {
	case url == "/":
		c.fault(path, `is "/", so the application would get no request`, "write a prefix such as /static/")
	case !strings.HasPrefix(url, "/") || !strings.HasSuffix(url, "/"):
		c.fault(path, fmt.Sprintf("is %q, must begin and end with a slash", url), "write /"+strings.Trim(url, "/")+"/")
	case strings.ContainsAny(url, "?{}") || strings.Contains(url, ".."):
		c.fault(path, fmt.Sprintf("is %q, must be a plain prefix", url), "write it without .., ?, { and }")
	default:
		c.urlPath(path, url)
	}
}

// urlPath reports what cannot be the path of a URL as it is sent.
func (c checker) urlPath(path, url string) {
	switch {
	case strings.Contains(url, "://") && !strings.HasPrefix(url, "/"):
		c.fault(path, fmt.Sprintf("is %q, must be a path", url), "write it without scheme and host; to measure a server that already runs, name it in target")
	case !strings.HasPrefix(url, "/"):
		c.fault(path, fmt.Sprintf("is %q, must begin with a slash", url), "write /"+url)
	case unsafeInPath(url) != "":
		c.fault(path, fmt.Sprintf("is %q, which holds %s", url, unsafeInPath(url)), "percent-encode it, as %20 for a blank")
	}
}

// unsafeInPath names the first character that may not be sent in a path, or "".
func unsafeInPath(text string) string {
	for _, r := range text {
		switch {
		case r == ' ':
			return "a blank"
		case r == '#' || r == '\\' || r == '"' || r == '<' || r == '>':
			return string(r)
		case r < ' ' || r > '~':
			return fmt.Sprintf("%q", r)
		}
	}
	return ""
}

func emptyOrMissing(given bool) string {
	if given {
		return "is empty"
	}
	return "is missing"
}
