package linger

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// acceptGUID is what a server appends to the key (RFC 6455, 1.3).
const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// upgrade opens a WebSocket, within the timeout for the connection and another
// for the answer. The connection closes when ctx is done.
func (p place) upgrade(ctx context.Context, path string) (*session, error) {
	conn, err := p.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	s := &session{link: conn}
	if err := s.handshake(p, path); err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

func (s *session) handshake(p place, path string) error {
	if err := s.SetDeadline(time.Now().Add(p.timeout)); err != nil {
		return err
	}
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce) // never fails
	key := base64.StdEncoding.EncodeToString(nonce)
	scheme := "http"
	if p.tls != nil {
		scheme = "https"
	}
	head := p.head(http.MethodGet, path, "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: "+key,
		"Origin: "+scheme+"://"+p.host) // Django Channels takes a browser's origin only when it is the host
	if _, err := io.WriteString(s, head+"\r\n"); err != nil {
		return err
	}
	in := bufio.NewReader(s)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if err := verifyUpgrade(resp, key); err != nil {
		return err
	}
	early, err := in.Peek(in.Buffered())
	s.in = append(s.in, early...) // frames that came with the answer
	return err
}

// verifyUpgrade returns the refusal that an answer is, if it is one.
func verifyUpgrade(resp *http.Response, key string) error {
	sum := sha1.Sum([]byte(key + acceptGUID))
	switch {
	case resp.StatusCode != http.StatusSwitchingProtocols:
		return refusal(fmt.Sprintf("status %d", resp.StatusCode))
	case !strings.EqualFold(resp.Header.Get("Upgrade"), "websocket"),
		resp.Header.Get("Sec-WebSocket-Accept") != base64.StdEncoding.EncodeToString(sum[:]):
		return refusal("wrong handshake")
	}
	return nil
}
