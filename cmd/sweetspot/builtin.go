package main

import (
	"sweetspot/runner/sample"
	"sweetspot/runner/stack"
)

// choice is a built-in scenario with what had to be changed in it.
type choice struct {
	name  string
	sets  []string
	notes []string
}

// chooseBuiltIn picks the main job that this machine can do: the Django shop,
// without nginx where there is none, or the embedded stack where no Python has
// Django and gunicorn.
func chooseBuiltIn() choice {
	if python, _ := sample.FindPython("django", "gunicorn"); python == "" {
		return choice{name: "embedded-shop", notes: []string{
			"no Python with Django and gunicorn is here: measuring the embedded, synthetic stack instead of an application; to mend it: apt-get install gunicorn python3-django python3-whitenoise nginx",
		}}
	}
	c := choice{name: "django-shop"}
	if !stack.HasProxy("nginx") {
		c.sets = []string{"matrix.proxies=[direct]"}
		c.notes = []string{"nginx is not here: measuring without a proxy only; to mend it: apt-get install nginx"}
	}
	return c
}
