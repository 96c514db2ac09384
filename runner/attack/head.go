package attack

import "bytes"

// head is what reading a response takes of its status line and its headers.
type head struct {
	code    int
	minor   int   // of HTTP/1
	length  int64 // of the body, as the headers say; -1: they do not
	chunked bool
	close   bool // the connection ends with the response
}

const versionOne = "HTTP/1."

// headEnd returns the length of the header block that b begins with, the empty
// line at its end included; 0 when that has not come yet.
func headEnd(b []byte) int {
	for i := 0; ; {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return 0
		}
		i += n + 1
		switch {
		case i < len(b) && b[i] == '\n':
			return i + 1
		case i+1 < len(b) && b[i] == '\r' && b[i+1] == '\n':
			return i + 2
		}
	}
}

// parseHead parses a whole header block. ok is false for all that is not plain:
// then net/http has to judge, which knows what to forgive and what not.
func parseHead(b []byte) (h head, ok bool) {
	line, b, ok := cutLine(b)
	if !ok || len(line) < 12 || string(line[:len(versionOne)]) != versionOne || line[8] != ' ' || len(line) > 12 && line[12] != ' ' {
		return h, false
	}
	h.minor, h.length = int(line[7]-'0'), -1
	code, ok := decimal(line[9:12])
	if !ok || h.minor > 1 {
		return h, false
	}
	h.code = int(code)
	var closes, keeps, encoded bool
	for {
		if line, b, ok = cutLine(b); !ok {
			return h, false
		}
		if len(line) == 0 {
			break
		}
		name, value, ok := header(line)
		if !ok {
			return h, false
		}
		switch {
		case is(name, "content-length"):
			if h.length >= 0 {
				return h, false
			}
			if h.length, ok = decimal(value); !ok {
				return h, false
			}
		case is(name, "transfer-encoding"):
			if encoded || !is(value, "chunked") {
				return h, false
			}
			encoded, h.chunked = true, true
		case is(name, "connection"):
			switch {
			case is(value, "close"):
				closes = true
			case is(value, "keep-alive"):
				keeps = true
			default:
				return h, false
			}
		case is(name, "trailer"):
			return h, false
		}
	}
	if h.chunked && (h.length >= 0 || h.minor == 0) {
		return h, false
	}
	h.close = closes || h.minor == 0 && !keeps
	return h, true
}

// cutLine cuts the line off that b begins with; ok is false when it does not
// end in CR LF.
func cutLine(b []byte) (line, rest []byte, ok bool) {
	n := bytes.IndexByte(b, '\n')
	if n < 1 || b[n-1] != '\r' {
		return nil, nil, false
	}
	return b[:n-1], b[n+1:], true
}

// header returns the name and the value of a header; ok is false for a folded
// one, and for bytes that neither may hold.
func header(line []byte) (name, value []byte, ok bool) {
	colon := bytes.IndexByte(line, ':')
	if colon < 1 {
		return nil, nil, false
	}
	for _, c := range line[:colon] {
		if !tokenByte[c] {
			return nil, nil, false
		}
	}
	for _, c := range line[colon+1:] {
		if c < ' ' && c != '\t' || c == 0x7f {
			return nil, nil, false
		}
	}
	return line[:colon], bytes.Trim(line[colon+1:], " \t"), true
}

// tokenByte are the bytes of a header's name: RFC 9110, section 5.6.2.
var tokenByte = func() (is [256]bool) {
	for _, c := range "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		is[c] = true
	}
	return is
}()

// is compares without regard to the case of ASCII letters; want is in small
// ones.
func is(b []byte, want string) bool {
	if len(b) != len(want) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != want[i] {
			return false
		}
	}
	return true
}

// decimal parses a number of 1 to 18 digits and nothing else.
func decimal(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, true
}
