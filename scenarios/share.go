package scenarios

import (
	"regexp"
	"strconv"
)

var shareForm = regexp.MustCompile(`^(-?[0-9]+(?:\.[0-9]+)?) *(%?)$`)

// ParseShare reads a share such as "30%" or "0.3".
func ParseShare(text string) (Share, error) {
	m := shareForm.FindStringSubmatch(text)
	if m == nil {
		return 0, misfit{text, "is not a share", "write it as 30% or 0.3"}
	}
	number, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, misfit{text, "is not a share", "write it as 30% or 0.3"}
	}
	if m[2] == "%" {
		number /= 100
	}
	return Share(number), nil
}

// String writes it as a percentage.
func (s Share) String() string {
	return strconv.FormatFloat(float64(s)*100, 'g', 10, 64) + "%"
}

// MarshalText implements encoding.TextMarshaler.
func (s Share) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Share) UnmarshalText(text []byte) (err error) {
	*s, err = ParseShare(string(text))
	return err
}
