package hub

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	authorityYears = 10
	keyYears       = 1
	backdated      = 24 * time.Hour // a clock may be behind by that
)

func authorityFile(dir string) string { return filepath.Join(dir, "ca.pem") }
func secretFile(dir string) string    { return filepath.Join(dir, "ca-key.pem") }
func hubFile(dir string) string       { return filepath.Join(dir, hubRole+".pem") }

// authority signs keys.
type authority struct {
	dir    string
	secret crypto.Signer
	cert   *x509.Certificate
}

// Init makes the keys that a fleet begins with, in dir: the authority, the
// hub's key, which is for hosts (names and IP addresses that agents reach it
// by), and a controller's. What is there already is never overwritten: an
// authority and a controller's key are kept, a hub's key is an error. The hub
// needs hub.pem only; who holds ca-key.pem may issue keys.
func Init(dir string, hosts []string) error {
	if len(hosts) == 0 {
		return errors.New("keys of a hub: no host; name those that agents reach it by")
	}
	if _, err := os.Lstat(hubFile(dir)); err == nil {
		return fmt.Errorf("%s exists and will not be overwritten; move it away to make another one with the same authority", hubFile(dir))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keys of a hub: %w", err)
	}
	a, err := readAuthority(dir)
	if errors.Is(err, fs.ErrNotExist) {
		a, err = newAuthority(dir)
	}
	if err != nil {
		return err
	}
	if _, err := a.issue(Identity{Name: hubRole, Role: hubRole}, hosts); err != nil {
		return err
	}
	if _, err := a.issue(Identity{Name: Controller, Role: Controller}, nil); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Issue makes the key of one agent or controller, the file dir/name.pem, and
// returns its path. Site is empty for a controller.
func Issue(dir, name, role, site string) (file string, err error) {
	id := Identity{Name: name, Role: role, Site: site}
	if err := id.check(); err != nil {
		return "", fmt.Errorf("issue a key: %w", err)
	}
	if role == hubRole || name == hubRole || name == "ca" || name == "ca-key" {
		return "", fmt.Errorf("issue a key: name %q, role %q: that is the hub's or the authority's own, which hub init makes", name, role)
	}
	a, err := readAuthority(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("issue a key: %w; sweetspot hub init --pki %s makes the authority", err, dir)
	}
	if err != nil {
		return "", err
	}
	return a.issue(id, nil)
}

// issue signs a key of keyYears; with hosts it is also a server's.
func (a authority) issue(id Identity, hosts []string) (string, error) {
	now := time.Now()
	return a.sign(id, hosts, now.Add(-backdated), now.AddDate(keyYears, 0, 0))
}

func (a authority) sign(id Identity, hosts []string, from, until time.Time) (string, error) {
	cert := template(id.subject(), from, until)
	cert.KeyUsage = x509.KeyUsageDigitalSignature
	cert.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if len(hosts) > 0 {
		cert.ExtKeyUsage = append(cert.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			cert.IPAddresses = append(cert.IPAddresses, ip)
		} else {
			cert.DNSNames = append(cert.DNSNames, host)
		}
	}
	secret, text, err := newSecret()
	if err != nil {
		return "", err
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, secret.Public(), a.secret)
	if err != nil {
		return "", fmt.Errorf("sign the key of %s: %w", id, err)
	}
	file := filepath.Join(a.dir, id.Name+".pem")
	return file, writeNew(file, text, encode("CERTIFICATE", der), encode("CERTIFICATE", a.cert.Raw))
}

func newAuthority(dir string) (authority, error) {
	a := authority{dir: dir}
	secret, text, err := newSecret()
	if err != nil {
		return a, err
	}
	now := time.Now()
	cert := template(pkix.Name{}, now.Add(-backdated), now.AddDate(authorityYears, 0, 0))
	cert.Subject.CommonName = fmt.Sprintf("sweetspot %x", cert.SerialNumber) // no other authority has that name
	cert.KeyUsage = x509.KeyUsageCertSign
	cert.IsCA, cert.MaxPathLenZero = true, true
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, secret.Public(), secret)
	if err != nil {
		return a, fmt.Errorf("make an authority: %w", err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return a, fmt.Errorf("make an authority: %w", err)
	}
	a.secret = secret
	if err := writeNew(authorityFile(dir), encode("CERTIFICATE", der)); err != nil {
		return a, err
	}
	if err := writeNew(secretFile(dir), text); err != nil {
		return a, errors.Join(err, os.Remove(authorityFile(dir)))
	}
	return a, nil
}

// readAuthority reads what newAuthority made; fs.ErrNotExist: there is none.
func readAuthority(dir string) (authority, error) {
	a := authority{dir: dir}
	der, err := readBlock(authorityFile(dir), "CERTIFICATE")
	if err != nil {
		return a, err
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return a, fmt.Errorf("authority %s: %w", authorityFile(dir), err)
	}
	if der, err = readBlock(secretFile(dir), "EC PRIVATE KEY"); err != nil {
		return a, err
	}
	secret, err := x509.ParseECPrivateKey(der)
	if err != nil {
		return a, fmt.Errorf("authority %s: %w", secretFile(dir), err)
	}
	if !secret.PublicKey.Equal(a.cert.PublicKey) {
		return a, fmt.Errorf("authority %s: %s is the key of another one", authorityFile(dir), secretFile(dir))
	}
	a.secret = secret
	return a, nil
}

func readBlock(file, kind string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != kind {
		return nil, fmt.Errorf("authority %s: holds no %s in PEM", file, strings.ToLower(kind))
	}
	return block.Bytes, nil
}

// template is a certificate with a serial number that no other one has.
func template(subject pkix.Name, from, until time.Time) *x509.Certificate {
	serial := make([]byte, 16)
	_, _ = rand.Read(serial) // never fails
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial), Subject: subject, NotBefore: from, NotAfter: until,
		BasicConstraintsValid: true,
	}
}

// newSecret makes a private key, and its text.
func newSecret() (crypto.Signer, []byte, error) {
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a private key: %w", err)
	}
	der, err := x509.MarshalECPrivateKey(secret)
	if err != nil {
		return nil, nil, fmt.Errorf("make a private key: %w", err)
	}
	return secret, encode("EC PRIVATE KEY", der), nil
}

// writeNew writes a file that nobody else may read; fs.ErrExist: it is there.
func writeNew(file string, parts ...[]byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: %w and will not be overwritten; move it away, or choose another name", file, fs.ErrExist)
	}
	if err != nil {
		return fmt.Errorf("write a key: %w", err)
	}
	_, err = f.Write(slices.Concat(parts...))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write a key: %w", err), os.Remove(file))
	}
	return nil
}

// issued lists the keys of agents and controllers in dir, by name. Expired ones
// are among them: their owners are told so when they come.
func issued(dir string) ([]Identity, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.pem"))
	if err != nil {
		return nil, err
	}
	var ids []Identity
	for _, file := range files {
		if file == authorityFile(dir) || file == secretFile(dir) || file == hubFile(dir) {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("keys: %w", err)
		}
		k := Key{File: file}
		if err := k.parse(text); err != nil {
			return nil, fmt.Errorf("key %s: %w", file, err)
		}
		ids = append(ids, k.Identity)
	}
	return ids, nil
}
