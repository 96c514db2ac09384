package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// countResults counts the values in a stream of encoding/gob without decoding
// them, which for the results of a soak would take as long as the soak. A
// stream is messages, each led by its length; one whose first number is
// negative describes a type, all others hold a value. A stream that breaks off
// within a message is an error.
func countResults(stream io.Reader) (n uint64, err error) {
	r := bufio.NewReaderSize(stream, 1<<20)
	for {
		length, _, err := gobUint(r)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("after %d results: %w", n, err)
		}
		id, size, err := gobUint(r)
		if err != nil {
			return n, fmt.Errorf("after %d results: %w", n, noEnd(err))
		}
		if _, err := io.CopyN(io.Discard, r, int64(length)-size); err != nil {
			return n, fmt.Errorf("after %d results: %w", n, noEnd(err))
		}
		if id&1 == 0 { // the sign of a number is its lowest bit
			n++
		}
	}
}

// gobUint reads an unsigned number, and tells how many bytes it took: one below
// 128; else the complement of their count, and then those bytes, highest first.
func gobUint(r *bufio.Reader) (x uint64, size int64, err error) {
	first, err := r.ReadByte()
	if err != nil || first < 0x80 {
		return uint64(first), 1, err
	}
	count := int(^first) + 1
	if count > 8 {
		return 0, 0, fmt.Errorf("a number of %d bytes: not encoding/gob", count)
	}
	for range count {
		b, err := r.ReadByte()
		if err != nil {
			return 0, 0, noEnd(err)
		}
		x = x<<8 | uint64(b)
	}
	return x, int64(1 + count), nil
}

// noEnd is the error for a stream that ends where it must not.
func noEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
