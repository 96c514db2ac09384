package stack

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sweetspot/scenarios"
)

var nginx = proxy{
	name: "nginx", program: "nginx", uwsgi: true,
	plan: func(s site) plan {
		config := "nginx.conf"
		return plan{
			argv:  []string{s.machine.programs["nginx"], "-e", "stderr", "-p", s.dir + "/", "-c", filepath.Join(s.dir, config)},
			dir:   s.dir,
			files: map[string]string{config: nginxConfig(s)},
		}
	},
	winner: func(app *App, cell scenarios.Cell) (string, string) {
		return "nginx.conf", nginxWinner(productionSite(app, cell))
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

` + nginxUpstream(s) + `
    server {
` + nginxListen(s) + nginxLocations(s) + `    }
}
`
}

// nginxMedia is the table of media types, or the few that matter.
func nginxMedia(file string) string {
	if file != "" {
		return "    include " + nginxQuote(file) + ";\n    default_type application/octet-stream;\n"
	}
	var b strings.Builder
	b.WriteString("    types {\n")
	for _, m := range mediaTypes {
		fmt.Fprintf(&b, "        %s %s;\n", m.name, m.extensions)
	}
	b.WriteString("    }\n    default_type application/octet-stream;\n")
	return b.String()
}

// nginxUpstream names the application servers, and what to tell them about
// the connection: it stays open, ends with the request, or becomes a WebSocket.
func nginxUpstream(s site) string {
	var b strings.Builder
	b.WriteString("    upstream app {\n")
	if len(s.upstreams) > 1 {
		b.WriteString("        zone app 64k;  # one rotation for all workers\n")
	}
	for _, at := range s.upstreams {
		fmt.Fprintf(&b, "        server %s;\n", nginxQuote(nginxAddress(at)))
	}
	if s.uwsgi {
		b.WriteString("    }\n") // the protocol keeps no connections
		return b.String()
	}
	ordinary := "close"
	if n := s.settings.KeepAlive; n > 0 {
		ordinary = "''"
		fmt.Fprintf(&b, "        keepalive %d;  # of each nginx worker, idle, to all servers\n", n*len(s.upstreams))
		b.WriteString("        keepalive_requests 10000000;\n        keepalive_timeout 60s;\n")
	}
	fmt.Fprintf(&b, `    }
    map $http_upgrade $upstream_connection {
        default upgrade;
        '' %s;
    }
`, ordinary)
	return b.String()
}

func nginxAddress(at endpoint) string {
	if at.network == "unix" {
		return "unix:" + at.address
	}
	return at.address
}

func nginxListen(s site) string {
	switch {
	case s.cert == nil:
		return "        listen " + s.listen.address + ";\n"
	case s.settings.HTTP2 && s.machine.nginxHTTP2:
		return "        listen " + s.listen.address + " ssl;\n        http2 on;\n" + nginxTLS(s.cert)
	case s.settings.HTTP2:
		return "        listen " + s.listen.address + " ssl http2;\n" + nginxTLS(s.cert)
	}
	return "        listen " + s.listen.address + " ssl;\n" + nginxTLS(s.cert)
}

// nginxHasHTTP2 tells whether nginx has the directive http2: from 1.25.1.
func nginxHasHTTP2(path string) bool {
	var major, minor, patch int
	_, err := fmt.Sscanf(programVersion(context.Background(), path, versionFlags["nginx"]), "%d.%d.%d", &major, &minor, &patch)
	return err == nil && slices.Compare([]int{major, minor, patch}, []int{1, 25, 1}) >= 0
}

func nginxTLS(c *certificate) string {
	return `        ssl_certificate ` + nginxQuote(c.chain) + `;
        ssl_certificate_key ` + nginxQuote(c.key) + `;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache shared:tls:10m;
`
}

// nginxLocations serves the mounts from their folders and the rest from the application.
func nginxLocations(s site) string {
	var b strings.Builder
	for _, m := range s.app.Static {
		fmt.Fprintf(&b, "\n        location %s {\n            alias %s;\n        }\n",
			nginxQuote(m.URL), nginxQuote(strings.TrimSuffix(m.Dir, "/")+"/"))
	}
	protocol, pass := "proxy", nginxHTTP
	if s.uwsgi {
		protocol, pass = "uwsgi", nginxUWSGI
	}
	b.WriteString("\n        location / {\n" + pass)
	if !s.settings.Buffering {
		fmt.Fprintf(&b, "            %s_buffering off;\n            %s_request_buffering off;\n", protocol, protocol)
	}
	b.WriteString("        }\n")
	return b.String()
}

const nginxHTTP = `            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection $upstream_connection;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_read_timeout 1h;  # a held WebSocket may be silent for long
`

// nginxUWSGI has what nginx's own uwsgi_params has; headers go along by themselves.
const nginxUWSGI = `            uwsgi_pass app;
            uwsgi_param QUERY_STRING $query_string;
            uwsgi_param REQUEST_METHOD $request_method;
            uwsgi_param CONTENT_TYPE $content_type;
            uwsgi_param CONTENT_LENGTH $content_length;
            uwsgi_param REQUEST_URI $request_uri;
            uwsgi_param PATH_INFO $document_uri;
            uwsgi_param DOCUMENT_ROOT $document_root;
            uwsgi_param SERVER_PROTOCOL $server_protocol;
            uwsgi_param REQUEST_SCHEME $scheme;
            uwsgi_param HTTPS $https if_not_empty;
            uwsgi_param REMOTE_ADDR $remote_addr;
            uwsgi_param REMOTE_PORT $remote_port;
            uwsgi_param SERVER_PORT $server_port;
            uwsgi_param SERVER_NAME $server_name;
            uwsgi_param HTTP_X_FORWARDED_FOR $proxy_add_x_forwarded_for;
            uwsgi_param HTTP_X_FORWARDED_PROTO $scheme;
`

// nginxQuote quotes where the configuration language needs it. A dollar cannot
// be quoted there: nginx itself then says which variable it does not know.
func nginxQuote(s string) string {
	if !strings.ContainsAny(s, " \t\n;{}\"'\\#") {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func nginxWinner(s site) string {
	return `# Measured and recommended by sweetspot: ` + s.cell.String() + `
# Check the folders, the user and the server name.
` + productionSockets(s) + `
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

` + nginxUpstream(s) + `
    server {
        listen 80;
        server_name _;
` + nginxWinnerTLS(s) + nginxLocations(s) + `    }
}
`
}

// nginxWinnerTLS shows how to add TLS, with the protocols that were measured.
func nginxWinnerTLS(s site) string {
	listen := "listen 443 ssl;"
	if s.settings.HTTP2 {
		listen = "listen 443 ssl http2;  # from nginx 1.25.1: listen 443 ssl; http2 on;"
	}
	return `        # For TLS` + productionTLS(s) + `, in place of port 80:
        # ` + listen + `
        # ssl_certificate /etc/ssl/certs/` + s.app.name() + `.pem;
        # ssl_certificate_key /etc/ssl/private/` + s.app.name() + `.key;
        # ssl_protocols TLSv1.2 TLSv1.3;
        # ssl_session_cache shared:tls:10m;
`
}
