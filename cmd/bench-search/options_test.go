package main

import (
	"io"
	"strings"
	"testing"
)

func TestOptionsThatMakeNoSense(t *testing.T) {
	for _, tt := range []struct {
		name, args, want string
	}{
		{"an argument", "grid", `unexpected argument "grid"`},
		{"a part", "--parts simulated,unreal", `no part "unreal"`},
		{"a stack", "--stacks mod_perl", `no stack "mod_perl"`},
		{"no workloads", "--workloads 0", "--workloads 0"},
		{"no seeds", "--seeds 0", "--seeds 0"},
		{"no budget", "--adaptive-budget 0s", "--adaptive-budget 0s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := parseOptions(strings.Fields(tt.args), io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %s", err, tt.want)
			}
		})
	}
}
