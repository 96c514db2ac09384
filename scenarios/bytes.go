package scenarios

import (
	"math"
	"regexp"
	"strconv"
)

// units of Bytes, larger ones first.
var units = []struct {
	name string
	size int64
}{
	{"TiB", 1 << 40}, {"TB", 1e12},
	{"GiB", 1 << 30}, {"GB", 1e9},
	{"MiB", 1 << 20}, {"MB", 1e6},
	{"KiB", 1 << 10}, {"kB", 1e3}, {"KB", 1e3},
	{"B", 1},
}

var sizeForm = regexp.MustCompile(`^(-?[0-9]+(?:\.[0-9]+)?) *([A-Za-z]*)$`)

// ParseBytes reads a size such as "512MB" (powers of 1000) or "1.5GiB"
// (powers of 1024).
func ParseBytes(text string) (Bytes, error) {
	m := sizeForm.FindStringSubmatch(text)
	if m == nil {
		return 0, misfit{text, "is not a size", "write a number and a unit: 512MB or 2GiB"}
	}
	if m[2] == "" {
		return 0, misfit{text, "has no unit", "write " + text + "MB or " + text + "MiB"}
	}
	number, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, misfit{text, "is not a size", "write a number and a unit: 512MB or 2GiB"}
	}
	for _, u := range units {
		if u.name != m[2] {
			continue
		}
		size := number * float64(u.size)
		if size >= math.MaxInt64 || size <= math.MinInt64 {
			return 0, misfit{text, "is too large", "write a size below 8 million TB"}
		}
		return Bytes(math.Round(size)), nil
	}
	return 0, misfit{text, "has an unknown unit", suggest(m[2], []string{"B", "kB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"})}
}

// String uses the largest unit that gives a whole number.
func (b Bytes) String() string {
	for _, u := range units {
		if b != 0 && int64(b)%u.size == 0 {
			return strconv.FormatInt(int64(b)/u.size, 10) + u.name
		}
	}
	return "0B"
}

// MarshalText implements encoding.TextMarshaler.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Bytes) UnmarshalText(text []byte) (err error) {
	*b, err = ParseBytes(string(text))
	return err
}
