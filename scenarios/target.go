package scenarios

import (
	"net"
	"net/url"
	"strconv"
	"strings"
)

// TargetAddress returns where the scenario's target listens, as network and
// address to dial, the Host of the requests to it, and whether it speaks TLS.
// Without a target all are empty. The scenario must be valid.
func (s *Scenario) TargetAddress() (network, address, host string, tls bool) {
	u, err := parseTarget(s.Target)
	if err != nil {
		return "", "", "", false
	}
	tls = u.Scheme == "https"
	port := u.Port()
	switch {
	case port == "" && tls:
		port = "443"
	case port == "":
		port = "80"
	}
	return "tcp", net.JoinHostPort(u.Hostname(), port), u.Host, tls
}

const targetHint = "write scheme, host and port, as http://127.0.0.1:8000"

// parseTarget reads the address of a server: http or https, a host and perhaps
// a port, and nothing else.
func parseTarget(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || !strings.Contains(text, "://") || unsafeInPath(text) != "" {
		return nil, misfit{text, "is not the address of a server", targetHint}
	}
	number, err := strconv.ParseUint(u.Port(), 10, 16)
	isPort := err == nil && number > 0
	hasPort := strings.HasSuffix(u.Host, ":"+u.Port())
	switch {
	case !strings.HasPrefix(text, "http://") && !strings.HasPrefix(text, "https://"):
		return nil, misfit{text, "does not begin with http:// or https://", targetHint}
	case u.Hostname() == "":
		return nil, misfit{text, "names no host", targetHint}
	case hasPort && !isPort:
		return nil, misfit{text, "has no port from 1 to 65535", targetHint}
	case u.User != nil:
		return nil, misfit{text, "holds a user", "send an Authorization header with the requests instead"}
	case u.Path != "" && u.Path != "/":
		return nil, misfit{text, "holds a path", "write paths in traffic.requests; the target ends at the port"}
	case u.RawQuery != "" || u.ForceQuery:
		return nil, misfit{text, "holds a query", "write it in the paths of traffic.requests"}
	}
	return u, nil
}
