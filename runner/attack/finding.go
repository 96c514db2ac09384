package attack

import (
	"encoding/binary"
	"io"
)

// finding is what the transport knows of a hit and vegeta's result has no
// place for. It travels as the result's body, which nothing else needs: so it
// takes no lock, and no memory that grows with the attack.
type finding struct {
	fault  fault
	resent bool     // on another connection, because a kept one was closed before it answered
	queued bool     // if the hit was late, then because every worker was busy
	over   protocol // that the response came over
	in     uint64   // bytes of the body received
	out    uint64   // bytes of the body sent
}

const (
	findingSize = 20
	flagQueued  = 1
	flagResent  = 2
)

func (f finding) encode() (b [findingSize]byte) {
	binary.LittleEndian.PutUint16(b[0:], uint16(f.fault))
	if f.queued {
		b[2] = flagQueued
	}
	if f.resent {
		b[2] |= flagResent
	}
	b[3] = byte(f.over)
	binary.LittleEndian.PutUint64(b[4:], f.in)
	binary.LittleEndian.PutUint64(b[12:], f.out)
	return b
}

// decodeFinding is the inverse of encode. A result without a finding never
// came to the transport: its fault is unknown.
func decodeFinding(b []byte) finding {
	if len(b) != findingSize {
		return finding{fault: unknown}
	}
	return finding{
		fault:  fault(binary.LittleEndian.Uint16(b[0:])),
		queued: b[2]&flagQueued != 0,
		resent: b[2]&flagResent != 0,
		over:   protocol(b[3]),
		in:     binary.LittleEndian.Uint64(b[4:]),
		out:    binary.LittleEndian.Uint64(b[12:]),
	}
}

// findingBody reads as the record.
type findingBody struct {
	record [findingSize]byte
	read   int
}

func (b *findingBody) Read(p []byte) (int, error) {
	n := copy(p, b.record[b.read:])
	b.read += n
	if b.read == len(b.record) {
		return n, io.EOF
	}
	return n, nil
}

func (b *findingBody) Close() error { return nil }
