package linger

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"sweetspot/runner/process"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

func TestMain(m *testing.M) {
	process.Main()
	os.Exit(m.Run())
}

// virtual runs test on virtual time against a server that handles connections
// with serve. It reaches it over pipes: time stands still while anything can
// still run, so that times are exact and no load of the machine shows in them.
func virtual(t *testing.T, serve func(net.Conn), test func(t *testing.T, s Spec)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t, Spec{Network: "tcp", Address: "pipe:80", dial: func(context.Context) (net.Conn, error) {
			client, server := net.Pipe()
			go func() {
				defer server.Close()
				serve(server)
			}()
			return client, nil
		}})
	})
}

// start holds what the spec says until the test stops it, or ends.
func start(t *testing.T, s Spec) *Held {
	t.Helper()
	h, err := Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Stop() })
	return h
}

// silent takes everything and answers nothing.
func silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// closes closes every connection a while after it was opened.
func closes(after time.Duration) func(net.Conn) {
	return func(c net.Conn) {
		_ = c.SetReadDeadline(time.Now().Add(after))
		silent(c)
	}
}

// answers reads the head of a request and answers with the given text.
func answers(text string) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = io.WriteString(c, text)
		}
	}
}

// sockets100 are a hundred WebSockets that echo every 5 s.
var sockets100 = &scenarios.WebSockets{Connections: 100, Path: "/echo", Every: scenarios.Duration(5 * time.Second)}

// webSocket is the server's side of a WebSocket.
type webSocket struct {
	io.Writer
	in *bufio.Reader
}

// websockets upgrades connections and hands each message with its number to
// handle, until that returns false. Close frames end it too.
func websockets(handle func(s webSocket, n int, op byte, payload []byte) bool) func(net.Conn) {
	return func(c net.Conn) {
		s, err := upgraded(c)
		out := newQueue(c)
		defer out.close()
		s.Writer = out
		for n := 0; err == nil; n++ {
			var op byte
			var payload []byte
			if op, payload, err = s.read(); err == nil && (op == closing || !handle(s, n, op, payload)) {
				return
			}
		}
	}
}

// queue is a pipe's side that writes without waiting for the reader, as a
// socket does: else two sides that write at the same time would wait for ever.
type queue struct {
	waiting chan []byte
	done    chan struct{}
}

func newQueue(w io.Writer) queue {
	q := queue{waiting: make(chan []byte, 64), done: make(chan struct{})}
	go func() {
		defer close(q.done)
		for b := range q.waiting {
			_, _ = w.Write(b) // to a reader that is gone, if it fails
		}
	}()
	return q
}

func (q queue) Write(b []byte) (int, error) {
	q.waiting <- bytes.Clone(b)
	return len(b), nil
}

// close returns once all is written.
func (q queue) close() {
	close(q.waiting)
	<-q.done
}

// upgraded answers the handshake on a connection.
func upgraded(c net.Conn) (webSocket, error) {
	in := bufio.NewReader(c)
	r, err := http.ReadRequest(in)
	if err != nil {
		return webSocket{}, err
	}
	return webSocket{c, in}, answerUpgrade(c, r)
}

func answerUpgrade(w io.Writer, r *http.Request) error {
	if r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Connection") != "Upgrade" || r.Header.Get("Sec-WebSocket-Version") != "13" {
		return errors.New("no upgrade")
	}
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + acceptGUID))
	_, err := fmt.Fprintf(w, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]))
	return err
}

// read reads a frame of a client, which has to be masked, whole and short.
func (s webSocket) read() (op byte, payload []byte, err error) {
	var head [6]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		return 0, nil, err
	}
	if head[0]&0xF0 != 0x80 || head[1] < 0x80 || head[1] > 0x80+125 {
		return 0, nil, fmt.Errorf("frame % x: not whole, masked and short", head)
	}
	payload = make([]byte, head[1]&0x7F)
	_, err = io.ReadFull(s.in, payload)
	for i := range payload {
		payload[i] ^= head[2+i%4]
	}
	return head[0] & 0x0F, payload, err
}

// send sends a frame; first is its opcode with the FIN bit.
func (s webSocket) send(first byte, payload []byte) bool {
	_, err := s.Write(serverFrame(first, payload))
	return err == nil
}

func serverFrame(first byte, payload []byte) []byte {
	b := []byte{first, byte(len(payload))}
	switch n := len(payload); {
	case n > 0xFFFF:
		b[1] = 127
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	case n > 125:
		b[1] = 126
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	}
	return append(b, payload...)
}

// echo sends every message back.
func echo(s webSocket, _ int, op byte, payload []byte) bool {
	return op != text || s.send(0x80|text, payload)
}

// sums fails the test when the counts of WebSockets do not add up.
func sums(t *testing.T, w *rundir.WebSockets) {
	t.Helper()
	refusals := 0
	for _, n := range w.Refusals {
		refusals += n
	}
	if w.Held+w.Dropped+w.Refused != w.Wanted || refusals != w.Refused {
		t.Errorf("held %d + dropped %d + refused %d is not wanted %d, or refusals %v do not add up",
			w.Held, w.Dropped, w.Refused, w.Wanted, w.Refusals)
	}
}
