package live

import (
	"fmt"
	"net"
)

// Listen listens at an address as Serve takes it, and tells whether other machines
// can reach it.
func Listen(address string) (_ net.Listener, open bool, err error) {
	host, port, err := split(address)
	if err != nil {
		return nil, false, err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host.String(), port))
	if err != nil {
		return nil, false, fmt.Errorf("serve at %s: %w: choose another address, or port 0 for one that is free", address, err)
	}
	return l, !host.IsLoopback(), nil
}
