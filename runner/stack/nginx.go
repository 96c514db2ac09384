package stack

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"sweetspot/scenarios"
)

var nginx = proxy{
	name:    "nginx",
	program: "nginx",
	applies: func(cell scenarios.Cell, iface string) string {
		if iface == scenarios.Embedded {
			return "the embedded server runs direct or behind the embedded proxy, not behind nginx"
		}
		return ""
	},
	plan: func(s site) plan {
		config := "nginx.conf"
		return plan{
			argv:  []string{s.machine.nginx, "-e", "stderr", "-p", s.dir + "/", "-c", filepath.Join(s.dir, config)},
			dir:   s.dir,
			files: map[string]string{config: nginxConfig(s)},
		}
	},
	winner: func(app *App, cell scenarios.Cell) (string, string) {
		return "nginx.conf", nginxWinner(app, cell)
	},
}

func nginxConfig(s site) string {
	workers := "auto"
	if s.cpus > 0 {
		workers = strconv.Itoa(s.cpus) // auto counts the machine's CPUs, not ours
	}
	user := ""
	if s.machine.root {
		user = "user root;  # the files that it serves need not be readable for others\n"
	}
	tmp := filepath.Join(s.dir, "tmp")
	return "# " + s.cell.String() + "\n" + user +
		"worker_processes " + workers + ";\n" +
		`worker_rlimit_nofile 16384;
daemon off;
pid ` + nginxQuote(tmp+"/nginx.pid") + `;
error_log stderr error;

events {
    worker_connections 8192;
}

http {
` + nginxMedia(s.machine.mimeTypes) + `    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 75s;
    keepalive_requests 10000000;  # the default of 1000 would close connections in mid-measurement
    client_max_body_size 64m;
    client_body_temp_path ` + nginxQuote(tmp+"/client_body") + `;
    proxy_temp_path ` + nginxQuote(tmp+"/proxy") + `;
    fastcgi_temp_path ` + nginxQuote(tmp+"/fastcgi") + `;
    uwsgi_temp_path ` + nginxQuote(tmp+"/uwsgi") + `;
    scgi_temp_path ` + nginxQuote(tmp+"/scgi") + `;

` + nginxUpstream(s.upstream.address) + `
    server {
        listen ` + s.listen.address + `;
` + nginxLocations(s.app.Static) + `    }
}
`
}

// nginxMedia is the table of media types, or the few that matter.
func nginxMedia(file string) string {
	if file != "" {
		return "    include " + nginxQuote(file) + ";\n    default_type application/octet-stream;\n"
	}
	return `    types {
        text/html html;
        text/css css;
        text/plain txt;
        application/javascript js;
        application/json json;
        image/svg+xml svg;
        image/png png;
        image/jpeg jpg jpeg;
    }
    default_type application/octet-stream;
`
}

func nginxUpstream(socket string) string {
	return `    upstream app {
        server ` + nginxQuote("unix:"+socket) + `;
        keepalive 32;
        keepalive_requests 10000000;
        keepalive_timeout 60s;
    }
`
}

// nginxLocations serves the mounts from their folders and the rest from the application.
func nginxLocations(mounts []scenarios.Mount) string {
	var b strings.Builder
	for _, m := range mounts {
		fmt.Fprintf(&b, "\n        location %s {\n            alias %s;\n        }\n",
			nginxQuote(m.URL), nginxQuote(strings.TrimSuffix(m.Dir, "/")+"/"))
	}
	b.WriteString(`
        location / {
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
        }
`)
	return b.String()
}

// nginxQuote quotes where the configuration language needs it. A dollar cannot
// be quoted there: nginx itself then says which variable it does not know.
func nginxQuote(s string) string {
	if !strings.ContainsAny(s, " \t\n;{}\"'\\#") {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func nginxWinner(app *App, cell scenarios.Cell) string {
	mounts := make([]scenarios.Mount, len(app.Static))
	for i, m := range app.Static {
		mounts[i] = scenarios.Mount{URL: m.URL, Dir: app.productionDir(m)}
	}
	return `# Measured and recommended by sweetspot: ` + cell.String() + `
# Check the folders, the user and the server name; then add TLS.

user www-data;
worker_processes auto;
worker_rlimit_nofile 16384;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log warn;

events {
    worker_connections 8192;
}

http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log off;  # as measured
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 75s;
    client_max_body_size 64m;

` + nginxUpstream(productionSocket(app)) + `
    server {
        listen 80;
        server_name _;
` + nginxLocations(mounts) + `    }
}
`
}
