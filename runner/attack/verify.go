package attack

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"sync"

	"sweetspot/scenarios"
)

const readSize = 32 << 10

// verifier compares bodies with what is expected while they are read. It keeps
// none of them, and is safe for concurrent use.
type verifier struct {
	scratch sync.Pool // of *scratch
}

// newVerifier returns a verifier for texts of up to the given length.
func newVerifier(longest int) *verifier {
	v := &verifier{}
	v.scratch.New = func() any { return newScratch(longest) }
	return v
}

// verify reads body to its end and returns its length in bytes and what is
// wrong with it, if anything.
func (v *verifier) verify(body io.Reader, code int, want expectation) (n int64, f fault) {
	s := v.scratch.Get().(*scratch)
	defer v.scratch.Put(s)
	return s.verify(body, code, want)
}

// scratch is what reading one body takes.
type scratch struct {
	buf    []byte
	sum    hash.Hash
	digest [sha256.Size]byte
}

func newScratch(longest int) *scratch {
	return &scratch{buf: make([]byte, readSize+longest), sum: sha256.New()}
}

func (s *scratch) verify(body io.Reader, code int, want expectation) (n int64, f fault) {
	found := len(want.contains) == 0
	s.sum.Reset()
	kept := 0 // bytes of the last read that may begin the text
	for {
		m, err := body.Read(s.buf[kept : kept+readSize])
		n += int64(m)
		if want.sum != nil {
			s.sum.Write(s.buf[kept : kept+m])
		}
		if !found {
			have := s.buf[:kept+m]
			found = bytes.Contains(have, want.contains)
			kept = copy(s.buf, have[max(0, len(have)-len(want.contains)+1):])
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return n, faultOfBody(err)
		}
	}
	switch {
	case code != want.status:
		return n, status + fault(code)
	case want.length != nil && n != *want.length:
		return n, wrongLength
	case !found:
		return n, wrongBody
	case want.sum != nil && !bytes.Equal(s.sum.Sum(s.digest[:0]), want.sum):
		return n, wrongSum
	}
	return n, good
}

// expectation is scenarios.Expect, made ready for comparing.
type expectation struct {
	status   int
	length   *int64
	contains []byte
	sum      []byte // nil: any
}

func newExpectation(e scenarios.Expect) (expectation, error) {
	x := expectation{status: e.Status, length: e.Length, contains: []byte(e.Contains)}
	if x.status == 0 {
		x.status = 200
	}
	if e.SHA256 != "" {
		sum, err := hex.DecodeString(e.SHA256)
		if err != nil {
			return x, fmt.Errorf("sha256 %q: %w: write 64 hexadecimal digits", e.SHA256, err)
		}
		x.sum = sum
	}
	return x, nil
}

// or returns what x expects, and what other does of length and checksum where
// x says nothing.
func (x expectation) or(other expectation) expectation {
	if x.length == nil {
		x.length = other.length
	}
	if x.sum == nil {
		x.sum = other.sum
	}
	return x
}
