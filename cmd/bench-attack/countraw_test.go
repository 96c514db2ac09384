package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// encoded is n results; some are long enough that their length takes bytes of
// its own.
func encoded(t *testing.T, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	encode := vegeta.NewEncoder(&b)
	for i := range n {
		r := vegeta.Result{Seq: uint64(i), Code: 200, Timestamp: time.Unix(int64(i), 0), URL: strings.Repeat("x", i%300)}
		if err := encode(&r); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestCountResults(t *testing.T) {
	whole := encoded(t, 1000)
	for _, tt := range []struct {
		name   string
		stream []byte
		want   uint64
		err    error
	}{
		{"none", nil, 0, nil},
		{"one", encoded(t, 1), 1, nil},
		{"many", whole, 1000, nil},
		{"cut off within the last", whole[:len(whole)-1], 999, io.ErrUnexpectedEOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := countResults(bytes.NewReader(tt.stream))
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("%d results, %v; want %d, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestCountResultsRefusesWhatIsNoGob(t *testing.T) {
	if n, err := countResults(strings.NewReader("\x80 what is this?")); err == nil {
		t.Errorf("%d results in what has none", n)
	}
}
