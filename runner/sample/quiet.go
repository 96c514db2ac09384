package sample

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"

	"sweetspot/runner/rundir"
)

// Quiet watches the machine while we do nothing.
func Quiet(ctx context.Context, d time.Duration) (q rundir.Quiet, err error) {
	s, err := Start(Roles{}, Options{})
	if err != nil {
		return q, err
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	u, err := s.Stop()
	if err != nil {
		return q, err
	}
	if ctx.Err() != nil {
		return q, ctx.Err()
	}
	if machine := u.Wall.Seconds() * float64(u.Cores); machine > 0 {
		q.StealShare, q.ForeignShare = u.StealSeconds/machine, u.ForeignSeconds/machine
	}
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil && !missing(err) {
		return q, err
	}
	first, _, _ := strings.Cut(string(b), " ")
	q.Load, _ = strconv.ParseFloat(first, 64) // 0 where nothing says
	return q, nil
}
