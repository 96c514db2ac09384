package linger

import (
	"errors"
	"fmt"
	"time"
)

var errClosed = errors.New("the stack closed the WebSocket")

// session is an open WebSocket.
type session struct {
	link
	in   []byte // received and not parsed yet
	done int    // bytes of in that are parsed
	part []byte // of a message in several frames
	out  []byte // reused
}

// send sends one frame.
func (s *session) send(op byte, payload []byte) error {
	s.out = appendFrame(s.out[:0], op, payload)
	_, err := s.Write(s.out)
	return err
}

// receive returns the next message that comes before the connection's
// deadline; it is valid until the next call. Pings are answered meanwhile, and
// so is a close, which is the error errClosed then.
func (s *session) receive() ([]byte, error) {
	for {
		f, n, err := parse(s.in[s.done:])
		if err != nil {
			return nil, err
		}
		if n == 0 {
			if err := s.fill(); err != nil {
				return nil, err
			}
			continue
		}
		s.done += n
		if message, err := s.take(f); message != nil || err != nil {
			return message, err
		}
	}
}

// take handles one frame, and returns the message that it completes.
func (s *session) take(f frame) ([]byte, error) {
	switch {
	case f.op >= closing && len(f.payload) > 125:
		return nil, fmt.Errorf("control frame of %d bytes: not RFC 6455", len(f.payload))
	case f.op == ping:
		return nil, s.send(pong, f.payload)
	case f.op == pong:
		return nil, nil
	case f.op == closing:
		_ = s.send(closing, f.payload) // it is over in any case
		return nil, errClosed
	case f.op != continuation && f.final:
		return f.payload[:len(f.payload):len(f.payload)], nil
	case f.op != continuation:
		s.part = s.part[:0]
	}
	if len(s.part)+len(f.payload) > maxMessage {
		return nil, errTooLarge
	}
	s.part = append(s.part, f.payload...)
	if !f.final {
		return nil, nil
	}
	return s.part, nil
}

// fill reads what has come, behind what is not parsed yet.
func (s *session) fill() error {
	s.in = append(s.in[:0], s.in[s.done:]...)
	s.done = 0
	if len(s.in) == cap(s.in) {
		s.in = append(make([]byte, 0, max(256, 2*cap(s.in))), s.in...)
	}
	n, err := s.Read(s.in[len(s.in):cap(s.in)])
	s.in = s.in[:len(s.in)+n]
	if n > 0 {
		return nil // an error stays, and comes again
	}
	return err
}

// drain waits until the given time for nothing: what a server sends unasked is
// let pass.
func (s *session) drain(until time.Time) error {
	if err := s.SetDeadline(until); err != nil {
		return err
	}
	for {
		if _, err := s.receive(); err != nil {
			if timedOut(err) {
				return nil
			}
			return err
		}
	}
}
