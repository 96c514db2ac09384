package scenarios

import (
	"strings"
	"time"
)

// ParseDuration reads a duration such as "250ms", "1m30s" or "5m".
func ParseDuration(text string) (Duration, error) {
	if isDigits(strings.TrimPrefix(text, "-")) {
		return 0, misfit{text, "has no unit", "write " + text + "ms, " + text + "s or " + text + "m"}
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, misfit{text, "is not a duration", "write a number and a unit: 250ms, 90s, 5m or 1h30m"}
	}
	return Duration(d), nil
}

// Std returns d as a time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String is time.Duration's without trailing zero units: "5m", not "5m0s".
func (d Duration) String() string {
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDuration(string(text))
	return err
}

// isDigits tells whether text is one or more decimal digits.
func isDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}
