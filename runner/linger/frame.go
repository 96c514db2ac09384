package linger

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
)

// Opcodes of WebSocket frames (RFC 6455, 5.2).
const (
	continuation = 0x0
	text         = 0x1
	closing      = 0x8
	ping         = 0x9
	pong         = 0xA
)

// maxMessage is how many bytes a message may have. An echo has some thirty.
const maxMessage = 1 << 20

var (
	errMasked   = errors.New("frame of a server that is masked or has reserved bits: not RFC 6455")
	errTooLarge = errors.New("message larger than 1 MiB: name an endpoint that echoes what it gets")
)

// frame is a WebSocket frame as a server sends it.
type frame struct {
	op      byte
	final   bool // last of its message
	payload []byte
}

// parse returns the first frame in b and its length there; 0 when b holds only
// a part of it. The payload is a part of b.
func parse(b []byte) (f frame, length int, err error) {
	if len(b) < 2 {
		return frame{}, 0, nil
	}
	if b[0]&0x70 != 0 || b[1]&0x80 != 0 {
		return frame{}, 0, errMasked
	}
	head, size := 2, uint64(b[1])
	switch {
	case size == 126 && len(b) >= 4:
		head, size = 4, uint64(binary.BigEndian.Uint16(b[2:]))
	case size == 127 && len(b) >= 10:
		head, size = 10, binary.BigEndian.Uint64(b[2:])
	case size >= 126:
		return frame{}, 0, nil
	}
	if size > maxMessage {
		return frame{}, 0, errTooLarge
	}
	length = head + int(size)
	if len(b) < length {
		return frame{}, 0, nil
	}
	return frame{op: b[0] & 0x0F, final: b[0]&0x80 != 0, payload: b[head:length]}, length, nil
}

// appendFrame appends a whole message in one frame as a client sends it:
// masked. The payload is one of ours, or a control frame's: below 126 bytes.
func appendFrame(dst []byte, op byte, payload []byte) []byte {
	var mask [4]byte
	binary.NativeEndian.PutUint32(mask[:], rand.Uint32())
	dst = append(dst, 0x80|op, 0x80|byte(len(payload)))
	dst = append(dst, mask[:]...)
	for i, c := range payload {
		dst = append(dst, c^mask[i%4])
	}
	return dst
}
