package foreign

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"

	"sweetspot/runner/rundir"
)

const (
	// headSize is how much of a file its format is told by.
	headSize = 64 << 10

	// mostDocument is how large a file may be that is read as a whole, and one
	// result of one that is not.
	mostDocument = 16 << 20
)

// ReadFile reads one result of another tool, or the raw results of one of our
// own trials. Percentiles that too few requests are beyond of are withheld.
func ReadFile(name string) (Single, error) {
	f, err := os.Open(name)
	if err != nil {
		return Single{}, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return Single{}, fmt.Errorf("%s: a folder, and no run directory of sweetspot: name a file", name)
	}
	s, err := Read(name, f)
	if err == nil {
		err = ofTrial(&s)
	}
	return s, err
}

// harmless is an error that may quote a file, without what would steer a
// terminal.
type harmless struct{ error }

// Error implements error.
func (h harmless) Error() string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\ufffd'
	}, h.error.Error())
}

// Unwrap returns the error as it was.
func (h harmless) Unwrap() error { return h.error }

// Read reads one result from r. name stands for it in errors.
func Read(name string, r io.Reader) (s Single, err error) {
	defer func() {
		if err != nil {
			err = harmless{err}
		}
	}()
	in, err := newInput(r)
	if err != nil {
		return s, fmt.Errorf("%s: %w", name, err)
	}
	for _, f := range Formats {
		if !f.is(in) {
			continue
		}
		if s, err = f.read(in); err != nil {
			return s, fmt.Errorf("%s: read as %s: %w", name, f.Name, err)
		}
		if s.SHA256, err = in.sum(); err != nil {
			return s, fmt.Errorf("%s: read as %s: %w", name, f.Name, err)
		}
		if s.Requests == 0 {
			return s, fmt.Errorf("%s: read as %s: no request was made: there is nothing to compare", name, f.Name)
		}
		s.File, s.Format = name, f.Name
		if s.Samples == 0 {
			s.Samples = s.Requests
		}
		s.withhold()
		return s, nil
	}
	if in.documentErr != nil {
		return s, fmt.Errorf("%s: %w", name, in.documentErr)
	}
	return s, fmt.Errorf("%s: of no format that is known; they are: %s", name, formatNames())
}

// ofTrial completes what is read from the raw results of a trial, which are
// vegeta's, by what is beside them.
func ofTrial(s *Single) error {
	if s.Format != vegetaGob {
		return nil
	}
	b, err := os.ReadFile(filepath.Join(filepath.Dir(s.File), "trial.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var t rundir.Trial
	if err == nil {
		err = json.Unmarshal(b, &t)
	}
	if err != nil {
		return fmt.Errorf("%s: the trial.json beside it: %w", s.File, err)
	}
	if t.ID == 0 || filepath.Base(s.File) != rundir.RawFile {
		return nil // somebody else's
	}
	s.Tool, s.Loop, s.Offered, s.Cannot = "sweetspot", Closed, 0, nil
	if t.Load.Offered > 0 {
		s.Loop, s.Offered = Open, t.Load.Offered
		s.Cannot = []string{"response times from the scheduled time: raw results count from sending, the trial itself has both"}
	}
	return nil
}

// input is a file that is being read: unpacked, its head looked at ahead, its
// size bounded.
type input struct {
	head []byte
	rest *bounded

	document    []byte // the whole of it; nil until it is asked for
	documentErr error
	keys        map[string]json.RawMessage // of a JSON document; nil when it is none
	looked      bool
	packed      hash.Hash
	source      io.Reader
}

func newInput(r io.Reader) (*input, error) {
	in := &input{packed: sha256.New()}
	in.source = io.TeeReader(r, in.packed)
	buffered := bufio.NewReaderSize(in.source, headSize)
	unpacked := buffered
	if magic, _ := buffered.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("unpack: %w", whereCut(err))
		}
		unpacked = bufio.NewReaderSize(z, headSize)
	}
	head, err := unpacked.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("unpack: %w", whereCut(err))
	}
	if len(bytes.TrimSpace(head)) == 0 {
		return nil, errors.New("the file is empty: did the tool end, and was its output written there?")
	}
	in.head, in.rest = bytes.Clone(head), &bounded{from: unpacked, left: mostDocument}
	return in, nil
}

// sum returns the SHA-256 of the file as it is on the disk.
func (in *input) sum() (string, error) {
	if _, err := io.Copy(io.Discard, in.source); err != nil {
		return "", err
	}
	return hex.EncodeToString(in.packed.Sum(nil)), nil
}

// whole reads a file as a whole.
func (in *input) whole() ([]byte, error) {
	if in.document == nil && in.documentErr == nil {
		in.document, in.documentErr = io.ReadAll(in.rest)
		in.documentErr = whereCut(in.documentErr)
	}
	return in.document, in.documentErr
}

// whole makes a reader of a function that takes all of a file.
func whole(parse func([]byte) (Single, error)) func(*input) (Single, error) {
	return func(in *input) (Single, error) {
		b, err := in.whole()
		if err != nil {
			return Single{}, err
		}
		return parse(b)
	}
}

// hasKeys tells a JSON document by keys at its top.
func hasKeys(keys ...string) func(*input) bool {
	return func(in *input) bool {
		top := in.top()
		for _, k := range keys {
			if _, ok := top[k]; !ok {
				return false
			}
		}
		return true
	}
}

// top returns the keys at the top of a JSON document.
func (in *input) top() map[string]json.RawMessage {
	if in.looked || !bytes.HasPrefix(bytes.TrimSpace(in.head), []byte("{")) {
		return in.keys
	}
	in.looked = true
	if b, err := in.whole(); err == nil {
		in.documentErr = decode(b, &in.keys)
	}
	return in.keys
}

// escapes are colours and the like.
var escapes = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]")

// says tells a text by phrases.
func says(phrases ...string) func(*input) bool {
	return func(in *input) bool {
		for _, p := range phrases {
			if !bytes.Contains(in.head, []byte(p)) {
				return false
			}
		}
		return true
	}
}

// bounded reads no more than it may between two calls of allow, and knows how
// far it is.
type bounded struct {
	from   io.Reader
	left   int64
	offset int64
	last   byte // that was read
}

var errTooLarge = fmt.Errorf("larger than %d MiB: that is no result of this tool, or not one alone", mostDocument>>20)

// allow lets as much again be read.
func (b *bounded) allow() { b.left = mostDocument }

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	b.offset += int64(n)
	if n > 0 {
		b.last = p[n-1]
	}
	return n, err
}

// errCut is what is said of a file that ends too early.
var errCut = errors.New("the file is cut off: let the tool end, or record it anew")

// whereCut says in words when err means that a file ends too early.
func whereCut(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", err, errCut)
	}
	return err
}

// decode reads a JSON document that has to be one, and says where it is none.
func decode(b []byte, into any) error {
	err := json.Unmarshal(b, into)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		if int(syntax.Offset) >= len(bytes.TrimRight(b, " \r\n\t")) {
			return fmt.Errorf("line %d: %w: %w", line(b, int(syntax.Offset)), err, errCut)
		}
		return fmt.Errorf("line %d, byte %d: %w: the file is no JSON document, or more than one", line(b, int(syntax.Offset)), syntax.Offset, err)
	case errors.As(err, &kind):
		return fmt.Errorf("line %d, byte %d: %w", line(b, int(kind.Offset)), kind.Offset, err)
	}
	return err
}

// line returns the line of an offset, from 1.
func line(b []byte, offset int) int {
	return 1 + bytes.Count(b[:min(max(offset, 0), len(b))], []byte("\n"))
}
