package rundir

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
)

// CreateRaw creates a file of raw results, which it compresses. Closing it
// flushes: a full disk shows there, too.
func CreateRaw(name string) (io.WriteCloser, error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("keep raw results: %w", err)
	}
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return rawFile{z, f}, nil
}

type rawFile struct {
	*gzip.Writer
	file *os.File
}

// Close implements io.Closer.
func (r rawFile) Close() error { return errors.Join(r.Writer.Close(), r.file.Close()) }

// OpenRaw opens a file of raw results, which it uncompresses. Reading on to the
// end checks the file's own checksum.
func OpenRaw(name string) (io.ReadCloser, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read raw results: %w", err)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read raw results: %s: %w", name, err), f.Close())
	}
	return openRaw{z, f}, nil
}

type openRaw struct {
	*gzip.Reader
	file *os.File
}

// Close implements io.Closer.
func (r openRaw) Close() error { return errors.Join(r.Reader.Close(), r.file.Close()) }
