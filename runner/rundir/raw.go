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
