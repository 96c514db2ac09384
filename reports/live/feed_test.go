package live

import (
	"testing"
	"time"

	"sweetspot/scenarios"
)

// BenchmarkInterval is what a second costs whoever watches, beside the drawing.
func BenchmarkInterval(b *testing.B) {
	f := NewFeed(&scenarios.Scenario{})
	i := sampleInterval(1, time.Now(), false)
	b.ReportAllocs()
	for b.Loop() {
		f.Interval(i)
	}
}

// BenchmarkDraw is a drawing of the terminal view.
func BenchmarkDraw(b *testing.B) {
	s := sampleState()
	b.ReportAllocs()
	for b.Loop() {
		Draw(s, began.Add(2*time.Minute), Screen{100, 30, true})
	}
}
