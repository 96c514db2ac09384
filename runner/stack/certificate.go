package stack

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// serverName is what certificates are made out to and clients ask for.
const serverName = "localhost"

// A certificate is what a proxy shows its clients, signed by an authority that
// exists for this start only.
type certificate struct {
	chain, key string // paths of PEM files
	both       string // chain and key in one PEM file, as HAProxy reads them
	client     *tls.Config
}

// newCertificate makes an authority, and a certificate by it, in dir.
func newCertificate(dir string) (*certificate, error) {
	c := &certificate{
		chain: filepath.Join(dir, "tls.crt"), key: filepath.Join(dir, "tls.key"), both: filepath.Join(dir, "tls.pem"),
	}
	authority, err := template("sweetspot run authority")
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	authority.IsCA, authority.KeyUsage = true, x509.KeyUsageCertSign
	leaf, err := template(serverName)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	leaf.DNSNames, leaf.IPAddresses = []string{serverName}, []net.IP{net.IPv4(127, 0, 0, 1)}
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	if err := c.sign(authority, leaf); err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	return c, nil
}

func template(name string) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(10 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}, nil
}

// sign writes the files and sets what clients verify by. The authority's key
// is forgotten.
func (c *certificate) sign(authority, leaf *x509.Certificate) error {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	root, err := x509.CreateCertificate(rand.Reader, authority, authority, &caKey.PublicKey, caKey)
	if err != nil {
		return err
	}
	signed, err := x509.CreateCertificate(rand.Reader, leaf, authority, &key.PublicKey, caKey)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	trusted, err := x509.ParseCertificate(root)
	if err != nil {
		return err
	}
	pool.AddCert(trusted)
	c.client = &tls.Config{RootCAs: pool, ServerName: serverName}
	chainPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	return errors.Join(
		os.WriteFile(c.chain, chainPEM, 0o644),
		os.WriteFile(c.key, keyPEM, 0o600),
		os.WriteFile(c.both, append(chainPEM, keyPEM...), 0o600),
	)
}
