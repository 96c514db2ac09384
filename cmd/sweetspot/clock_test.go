package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// skewVariable says how wrong the clock of a test's agent is: "4s" is ahead by
// that, and "4s@10s:7s" jumps to 7 s ahead once it has run for 10 s.
const skewVariable = "SWEETSPOT_TEST_CLOCK_SKEW"

// setClock makes the clock of this process as wrong as its environment says.
func setClock() {
	text := os.Getenv(skewVariable)
	if text == "" {
		return
	}
	skew, err := parseSkew(text)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s=%s: %v\n", skewVariable, text, err)
		os.Exit(exitBadInput)
	}
	began := time.Now()
	clock = func() time.Time {
		now := time.Now()
		return now.Add(skew(now.Sub(began)))
	}
}

// parseSkew returns how wrong the clock is at a time after its start.
func parseSkew(text string) (func(time.Duration) time.Duration, error) {
	type step struct{ from, skew time.Duration }
	var steps []step
	for i, part := range strings.Split(text, "@") {
		from, skew, ok := strings.Cut(part, ":")
		if i == 0 {
			from, skew, ok = "0s", part, true
		}
		var s step
		var err error
		if s.from, err = time.ParseDuration(from); err == nil {
			s.skew, err = time.ParseDuration(skew)
		}
		if err != nil || !ok {
			return nil, fmt.Errorf("%q: want a duration, and then as 10s:7s", part)
		}
		steps = append(steps, s)
	}
	return func(at time.Duration) (skew time.Duration) {
		for _, s := range steps {
			if at >= s.from {
				skew = s.skew
			}
		}
		return skew
	}, nil
}

func TestParseSkew(t *testing.T) {
	skew, err := parseSkew("4s@10s:7s@12s:-1s")
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Duration]time.Duration{0: 4 * time.Second, 10 * time.Second: 7 * time.Second, time.Hour: -time.Second} {
		if got := skew(at); got != want {
			t.Errorf("after %v the clock is ahead by %v, want %v", at, got, want)
		}
	}
	for _, text := range []string{"", "x", "4s@10s", "4s@x:1s"} {
		if _, err := parseSkew(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
