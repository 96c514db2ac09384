package reports

import (
	"testing"

	"sweetspot/analysis"
)

func TestGeneratorAnswer(t *testing.T) {
	answer := func(value, limit string, voided, noted int) analysis.Answer {
		return analysis.Answer{Check: analysis.Check{Value: value, Limit: limit}, Recorded: value != "" || voided > 0, Voided: voided, Noted: noted}
	}
	fine := answer("31 % of a core", "at most 70 %", 0, 0)
	for _, tt := range []struct {
		name string
		all  []analysis.Answer
		want string
	}{
		{"all within", []analysis.Answer{fine, fine}, "No trial that counts is beyond a limit that voids."},
		{"some void", []analysis.Answer{fine, answer("1ms", "at most 5ms", 2, 0)}, "No trial that counts is beyond a limit that voids: those that were are void."},
		{"all void", []analysis.Answer{fine, answer("", "", 2, 0)}, "No trial that counts is beyond a limit that voids: those that were are void."},
		{"noted", []analysis.Answer{fine, answer("90 %", "told above 70 %", 0, 3)}, "No trial that counts is beyond a limit that voids; 3 notes of other limits."},
		{"the server's doing", []analysis.Answer{fine, answer("4 connections", "", 0, 3)}, "No trial that counts is beyond a limit that voids."},
		{"not recorded", []analysis.Answer{fine, answer("", "", 0, 0)}, "No trial that counts is beyond a limit that voids; not recorded: 1 of 2 checks."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := generatorAnswer(tt.all); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestGeneratorTable(t *testing.T) {
	for _, tt := range []struct {
		name         string
		answer       analysis.Answer
		worst, limit string
	}{
		{"recorded", analysis.Answer{Check: analysis.Check{Value: "1ms", Limit: "at most 5ms"}, Recorded: true}, "1ms", "at most 5ms"},
		{"without a limit", analysis.Answer{Check: analysis.Check{Value: "4 connections"}, Recorded: true}, "4 connections", "the server's doing"},
		{"in void trials only", analysis.Answer{Recorded: true, Voided: 1}, none, none},
		{"not recorded", analysis.Answer{}, "not recorded", none},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, bound := worst(tt.answer), limit(tt.answer); got != tt.worst || bound != tt.limit {
				t.Errorf("got %q, limit %q, want %q, limit %q", got, bound, tt.worst, tt.limit)
			}
		})
	}
}
