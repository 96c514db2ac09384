package main

import (
	"slices"
	"testing"

	"sweetspot/analysis/compare"
)

// A run is named by as much of its path's end as tells it apart.
func TestRunsAreNamedApart(t *testing.T) {
	for _, tt := range []struct {
		name       string
		dirs, want []string
	}{
		{"apart", []string{"/runs/a", "/runs/b"}, []string{"a", "b"}},
		{"alike at the end", []string{"/old/shop", "/new/shop", "/new/api"}, []string{"old/shop", "new/shop", "api"}},
		{"one within the other", []string{"/shop", "/x/shop"}, []string{"/shop", "x/shop"}},
		{"the end of another name", []string{"/runs/myshop", "/runs/shop"}, []string{"myshop", "shop"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			runs := make([]compare.Recorded, len(tt.dirs))
			for i, dir := range tt.dirs {
				runs[i].Dir = dir
			}
			var got []string
			for i := range runs {
				got = append(got, nameAmong(runs, i))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("names %q, want %q", got, tt.want)
			}
		})
	}
}
