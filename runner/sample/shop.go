package sample

import (
	"os"
	"slices"
	"strings"
)

// module is a Python module and Debian's package of it.
type module struct{ name, debian string }

// shopModules are what the scenario django-shop imports, all in one
// interpreter.
var shopModules = []module{
	{"gunicorn", "gunicorn"},
	{"django", "python3-django"},
	{"whitenoise", "python3-whitenoise"},
}

// shopCheck says what the scenario django-shop lacks and the command that
// installs it.
func shopCheck(pythons []interpreter, nginx, apt bool) Check {
	lacks := shopLacks(pythons)
	if nginx && len(lacks) == 0 {
		return Check{Name: "scenario django-shop", Value: "ready"}
	}
	var missing, packages []string
	if !nginx {
		missing, packages = append(missing, "nginx"), append(packages, "nginx")
	}
	for _, m := range lacks {
		missing, packages = append(missing, m.name), append(packages, m.debian)
	}
	c := Check{
		Name:    "scenario django-shop",
		Value:   "not ready",
		Problem: "missing: " + strings.Join(missing, ", "),
		Remedy:  "apt-get install --no-install-recommends " + strings.Join(packages, " "),
	}
	if !apt {
		c.Remedy = withoutApt(nginx, len(lacks) > 0)
	} else if os.Geteuid() != 0 {
		c.Remedy = "sudo " + c.Remedy
	}
	return c
}

// shopLacks returns what the interpreter that comes nearest lacks: one that
// has all, else the system's, which is the one that apt completes.
func shopLacks(pythons []interpreter) []module {
	least := shopModules
	for _, p := range pythons {
		lacks := slices.DeleteFunc(slices.Clone(shopModules), func(m module) bool { return p.Modules[m.name] != "" })
		if len(lacks) == 0 {
			return nil
		}
		if isSystemPython(p.Asked) {
			least = lacks
		}
	}
	return least
}

func withoutApt(nginx, modules bool) string {
	var steps []string
	if !nginx {
		steps = append(steps, "install nginx with the system's package manager")
	}
	if modules {
		// A new virtualenv has none of them, whatever the interpreter at hand has.
		steps = append(steps, "python3 -m venv venv && venv/bin/pip install gunicorn django whitenoise, and name it in the scenario's app.venv")
	}
	return strings.Join(steps, "; ")
}
