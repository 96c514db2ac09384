package attack

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"sweetspot/runner/rundir"
)

// fault is what is wrong with a response. Its texts are a bounded set: they
// hold no address, port or number other than a status or an errno.
type fault uint16

const (
	good fault = iota
	timedOut
	refused
	reset
	closed
	truncated
	malformed
	noPort
	noFile
	unsent    // the attack ended before the hit left; it does not count
	cancelled // by the end of the attack
	wrongLength
	wrongBody
	wrongSum
	stale
	streamReset
	notHTTP2
	noTLS
	refusedTLS
	handshake
	unknownCA
	otherHost
	badCertificate
	unknown

	status fault = 1000 // + the status code: not the expected one
	errno  fault = 2000 // + the errno: another error of a socket
)

var faultNames = map[fault]string{
	timedOut:    "timeout",
	refused:     "connection refused",
	reset:       "connection reset",
	closed:      "connection closed without an answer",
	truncated:   "truncated body",
	malformed:   "malformed response",
	noPort:      rundir.FaultNoPort,
	noFile:      rundir.FaultNoFile,
	cancelled:   "cancelled at the end of the attack",
	wrongLength: "wrong length",
	wrongBody:   "wrong body",
	wrongSum:    "wrong checksum",
	stale:       "kept-alive connection closed without an answer",
	streamReset: "HTTP/2 stream reset",
	notHTTP2:    "HTTP/1.1 instead of HTTP/2",
	noTLS:       "no TLS in the answer to its handshake",
	refusedTLS:  "TLS refused by the server",
	handshake:   "TLS handshake failed",
	unknownCA:   "certificate signed by an unknown authority",
	otherHost:   "certificate for another host",
	unknown:     "other error",

	badCertificate: "certificate not valid",
}

// String returns the text of the fault; "" when there is none.
func (f fault) String() string {
	switch {
	case f >= errno:
		return syscall.Errno(f - errno).Error()
	case f >= status:
		return fmt.Sprintf("status %d", uint16(f-status))
	}
	return faultNames[f]
}

// faultOf names the error of a request that got no whole response.
func faultOf(err error) fault {
	var number syscall.Errno
	var network net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return timedOut
	case errors.As(err, &number):
		return faultOfErrno(number)
	case errors.Is(err, errRepeated):
		return stale
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		strings.Contains(err.Error(), "server closed idle connection"), // net/http does not export them
		strings.Contains(err.Error(), "GOAWAY"):
		return closed
	case strings.Contains(err.Error(), "stream error"):
		return streamReset
	case strings.Contains(err.Error(), "malformed"),
		strings.Contains(err.Error(), "transport connection broken"), // net/http's name for all that it cannot read
		strings.Contains(err.Error(), "chunk"):
		return malformed
	}
	return faultOfTLS(err)
}

// faultOfTLS is faultOf for an error of a TLS handshake, and unknown for any
// other.
func faultOfTLS(err error) fault {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var operation *net.OpError
	switch {
	case errors.As(err, &authority):
		return unknownCA
	case errors.As(err, &host):
		return otherHost
	case errors.As(err, &certificate):
		return badCertificate
	case errors.As(err, &record):
		return noTLS
	case errors.As(err, &operation) && operation.Op == "remote error": // an alert
		return refusedTLS
	case strings.Contains(err.Error(), "tls: "):
		return handshake
	}
	return unknown
}

func faultOfErrno(number syscall.Errno) fault {
	switch number {
	case syscall.ECONNREFUSED:
		return refused
	case syscall.ECONNRESET, syscall.EPIPE:
		return reset
	case syscall.EADDRNOTAVAIL, syscall.EADDRINUSE:
		return noPort
	case syscall.EMFILE, syscall.ENFILE:
		return noFile
	}
	return errno + fault(number)
}

// faultOfBody is faultOf for an error after the response's headers.
func faultOfBody(err error) fault {
	if f := faultOf(err); f != closed {
		return f
	}
	return truncated
}
