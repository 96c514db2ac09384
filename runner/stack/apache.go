package stack

import (
	"fmt"
	"path/filepath"
	"strings"

	"sweetspot/scenarios"
)

// apache is Apache with mod_proxy. It hands requests and answers on as they
// come, so buffering makes no difference to it.
var apache = proxy{
	name: "apache", program: "apache2", user: apacheUser,
	plan: func(s site) plan {
		config := "apache.conf"
		return plan{
			argv:  []string{s.machine.programs["apache2"], "-d", s.dir, "-f", filepath.Join(s.dir, config), "-DFOREGROUND"},
			dir:   s.dir,
			files: map[string]string{config: apacheConfig(s)},
		}
	},
	winner: func(app *App, cell scenarios.Cell) (string, string) {
		return "apache-site.conf", apacheWinner(productionSite(app, cell))
	},
}

// apacheUser is who Apache becomes when root starts it: it refuses to serve as root.
const apacheUser = "www-data"

const apacheModules = "/usr/lib/apache2/modules"

// apacheEvent has room for thousands of requests at once, each of which takes
// a thread, as does a held WebSocket.
const apacheEvent = `StartServers 4
ServerLimit 32
ThreadLimit 128
ThreadsPerChild 128
MaxRequestWorkers 4096
MinSpareThreads 128
MaxSpareThreads 4096
MaxConnectionsPerChild 0
`

func apacheConfig(s site) string {
	tmp := filepath.Join(s.dir, "tmp")
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", s.cell)
	fmt.Fprintf(&b, "DefaultRuntimeDir %s\n", apacheQuote(tmp))
	fmt.Fprintf(&b, "PidFile %s\n", apacheQuote(tmp+"/apache.pid"))
	b.WriteString("Mutex pthread default\n")
	b.WriteString("ErrorLog /dev/stderr\nLogLevel error\n")
	b.WriteString("ServerName " + serverName + "\n")
	fmt.Fprintf(&b, "Listen %s\n", s.listen.address)
	for _, name := range apacheNeeds(s) {
		fmt.Fprintf(&b, "LoadModule %s_module %s/mod_%s.so\n", name, apacheModules, name)
	}
	if s.machine.root {
		fmt.Fprintf(&b, "User %s\nGroup %s\n", apacheUser, apacheUser)
	}
	b.WriteString("\n" + apacheEvent + "\n")
	b.WriteString("KeepAlive On\nKeepAliveTimeout 75\n")
	b.WriteString("# A limit would close connections in mid-measurement:\nMaxKeepAliveRequests 0\n")
	b.WriteString("EnableSendfile On\n")
	b.WriteString("TypesConfig /dev/null\n")
	for _, m := range mediaTypes {
		fmt.Fprintf(&b, "AddType %s %s\n", m.name, m.extensions)
	}
	b.WriteString(apacheTLS(s) + "\n" + apacheForward(s, ""))
	return b.String()
}

// apacheNeeds are the modules that a configuration needs beyond Apache's core.
func apacheNeeds(s site) []string {
	modules := []string{"mpm_event", "authz_core", "alias", "mime", "headers", "proxy", "proxy_http"}
	if len(s.upstreams) > 1 {
		modules = append(modules, "slotmem_shm", "proxy_balancer", "lbmethod_byrequests")
	}
	if s.cert != nil {
		modules = append(modules, "socache_shmcb", "ssl")
		if s.settings.HTTP2 {
			modules = append(modules, "http2")
		}
	}
	return modules
}

func apacheTLS(s site) string {
	if s.cert == nil {
		return ""
	}
	protocols := "http/1.1"
	if s.settings.HTTP2 {
		protocols = "h2 http/1.1"
	}
	return `
Protocols ` + protocols + `
SSLEngine On
SSLCertificateFile ` + apacheQuote(s.cert.chain) + `
SSLCertificateKeyFile ` + apacheQuote(s.cert.key) + `
SSLProtocol -all +TLSv1.2 +TLSv1.3
SSLSessionCache ` + apacheQuote("shmcb:"+filepath.Join(s.dir, "tmp", "tls")+"(1048576)") + `
`
}

// apacheForward serves the mounts from their folders and the rest from the application.
func apacheForward(s site, indent string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, indent+format+"\n", args...) }
	for _, m := range s.app.Static {
		dir := apacheQuote(strings.TrimSuffix(m.Dir, "/") + "/")
		line("Alias %s %s", apacheQuote(m.URL), dir)
		line("ProxyPass %s !", apacheQuote(m.URL))
		line("<Directory %s>", dir)
		line("    Require all granted")
		line("</Directory>")
	}
	line("ProxyPreserveHost On")
	line("RequestHeader set X-Forwarded-Proto expr=%%{REQUEST_SCHEME}")
	line("AllowEncodedSlashes NoDecode")
	line("# A held WebSocket may be silent for long:")
	line("ProxyTimeout 3600")
	line("# With retry=0 a refused connection does not shut the application out for a minute:")
	if len(s.upstreams) == 1 {
		line("ProxyPass / %s nocanon %s", apacheQuote(apacheAddress(s.upstreams[0], 1)+"/"), apacheConnections(s))
		return b.String()
	}
	// The balancer's own slash is the path's: a second one would make it //.
	line("<Proxy balancer://app>")
	for i, at := range s.upstreams {
		line("    BalancerMember %s %s", apacheQuote(apacheAddress(at, i+1)), apacheConnections(s))
	}
	line("    ProxySet lbmethod=byrequests")
	line("</Proxy>")
	line("ProxyPass / balancer://app/ nocanon")
	return b.String()
}

// apacheAddress names the n-th application server. Those on Unix sockets need
// host names of their own, by which Apache tells them apart.
func apacheAddress(at endpoint, n int) string {
	if at.network == "unix" {
		return fmt.Sprintf("unix:%s|http://app-%d", at.address, n)
	}
	return "http://" + at.address
}

// apacheConnections are the parameters of the connections to an application server.
func apacheConnections(s site) string {
	if s.settings.KeepAlive == 0 {
		return "retry=0 upgrade=websocket disablereuse=on"
	}
	return fmt.Sprintf("retry=0 upgrade=websocket smax=%d ttl=60", s.settings.KeepAlive)
}

func apacheQuote(s string) string {
	if !strings.ContainsAny(s, " \t\"'\\<>#") {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func apacheWinner(s site) string {
	var enable []string
	for _, name := range apacheNeeds(s) {
		if !strings.HasPrefix(name, "mpm_") {
			enable = append(enable, name)
		}
	}
	return `# Measured and recommended by sweetspot: ` + s.cell.String() + `
# Check the folders and the server name, then: a2enmod ` + strings.Join(enable, " ") + `
` + productionSockets(s) + `
` + apacheEvent + `
KeepAlive On
KeepAliveTimeout 75
MaxKeepAliveRequests 0

<VirtualHost *:80>
    ServerName example.org
    EnableSendfile On
` + apacheWinnerTLS(s) + `
` + apacheForward(s, "    ") + `</VirtualHost>
`
}

// apacheWinnerTLS shows how to add TLS, with the protocols that were measured.
func apacheWinnerTLS(s site) string {
	modules, protocols := "ssl", ""
	if s.settings.HTTP2 {
		modules, protocols = "ssl http2", "    # Protocols h2 http/1.1\n"
	}
	return `    # For TLS` + productionTLS(s) + `: a2enmod ` + modules + `, port 443 above, and:
    # SSLEngine On
    # SSLCertificateFile /etc/ssl/certs/` + s.app.name() + `.pem
    # SSLCertificateKeyFile /etc/ssl/private/` + s.app.name() + `.key
    # SSLProtocol -all +TLSv1.2 +TLSv1.3
` + protocols
}
