package simulate

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"

	"sweetspot/analysis/gate"
)

func TestTune(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("N"))
	if n == 0 {
		t.Skip()
	}
	for _, tt := range []struct {
		starts, slower float64
		metrics        int
	}{{.02, 0, 3}, {.02, 0, 16}, {.02, .05, 1}, {.02, .05, 3}} {
		counts := map[gate.Verdict]int{}
		var rounds, spent float64
		var mu sync.Mutex
		var wg sync.WaitGroup
		for g := range 2 {
			wg.Go(func() {
				for i := g; i < n; i += 2 {
					w := Noisy(tt.starts)
					w.Slower = tt.slower
					r := w.Run(Plan(tt.metrics, uint64(i)), uint64(i))
					mu.Lock()
					counts[r.Verdict]++
					rounds += float64(r.Rounds) / float64(n)
					spent += r.Spent.Seconds() / float64(n)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		fmt.Println(tt, counts, rounds, spent)
	}
}
