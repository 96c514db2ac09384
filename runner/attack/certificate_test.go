package attack

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"
)

// certified is the host that the certificates of tests are for, beside
// 127.0.0.1.
const certified = "shop.example"

// newCertificate makes a certificate signed by itself that ends at a time, and
// returns it with the configuration of a client that trusts it.
func newCertificate(t testing.TB, end time.Time) (tls.Certificate, *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "test"},
		NotBefore:    end.Add(-2 * time.Hour),
		NotAfter:     end,
		IsCA:         true,
		DNSNames:     []string{certified},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},

		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, &tls.Config{RootCAs: roots}
}

// pemOf returns the certificate and its key as nginx reads them.
func pemOf(t testing.TB, c tls.Certificate) []byte {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return append(
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
}

// listenTLS serves handler over TLS until the test ends, and negotiates only
// the given protocols: h2 and http/1.1.
func listenTLS(t testing.TB, handler http.HandlerFunc, offers ...string) (address string, client *tls.Config) {
	t.Helper()
	certificate, client := newCertificate(t, time.Now().Add(time.Hour))
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: offers}
	return serve(t, &http.Server{Handler: handler, TLSConfig: config}), client
}

// serve runs a server over TLS on a loopback port until the test ends.
func serve(t testing.TB, server *http.Server) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are to fail
	server.Protocols = &http.Protocols{}
	server.Protocols.SetHTTP1(slices.Contains(server.TLSConfig.NextProtos, "http/1.1"))
	server.Protocols.SetHTTP2(slices.Contains(server.TLSConfig.NextProtos, "h2"))
	served := make(chan error)
	go func() { served <- server.ServeTLS(l, "", "") }()
	t.Cleanup(func() { server.Close(); <-served })
	return l.Addr().String()
}
