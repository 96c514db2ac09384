package bundle

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"

	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// withheld stands in a bundle for what is not published.
const withheld = "[withheld]"

// withholder takes out of a run what is nobody's business: values of
// environment variables and headers, passwords, the name of the host, and the
// folders of its user.
type withholder struct {
	public  func(name, value string) bool // of environment variables
	folders []folder
	secrets []string // texts that are secret wherever they are
	names   map[string]bool
	headers map[string]bool
}

// folder is a place of the user's, and what stands for it.
type folder struct {
	path  string
	at    *regexp.Regexp
	stand string
}

var (
	home = regexp.MustCompile(`^(/home/[^/]+|/Users/[^/]+|/root)(?:/|$)`)

	// live is where the files of a running stack were, in its command lines.
	live = regexp.MustCompile(`(/[^\s"'=:]+)/live(?:/|$)`)

	// secretName is a name whose value is no business of others.
	secretName = regexp.MustCompile(`(?i)pass|pwd|secret|token|key|credential|auth|cookie|session|dsn|_url$|_uri$`)

	// secretPair is a name with such a value in free text.
	secretPair = regexp.MustCompile(`(?i)([\w-]*(?:passw|passwd|secret|token|api[_-]?key|credential|authorization|cookie)[\w-]*["']?\s*[=:]\s*["']?)((?:Bearer |Basic )?[^\s"'&,;]+)`)

	// userInfo is a name and a password in a URL.
	userInfo = regexp.MustCompile(`(\w://)[^\s/@"']+@`)

	envOverride    = regexp.MustCompile(`(?s)^((?:--set=)?app\.env(?:\.([^=.]+))?=)(.*)$`)
	headerOverride = regexp.MustCompile(`(?s)^((?:--set=)?traffic\.[^=]*headers[^=]*=)(.*)$`)
)

// harmless headers have no secrets.
var harmless = []string{"accept", "accept-encoding", "accept-language", "content-type", "host", "user-agent", "cache-control", "connection"}

// newWithholder looks at a run for what not to publish of it.
func newWithholder(run *rundir.Run, o Options) *withholder {
	w := &withholder{public: o.Public, names: map[string]bool{}, headers: map[string]bool{}}
	m := run.Manifest
	app := m.Scenario.App
	paths := append([]string{o.Home, run.Dir, app.Dir, app.Python, app.Venv, m.SourceName}, m.CommandLine...)
	w.folder(run.Dir, "{run}")
	for _, t := range run.Trials() {
		for _, role := range slices.Sorted(maps.Keys(t.Effective.Argv)) {
			paths = append(paths, t.Effective.Argv[role]...)
			for _, arg := range t.Effective.Argv[role] {
				if m := live.FindStringSubmatch(arg); m != nil {
					w.folder(m[1], "{run}") // of then: the run may have been moved
				}
			}
		}
	}
	w.folder(app.Venv, "{venv}")
	w.folder(app.Dir, "{app}")
	w.folder(filepath.Dir(m.SourceName), "{scenario}")
	w.folder(o.Home, "~")
	for _, path := range paths {
		if m := home.FindStringSubmatch(path); m != nil {
			w.folder(m[1], "~")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(app.Env)) {
		if value := app.Env[name]; !w.shown(name, value) && sensitive(name, value) {
			w.secrets = append(w.secrets, value)
		}
	}
	slices.SortStableFunc(w.secrets, func(a, b string) int { return len(b) - len(a) })
	return w
}

// sensitive tells whether a value is to be withheld wherever it is: by its name,
// or because it is long and has letters and digits, as keys have. Other values
// may be words that mean something else elsewhere.
func sensitive(name, value string) bool {
	return len(value) >= 4 && secretName.MatchString(name) ||
		len(value) >= 12 && strings.ContainsAny(value, "0123456789") && strings.ContainsFunc(value, unicode.IsLetter)
}

// folder has a folder replaced, if it is an absolute path. Longer ones have to
// be replaced first.
func (w *withholder) folder(path, stand string) {
	path = filepath.Clean(path)
	if !filepath.IsAbs(path) || path == "/" || slices.ContainsFunc(w.folders, func(f folder) bool { return f.path == path }) {
		return
	}
	if m := home.FindString(path); m == path {
		stand = "~"
	}
	left := ""
	if strings.Count(path, "/") == 1 { // as /root, which may end the path of another
		left = `(?:^|[^\w./~-])`
	}
	w.folders = append(w.folders, folder{path, regexp.MustCompile(`(` + left + `)` + regexp.QuoteMeta(path) + `(/|[^\w./-]|$)`), stand})
}

// shown tells whether the value of an environment variable is published: one
// that is made of placeholders, and one that the user or a built-in scenario
// has made public.
func (w *withholder) shown(name, value string) bool {
	switch value {
	case "", "{run}", "{data}", "{python}":
		return true
	}
	return w.public(name, value)
}

// text is a free text as it is published.
func (w *withholder) text(s string) string {
	for _, secret := range w.secrets {
		s = strings.ReplaceAll(s, secret, withheld)
	}
	s = userInfo.ReplaceAllString(s, "${1}"+withheld+"@")
	s = secretPair.ReplaceAllString(s, "${1}"+withheld)
	return w.paths(s)
}

// paths is a text without the folders of the user.
func (w *withholder) paths(s string) string {
	for _, f := range w.folders {
		s = f.at.ReplaceAllString(s, "${1}"+f.stand+"${2}")
	}
	return s
}

// system are the folders of which paths are published: every machine has them.
var system = []string{"/usr/", "/bin/", "/sbin/", "/lib/", "/opt/", "/etc/", "/dev/", "/proc/", "/sys/", "/run/", "/var/", "/tmp/"}

// args are the arguments of a command line as they are published.
func (w *withholder) args(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		if m := envOverride.FindStringSubmatch(a); m != nil && !(m[2] != "" && w.shown(m[2], m[3])) {
			if m[2] != "" {
				w.names[m[2]] = true
			}
			out[i] = m[1] + withheld
			continue
		}
		if m := headerOverride.FindStringSubmatch(a); m != nil {
			out[i] = m[1] + withheld
			continue
		}
		if i > 0 && strings.HasPrefix(args[i-1], "-") && !strings.Contains(args[i-1], "=") && secretPair.MatchString(args[i-1]+"=x") {
			out[i] = withheld
			continue
		}
		flag, value, ok := strings.Cut(w.text(a), "=")
		if !ok || !strings.HasPrefix(flag, "-") {
			out[i] = place(w.text(a))
			continue
		}
		out[i] = flag + "=" + place(value)
	}
	return out
}

// place is a path of which only the last part is published, unless it is one of
// the system.
func place(path string) string {
	if !filepath.IsAbs(path) || slices.ContainsFunc(system, func(s string) bool { return strings.HasPrefix(path, s) }) {
		return path
	}
	return "…/" + filepath.Base(path)
}

// manifest is the manifest as it is published.
func (w *withholder) manifest(m rundir.Manifest) (rundir.Manifest, error) {
	m.CommandLine = w.args(m.CommandLine)
	if len(m.CommandLine) > 0 {
		m.CommandLine[0] = filepath.Base(m.CommandLine[0])
	}
	m.Overrides = w.args(m.Overrides)
	m.SourceName = place(w.paths(m.SourceName))
	var err error
	if m.Source, err = w.source(m.Source); err != nil {
		return m, err
	}
	if m.Scenario, err = w.scenario(m.Scenario); err != nil {
		return m, err
	}
	m.Host = ofHost(m.Host)
	m.Missing = maps.Clone(m.Missing)
	for name, why := range m.Missing {
		m.Missing[name] = w.text(why)
	}
	m.Notes = w.texts(m.Notes)
	return m, nil
}

// ofHost is a host as it is published: without its name.
func ofHost(h rundir.Host) rundir.Host {
	if h.Hostname != "" {
		h.Hostname = withheld
	}
	return h
}

func (w *withholder) texts(all []string) []string {
	out := slices.Clone(all)
	for i := range out {
		out[i] = w.text(out[i])
	}
	return out
}

// scenario is the resolved scenario as it is published. What plans the load and
// the cells is left as it is.
func (w *withholder) scenario(s scenarios.Scenario) (out scenarios.Scenario, err error) {
	b, err := json.Marshal(s)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(b, &out); err != nil { // a copy that shares nothing
		return s, err
	}
	a := &out.App
	for name, value := range a.Env {
		if a.Env[name] = value; !w.shown(name, value) {
			a.Env[name], w.names[name] = withheld, true
		}
	}
	for _, path := range []*string{&a.Dir, &a.Python, &a.Venv} {
		*path = place(w.paths(*path))
	}
	for i := range a.Static {
		a.Static[i].Dir = place(w.paths(a.Static[i].Dir))
	}
	for i := range a.Prepare {
		a.Prepare[i] = w.args(a.Prepare[i])
	}
	out.Target = userInfo.ReplaceAllString(out.Target, "${1}"+withheld+"@")
	for i := range out.Traffic.Requests {
		for name := range out.Traffic.Requests[i].Headers {
			if !slices.Contains(harmless, strings.ToLower(name)) {
				out.Traffic.Requests[i].Headers[name], w.headers[name] = withheld, true
			}
		}
	}
	if shape := out.Traffic.Shape; shape != nil && shape.File != "" {
		shape.File = filepath.Base(shape.File)
	}
	return out, nil
}

// source is the scenario as its author wrote it, as it is published: in a YAML
// file with values withheld, only those differ, and the layout.
func (w *withholder) source(text string) (string, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return "", fmt.Errorf("read the scenario of the run: %w", err)
	}
	changed := false
	replace := func(n *yaml.Node, value string) {
		if n.Value != value {
			n.SetString(value)
			changed = true
		}
	}
	if len(doc.Content) == 1 {
		root := doc.Content[0]
		each(field(field(root, "app"), "env"), func(name string, value *yaml.Node) {
			if !w.shown(name, value.Value) {
				replace(value, withheld)
			}
		})
		w.commands(field(field(root, "app"), "prepare"), replace)
		if requests := field(field(root, "traffic"), "requests"); requests != nil {
			for _, r := range requests.Content {
				each(field(r, "headers"), func(name string, value *yaml.Node) {
					if !slices.Contains(harmless, strings.ToLower(name)) {
						replace(value, withheld)
					}
				})
			}
		}
	}
	if changed {
		b, err := yaml.Marshal(&doc)
		if err != nil {
			return "", fmt.Errorf("write the scenario of the run: %w", err)
		}
		text = string(b)
	}
	for _, secret := range w.secrets {
		text = strings.ReplaceAll(text, secret, withheld)
	}
	return w.paths(userInfo.ReplaceAllString(text, "${1}"+withheld+"@")), nil
}

// commands withholds what is secret in the commands of a list: each is a text,
// or a list of arguments.
func (w *withholder) commands(list *yaml.Node, replace func(n *yaml.Node, value string)) {
	if list == nil {
		return
	}
	for _, n := range list.Content {
		if n.Kind == yaml.ScalarNode {
			replace(n, strings.Join(w.args(strings.Split(n.Value, " ")), " "))
			continue
		}
		args := make([]string, len(n.Content))
		for i, a := range n.Content {
			args[i] = a.Value
		}
		for i, a := range w.args(args) {
			replace(n.Content[i], a)
		}
	}
}

// field is the value of a key of a mapping; nil when there is none.
func field(n *yaml.Node, key string) (found *yaml.Node) {
	each(n, func(name string, value *yaml.Node) {
		if name == key {
			found = value
		}
	})
	return found
}

// each visits the entries of a mapping; nothing else has any.
func each(n *yaml.Node, visit func(key string, value *yaml.Node)) {
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		visit(n.Content[i].Value, n.Content[i+1])
	}
}

// trial is a trial as it is published.
func (w *withholder) trial(t rundir.Trial) rundir.Trial {
	t.Failure, t.Broken, t.Unlimited = w.text(t.Failure), w.text(t.Broken), w.text(t.Unlimited)
	t.Effective.Argv = maps.Clone(t.Effective.Argv)
	for role, argv := range t.Effective.Argv {
		t.Effective.Argv[role] = w.args(argv)
	}
	if t.Placed != nil {
		p := *t.Placed
		p.Generators = slices.Clone(p.Generators)
		for i := range p.Generators {
			if p.Generators[i].Hostname != "" {
				p.Generators[i].Hostname = withheld
			}
		}
		t.Placed = &p
	}
	return t
}

// told says what is withheld, a sentence each.
func (w *withholder) told() (out []string) {
	if names := slices.Sorted(maps.Keys(w.names)); len(names) > 0 {
		out = append(out, "Values of environment variables: "+strings.Join(names, ", ")+".")
	}
	if names := slices.Sorted(maps.Keys(w.headers)); len(names) > 0 {
		out = append(out, "Values of request headers: "+strings.Join(names, ", ")+".")
	}
	return append(out,
		"The names of hosts, and the folders of their users: {run} stands for the run directory, {app}, {venv} and {scenario} for those of the application, its virtualenv and the scenario, ~ for a home.",
		"The application's code, its data and its static files, and whole logs. The reports hold the end of the log of a trial that failed.",
		"Passwords in URLs, and what follows the words password, secret, token, key, credential, authorization and cookie in logs, command lines and configurations.",
	)
}
