package attack

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"sweetspot/scenarios"
)

func TestVerify(t *testing.T) {
	const needle = "<h1>Shop</h1>"
	split := strings.Repeat("x", readSize-5) + needle + strings.Repeat("y", 3*readSize)
	sum := sha256.Sum256([]byte(split))
	length := func(n int64) *int64 { return &n }
	for _, tt := range []struct {
		name   string
		body   string
		code   int
		expect scenarios.Expect
		want   fault
	}{
		{"anything", "x", 200, scenarios.Expect{}, good},
		{"empty", "", 200, scenarios.Expect{}, good},
		{"status expected", "x", 404, scenarios.Expect{Status: 404}, good},
		{"status", "x", 503, scenarios.Expect{}, status + 503},
		{"status before body", "x", 503, scenarios.Expect{Contains: needle}, status + 503},
		{"length", split, 200, scenarios.Expect{Length: length(int64(len(split)))}, good},
		{"longer", "xx", 200, scenarios.Expect{Length: length(1)}, wrongLength},
		{"not empty", "xx", 200, scenarios.Expect{Length: length(0)}, wrongLength},
		{"text across reads", split, 200, scenarios.Expect{Contains: needle}, good},
		{"text at the end", "x" + needle, 200, scenarios.Expect{Contains: needle}, good},
		{"text alone", needle, 200, scenarios.Expect{Contains: needle}, good},
		{"one letter", "abc", 200, scenarios.Expect{Contains: "c"}, good},
		{"text cut short", needle[1:] + needle[:5], 200, scenarios.Expect{Contains: needle}, wrongBody},
		{"text longer than a read", strings.Repeat("z", readSize+99) + "!", 200,
			scenarios.Expect{Contains: strings.Repeat("z", readSize+98) + "!"}, good},
		{"checksum", split, 200, scenarios.Expect{SHA256: hex.EncodeToString(sum[:])}, good},
		{"checksum and text", split, 200, scenarios.Expect{SHA256: hex.EncodeToString(sum[:]), Contains: needle}, good},
		{"wrong checksum", split + "y", 200, scenarios.Expect{SHA256: hex.EncodeToString(sum[:])}, wrongSum},
	} {
		expect, err := newExpectation(tt.expect)
		if err != nil {
			t.Fatal(err)
		}
		v := newVerifier(len(expect.contains))
		for _, by := range []struct {
			name   string
			reader func(io.Reader) io.Reader
		}{
			{"whole", func(r io.Reader) io.Reader { return r }},
			{"bytes", iotest.OneByteReader},
			{"halves", iotest.HalfReader},
			{"with end", iotest.DataErrReader},
		} {
			n, got := v.verify(by.reader(strings.NewReader(tt.body)), tt.code, expect)
			if got != tt.want || n != int64(len(tt.body)) {
				t.Errorf("%s, read by %s: %d bytes, fault %q, want %d, %q", tt.name, by.name, n, got, len(tt.body), tt.want)
			}
		}
	}
}

func TestVerifyDoesNotAllocate(t *testing.T) {
	expect, _ := newExpectation(scenarios.Expect{Contains: "end"})
	s := newScratch(3)
	body := strings.NewReader(strings.Repeat("x", 100_000) + "end")
	if n := testing.AllocsPerRun(100, func() {
		body.Seek(0, io.SeekStart)
		if _, f := s.verify(body, 200, expect); f != good {
			t.Errorf("fault %v", f)
		}
	}); n != 0 {
		t.Errorf("%v allocations a body, want 0", n)
	}
}
