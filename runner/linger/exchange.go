package linger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sweetspot/scenarios"
)

const (
	readSize = 4 << 10   // bytes that a slow reader takes at a time
	bodySize = 1_000_000 // bytes of a slow body: what servers take by default, and more than a trial sends
)

// requests makes one slow request of every kind. It returns nil when the
// request was answered in full.
var requests = map[string]func(context.Context, exchange) error{
	scenarios.SlowHeaders: slowHeaders,
	scenarios.SlowBody:    slowBody,
	scenarios.SlowRead:    slowRead,
}

// exchange is one slow request on its connection.
type exchange struct {
	link
	place place
	path  string
	beat  beat
	begin func() // to be called once the request has begun
}

var errEarly = errors.New("answered before the request was whole")

// slowHeaders sends the request line, and then one byte of the headers at a
// time. The last of them has no end.
func slowHeaders(_ context.Context, x exchange) error {
	head := x.place.head(http.MethodGet, x.path, "X-Slow: a")
	line := strings.Index(head, "\r\n") + len("\r\n")
	fields := strings.TrimSuffix(head[line:], "\r\n")
	if _, err := io.WriteString(x, head[:line]); err != nil {
		return err
	}
	x.begin()
	in := bufio.NewReaderSize(x, readSize)
	for i := 0; ; i++ {
		answered, err := x.answeredBefore(in, x.beat.next(time.Now()))
		if answered {
			err = errEarly
		}
		if err != nil {
			return err
		}
		if _, err := x.Write([]byte{fields[min(i, len(fields)-1)]}); err != nil {
			return err
		}
	}
}

// slowBody sends the head of a POST, and then its body one byte at a time. An
// answer that comes before the body is whole counts as one that comes after:
// an application need not read what it is sent.
func slowBody(_ context.Context, x exchange) error {
	head := x.place.head(http.MethodPost, x.path, "Content-Type: application/octet-stream",
		"Content-Length: "+strconv.Itoa(bodySize), "Connection: close")
	if _, err := io.WriteString(x, head+"\r\n"); err != nil {
		return err
	}
	x.begin()
	in := bufio.NewReaderSize(x, readSize)
	for range bodySize {
		answered, err := x.answeredBefore(in, x.beat.next(time.Now()))
		if err != nil {
			return err
		}
		if answered {
			break
		}
		if _, err := x.Write([]byte{'x'}); err != nil {
			return err
		}
	}
	_ = x.SetReadDeadline(time.Now().Add(x.place.timeout)) // the answer may be here whole, and the connection closed
	return readAnswer(in)
}

// slowRead sends a request and reads the answer 4 kB at a time.
func slowRead(ctx context.Context, x exchange) error {
	if _, err := io.WriteString(x, x.place.head(http.MethodGet, x.path, "Connection: close")+"\r\n"); err != nil {
		return err
	}
	x.begin()
	first := true
	return readAnswer(bufio.NewReaderSize(reader(func(b []byte) (int, error) {
		if !first {
			if err := sleep(ctx, x.beat.next(time.Now())); err != nil {
				return 0, err
			}
		}
		first = false
		return x.Read(b[:min(len(b), readSize)])
	}), readSize))
}

// answeredBefore waits until the given time and tells whether an answer came
// before it. The error says that the stack closed the connection instead.
func (x exchange) answeredBefore(in *bufio.Reader, until time.Time) (bool, error) {
	if err := x.SetReadDeadline(until); err != nil {
		return false, err
	}
	if _, err := in.Peek(1); err != nil {
		if timedOut(err) {
			return false, nil
		}
		return false, err
	}
	return true, nil
}

// readAnswer reads an answer to its end. One that refuses the request is an
// error.
func readAnswer(in *bufio.Reader) error {
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

// reader makes an io.Reader of a function.
type reader func([]byte) (int, error)

func (r reader) Read(b []byte) (int, error) { return r(b) }
