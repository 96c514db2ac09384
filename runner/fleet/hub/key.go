package hub

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"sweetspot/runner/fleet/wire"
)

// Roles beside those of agents, which are in package wire.
const (
	Controller = "controller" // owns runs
	hubRole    = "hub"        // of the hubs' own certificate
)

// Identity is what a certificate says about its owner, in its subject: the name
// is the common name, the site the organisation, the role the unit.
type Identity struct {
	Name  string
	Role  string
	Site  string    // empty for a controller
	Until time.Time // the certificate holds
}

// String says who it is, for errors.
func (id Identity) String() string {
	if id.Site == "" {
		return fmt.Sprintf("%s %s", id.Role, id.Name)
	}
	return fmt.Sprintf("%s %s of site %s", id.Role, id.Name, id.Site)
}

// distinguished is the subject of its certificate as text.
func (id Identity) distinguished() string { return id.subject().String() }

func (id Identity) subject() pkix.Name {
	n := pkix.Name{CommonName: id.Name, OrganizationalUnit: []string{id.Role}}
	if id.Site != "" {
		n.Organization = []string{id.Site}
	}
	return n
}

func identify(cert *x509.Certificate) (Identity, error) {
	id := Identity{Name: cert.Subject.CommonName, Until: cert.NotAfter}
	if len(cert.Subject.OrganizationalUnit) == 1 {
		id.Role = cert.Subject.OrganizationalUnit[0]
	}
	if len(cert.Subject.Organization) == 1 {
		id.Site = cert.Subject.Organization[0]
	}
	return id, id.check()
}

func (id Identity) check() error {
	if err := wire.CheckName("name", id.Name); err != nil {
		return err
	}
	switch id.Role {
	case wire.Subject, wire.Generator, wire.Both:
		return wire.CheckName("site", id.Site)
	case Controller, hubRole:
		if id.Site != "" {
			return fmt.Errorf("%s %s: site %q: it is of no site", id.Role, id.Name, id.Site)
		}
		return nil
	}
	return fmt.Errorf("role %q: want %s, %s, %s or %s", id.Role, wire.Subject, wire.Generator, wire.Both, Controller)
}

// Key is one file of Init or Issue: the private key, its certificate, and the
// certificate of the authority that signed it.
type Key struct {
	Identity
	File  string
	cert  tls.Certificate
	roots *x509.CertPool
}

// ReadKey reads a key. One that has expired is an error, as is one that
// everybody may read.
func ReadKey(file string) (Key, error) {
	k := Key{File: file}
	info, err := os.Stat(file)
	if err != nil {
		return k, fmt.Errorf("key: %w; sweetspot hub issue makes one", err)
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return k, fmt.Errorf("key %s: everybody may read it (mode %04o); chmod 600 %[1]s, and issue another one if somebody has", file, mode)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return k, fmt.Errorf("key: %w", err)
	}
	if err := k.parse(text); err != nil {
		return k, fmt.Errorf("key %s: %w; sweetspot hub issue makes one", file, err)
	}
	if now := time.Now(); now.After(k.Until) {
		return k, fmt.Errorf("key %s of %s expired on %s; move it away and issue another: %s", file, k.Identity, k.Until.Format(time.DateOnly), k.issue())
	}
	return k, nil
}

// parse reads the private key, the certificate and, last, that of its authority.
func (k *Key) parse(text []byte) error {
	cert, err := tls.X509KeyPair(text, text)
	if err != nil {
		return err
	}
	if len(cert.Certificate) != 2 {
		return fmt.Errorf("holds %d certificates, want two: its own and that of the authority", len(cert.Certificate))
	}
	authority, err := x509.ParseCertificate(cert.Certificate[1])
	if err != nil {
		return err
	}
	k.roots = x509.NewCertPool()
	k.roots.AddCert(authority)
	cert.Certificate = cert.Certificate[:1]
	k.cert = cert
	k.Identity, err = identify(cert.Leaf)
	return err
}

// issue is the command that makes a key as this one.
func (k Key) issue() string {
	switch k.Role {
	case hubRole:
		return "sweetspot hub init --pki DIR --host HOST"
	case Controller:
		return fmt.Sprintf("sweetspot hub issue %s --role %s", k.Name, k.Role)
	}
	return fmt.Sprintf("sweetspot hub issue %s --role %s --site %s", k.Name, k.Role, k.Site)
}

// client is how the owner of the key calls a hub: TLS 1.3, and only one that
// the same authority signed.
func (k Key) client() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{k.cert}, RootCAs: k.roots}
}

// listener is how a hub is called: TLS 1.3, and only by who shows a certificate
// of the same authority.
func (k Key) listener() *tls.Config {
	c := k.client()
	c.ClientCAs, c.ClientAuth = k.roots, tls.RequireAndVerifyClientCert
	return c
}

// route is how hubs call each other. Agents are turned away: their keys are of
// the same authority.
func (k Key) route() *tls.Config {
	c := k.listener()
	c.VerifyConnection = func(state tls.ConnectionState) error {
		id, err := identify(state.PeerCertificates[0])
		if err == nil && id.Role != hubRole {
			err = fmt.Errorf("%s is no hub", id)
		}
		return err
	}
	return c
}

// readHubKey reads the key of the hub itself.
func readHubKey(dir string) (Key, error) {
	k, err := ReadKey(hubFile(dir))
	if errors.Is(err, os.ErrNotExist) {
		return k, fmt.Errorf("%s holds no key of a hub; sweetspot hub init --pki %[1]s --host HOST makes one", dir)
	}
	if err == nil && k.Role != hubRole {
		err = fmt.Errorf("key %s is that of %s, want a hub's; %s makes one", k.File, k.Identity, Key{Identity: Identity{Role: hubRole}}.issue())
	}
	return k, err
}

// hostsOf are the names and addresses that a certificate is for.
func hostsOf(cert *x509.Certificate) []string {
	hosts := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	return hosts
}

// encode is a PEM block.
func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
