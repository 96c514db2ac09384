package linger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
)

var errTLS = errors.New("TLS handshake failed")

// refusal is a handshake that was answered otherwise than with an upgrade.
type refusal string

func (r refusal) Error() string { return string(r) }

// reason names the error of a handshake. Its texts are a bounded set: they
// hold no address, port or number other than a status.
func reason(err error) string {
	var number syscall.Errno
	var said refusal
	switch {
	case errors.As(err, &said):
		return said.Error()
	case timedOut(err):
		return "timeout"
	case errors.As(err, &number):
		return reasonOfErrno(number)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed without an answer"
	case errors.Is(err, errTLS):
		return errTLS.Error()
	case strings.Contains(err.Error(), "malformed"): // net/http does not export it
		return "malformed response"
	}
	return "other error"
}

func reasonOfErrno(number syscall.Errno) string {
	switch number {
	case syscall.ECONNREFUSED:
		return "connection refused"
	case syscall.ECONNRESET, syscall.EPIPE:
		return "connection reset"
	case syscall.EAGAIN:
		return "listen queue full" // of a Unix socket: a TCP client waits instead
	}
	return number.Error()
}

// timedOut tells whether time ran out. A full queue of a Unix socket is no
// timeout, though package syscall calls it one.
func timedOut(err error) bool {
	var network net.Error
	if errors.Is(err, syscall.EAGAIN) {
		return false
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout()
}

// exhausted returns the error of a connection that this machine, not the
// stack, could not open, with its remedy; nil for any other.
func exhausted(err error) error {
	switch {
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return fmt.Errorf("%w: hold fewer connections, or raise the limit of open files with ulimit -n", err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w: no local port is free; hold fewer connections, or widen net.ipv4.ip_local_port_range", err)
	}
	return nil
}
