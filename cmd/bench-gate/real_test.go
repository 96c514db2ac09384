package main

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

// A trap slows the request that it names, no other, and knows its share.
func TestTrapsAreThoseOfTheShop(t *testing.T) {
	shop, _, _, err := scenarios.Open("django-shop", nil, stack.Catalogue())
	if err != nil {
		t.Fatal(err)
	}
	all := 0.
	for _, r := range shop.Traffic.Requests {
		all += r.Weight
	}
	parameter := regexp.MustCompile(`\{\w+\}`)
	for _, trap := range traps {
		if trap.path == "" {
			continue
		}
		found := false
		for _, r := range shop.Traffic.Requests {
			path, _, _ := strings.Cut(parameter.ReplaceAllString(r.Path, "1"), "?")
			hit := regexp.MustCompile(trap.path).MatchString(path)
			if hit != (r.Name == trap.request) {
				t.Errorf("%s: %s matches %s (%s): %t", trap.name, trap.path, path, r.Name, hit)
			}
			if hit {
				found = true
				if share := r.Weight / all; math.Abs(share-trap.weight) > 1e-9 {
					t.Errorf("%s: %s is %g of the traffic, not %g", trap.name, r.Name, share, trap.weight)
				}
			}
		}
		if !found {
			t.Errorf("%s: no request is slowed", trap.name)
		}
	}
}
