package main

import (
	"math"
	"regexp"
	"slices"
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
		own := slices.IndexFunc(shop.Traffic.Requests, func(r scenarios.Request) bool { return r.Name == trap.request })
		if own < 0 {
			t.Fatalf("%s: the shop has no request %s", trap.name, trap.request)
		}
		if share := shop.Traffic.Requests[own].Weight / all; math.Abs(share-trap.weight) > 1e-9 {
			t.Errorf("%s: %s is %g of the traffic, not %g", trap.name, trap.request, share, trap.weight)
		}
		for i, r := range shop.Traffic.Requests {
			path, _, _ := strings.Cut(parameter.ReplaceAllString(r.Path, "1"), "?")
			if hit := regexp.MustCompile(trap.path).MatchString(path); hit != (i == own) {
				t.Errorf("%s: %s matches %s (%s): %t", trap.name, trap.path, path, r.Name, hit)
			}
		}
	}
}
