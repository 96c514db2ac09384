package shard

import (
	"context"
	"errors"
	"testing"
	"time"
)

// network is a clock that is asked for over a network: each question takes its
// time there and back.
type network struct {
	now, offset time.Duration
	ways        [][2]time.Duration
}

func (n *network) own() time.Time { return time.Unix(0, int64(n.now)) }

func (n *network) ask(context.Context) (time.Time, error) {
	way := n.ways[0]
	n.ways = append(n.ways[1:], way)
	n.now += way[0]
	theirs := time.Unix(0, int64(n.now+n.offset))
	n.now += way[1]
	return theirs, nil
}

func TestMeasure(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name   string
		offset time.Duration
		ways   [][2]time.Duration
		want   Clock
	}{
		{"as long there as back", 4 * time.Second, [][2]time.Duration{{ms, ms}}, Clock{4 * time.Second, ms}},
		{"behind", -time.Hour, [][2]time.Duration{{ms, ms}}, Clock{-time.Hour, ms}},
		{"the shortest way counts", 7, [][2]time.Duration{{9 * ms, ms}, {2 * ms, 2 * ms}, {ms, 30 * ms}}, Clock{7, 2 * ms}},
		{"all of the time on one way", 0, [][2]time.Duration{{3 * ms, 0}}, Clock{3 * ms / 2, 3 * ms / 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := &network{offset: tt.offset, ways: tt.ways}
			got, err := Measure(t.Context(), pings, n.own, n.ask)
			if err != nil || got != tt.want {
				t.Errorf("%v (%v), want %v", got, err, tt.want)
			}
			if off := (got.Offset - tt.offset).Abs(); off > got.Bound {
				t.Errorf("off by %v, more than its bound %v", off, got.Bound)
			}
		})
	}
}

func TestMeasureFails(t *testing.T) {
	gone := errors.New("gone")
	if _, err := Measure(t.Context(), pings, time.Now, func(context.Context) (time.Time, error) { return time.Time{}, gone }); !errors.Is(err, gone) {
		t.Errorf("error %v, want %v", err, gone)
	}
	n := &network{ways: [][2]time.Duration{{-1, -1}}}
	if _, err := Measure(t.Context(), pings, n.own, n.ask); err == nil {
		t.Error("a clock was measured by one that goes backwards")
	}
}

func TestMoved(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name          string
		before, after Clock
		ago           time.Duration
		want          time.Duration
	}{
		{"it has not", Clock{4 * time.Second, ms}, Clock{4 * time.Second, ms}, 0, 0},
		{"within the bounds and 1 ms", Clock{0, ms}, Clock{4 * ms, 2 * ms}, 0, 0},
		{"beyond them", Clock{0, ms}, Clock{-4*ms - 1, 2 * ms}, 0, 4*ms + 1},
		{"a drift explains it", Clock{0, ms}, Clock{7 * ms, 2 * ms}, time.Minute, 0},
		{"no drift explains it", Clock{0, ms}, Clock{7*ms + 1, 2 * ms}, time.Minute, 7*ms + 1},
	} {
		if got := tt.after.moved(tt.before, tt.ago); got != tt.want {
			t.Errorf("%s: moved by %v, want %v", tt.name, got, tt.want)
		}
	}
}
