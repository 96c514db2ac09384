package stack

import "sweetspot/scenarios"

// runserver is Django's development server, measured as the warning that it
// is: it starts a thread a connection, logs every request, and has no
// configuration for production. It runs what the settings name as
// WSGI_APPLICATION.
var runserver = server{
	name: "django-runserver", interfaces: []string{scenarios.WSGI}, modules: []string{"django"},
	single: true, tcpOnly: true,
	applies: func(s *scenarios.Scenario, _ scenarios.Cell) string {
		if s.App.Env[djangoSettings] == "" {
			return "django-runserver needs " + djangoSettings + " in app.env"
		}
		return ""
	},
	plan: func(s site) plan {
		return plan{
			argv: []string{s.app.Python, "-m", "django", "runserver", "--noreload", s.listen.address},
			dir:  s.app.Dir,
		}
	},
}

// djangoSettings is the variable that names a Django project's settings.
const djangoSettings = "DJANGO_SETTINGS_MODULE"
