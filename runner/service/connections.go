package service

import (
	"fmt"
	"os"
	"strings"
)

// Connections returns how many clients are connected now, those that wait to
// be accepted included, and the limit that the server has stated. It does not
// ask the server, which would cost a connection and the server's time: a
// server's end of a connection carries the path of its socket in the kernel's
// table. None of the servers connects to itself, so all are the application's.
// A connection counts until the server has closed its end.
func (s *Service) Connections() (seen, limit int, err error) {
	listening, seen, err := s.sockets()
	if err != nil {
		return 0, s.limit, err
	}
	if !listening {
		return 0, s.limit, fmt.Errorf("count the connections of %s: it does not listen on %s any more", s.driver.name, s.place.socket)
	}
	return seen, s.limit, nil
}

func (s *Service) sockets() (listening bool, connected int, err error) {
	table, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		return false, 0, fmt.Errorf("count the connections of %s: %w; mount /proc", s.driver.name, err)
	}
	listening, connected = count(string(table), s.place.socket)
	return listening, connected, nil
}

// count reads /proc/net/unix: Num RefCount Protocol Flags Type St Inode Path.
func count(table, path string) (listening bool, connected int) {
	const accepting = "00010000"
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) != 8 || f[7] != path {
			continue
		}
		if f[3] == accepting {
			listening = true
		} else {
			connected++
		}
	}
	return listening, connected
}
