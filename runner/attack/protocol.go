package attack

import (
	"crypto/tls"
	"net/http"
)

// protocol is what a response came over, in a byte: the version of HTTP in the
// upper half, that of TLS in the lower one. It is 0 without a response.
type protocol uint8

// httpVersions are the versions of HTTP by their number in a protocol.
var httpVersions = [...]string{1: "HTTP/1.0", 2: "HTTP/1.1", 3: "HTTP/2.0", 4: "other HTTP"}

// protocolOf returns what was negotiated for a response.
func protocolOf(r *http.Response) protocol {
	version := 4
	switch {
	case r.ProtoMajor == 2:
		version = 3
	case r.ProtoMajor == 1 && r.ProtoMinor <= 1:
		version = 1 + r.ProtoMinor
	}
	p := protocol(version << 4)
	if r.TLS != nil {
		p |= protocol(r.TLS.Version & 0x0f) // 0x0304 is TLS 1.3
	}
	return p
}

// String returns the names of both versions, as "HTTP/2.0 TLS 1.3"; that of
// HTTP alone without TLS, and "" without a response.
func (p protocol) String() string {
	name := httpVersions[p>>4]
	if version := uint16(p & 0x0f); version != 0 {
		name += " " + tls.VersionName(0x0300|version)
	}
	return name
}

// protocolNamed is the protocol that has a name; 0 when none has.
func protocolNamed(name string) protocol {
	for version := range httpVersions {
		for secure := range 16 {
			if p := protocol(version<<4 | secure); version > 0 && p.String() == name {
				return p
			}
		}
	}
	return 0
}

// protocols counts responses by what they came over.
type protocols [256]uint64

func (p *protocols) add(over protocol) { p[over]++ }

// names returns the counts by name; nil when there was no response.
func (p *protocols) names() map[string]uint64 {
	var counts map[string]uint64
	for over, n := range p {
		if over == 0 || n == 0 {
			continue
		}
		if counts == nil {
			counts = map[string]uint64{}
		}
		counts[protocol(over).String()] = n
	}
	return counts
}
