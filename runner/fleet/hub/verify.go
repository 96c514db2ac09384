package hub

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"slices"

	"github.com/minio/highwayhash"
)

// The server cuts a file of messages off where the first damaged one is, and
// says nothing of what it lost: it relies on the other servers of a cluster. A
// hub that is alone looks before it lets the server in. A file is a row of
// records, little-endian:
//
//	4 bytes  length of the record; the highest bit: it has headers
//	8        sequence
//	8        time
//	2        length of the subject
//	         subject, 4 bytes with the length of the headers if it has them, headers, message
//	8        HighwayHash-64 of all but the lengths, keyed by stream and file
const (
	recordHead = 22
	recordSum  = 8
	hasHeaders = 1 << 31
)

// verifyMessages says which messages of a stream are damaged. The last record
// of the last file may be: a hub that was killed was still writing it, and had
// not acknowledged it.
func verifyMessages(streams, name string) error {
	files, err := filepath.Glob(filepath.Join(streams, name, "msgs", "*.blk"))
	if err != nil {
		return err
	}
	number := func(file string) (n uint32) {
		_, _ = fmt.Sscanf(filepath.Base(file), "%d.blk", &n) // 0 of a name that is none
		return n
	}
	slices.SortFunc(files, func(a, b string) int { return int(number(a)) - int(number(b)) })
	for i, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", name, number(file)))
		sum, err := highwayhash.New64(key[:])
		if err != nil {
			return err
		}
		if err := verifyRecords(data, sum, i == len(files)-1); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

// verifyRecords checks one file of messages; torn: its last record may be
// damaged.
func verifyRecords(data []byte, sum hash.Hash64, torn bool) error {
	for at := 0; at < len(data); {
		length, err := verifyRecord(data[at:], sum)
		if err == nil {
			at += length
			continue
		}
		rest := data[at:]
		if torn && (length == 0 || length >= len(rest) || len(bytes.Trim(rest, "\x00")) == 0) {
			return nil
		}
		return fmt.Errorf("at byte %d: %w", at, err)
	}
	return nil
}

var errRecord = errors.New("a damaged message")

// verifyRecord checks the first record of data and returns its length; 0: its
// length is not whole.
func verifyRecord(data []byte, sum hash.Hash64) (length int, err error) {
	if len(data) < recordHead {
		return 0, errRecord
	}
	head := data[:recordHead]
	word := binary.LittleEndian.Uint32(head)
	length, subject := int(word&^hasHeaders), int(binary.LittleEndian.Uint16(head[20:]))
	text := subject // where what is hashed after the subject begins
	if word&hasHeaders != 0 {
		text += 4
	}
	if length < recordHead+text+recordSum {
		return max(length, 1), errRecord
	}
	if length > len(data) {
		return length, errRecord
	}
	body, want := data[recordHead:length-recordSum], data[length-recordSum:length]
	sum.Reset()
	for _, part := range [][]byte{head[4:20], body[:subject], body[text:]} {
		_, _ = sum.Write(part) // never fails
	}
	if !bytes.Equal(sum.Sum(nil), want) {
		return length, errRecord
	}
	return length, nil
}
