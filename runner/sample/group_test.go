package sample

import "testing"

// proc makes a process of 100 ticks a second; started tells two with one pid apart.
func proc(pid, parent int, own, reaped int64) process {
	return process{pid: pid, parent: parent, state: 'S', own: own, reaped: reaped, threads: 1, started: uint64(pid)}
}

func reborn(p process) process { p.started += 1000; return p }

func TestAccountCountsOnce(t *testing.T) {
	for _, tt := range []struct {
		name      string
		snapshots [][]process
		want      int64 // ticks
	}{
		{"nothing before the first snapshot counts",
			[][]process{{proc(1, 0, 500, 300)}}, 0},
		{"own time", [][]process{{proc(1, 0, 500, 0)}, {proc(1, 0, 520, 0)}}, 20},
		{"a new worker counts in full",
			[][]process{{proc(1, 0, 10, 0)}, {proc(1, 0, 10, 0), proc(2, 1, 30, 0)}}, 30},
		{"a worker reaped by its master",
			[][]process{{proc(1, 0, 10, 0), proc(2, 1, 100, 0)}, {proc(1, 0, 10, 130)}}, 30},
		{"a worker that lived between two snapshots",
			[][]process{{proc(1, 0, 10, 0)}, {proc(1, 0, 10, 40)}}, 40},
		{"a worker replaced by another, its time moved on",
			[][]process{
				{proc(1, 0, 0, 0), proc(2, 1, 100, 0)},
				{proc(1, 0, 0, 110), proc(3, 1, 20, 0)},
				{proc(1, 0, 0, 145), proc(4, 1, 5, 0)},
			}, 10 + 20 + 15 + 5},
		{"a grandchild reaped by the child that was reaped",
			[][]process{
				{proc(1, 0, 0, 0), proc(2, 1, 10, 0), proc(3, 2, 20, 0)},
				{proc(1, 0, 0, 35)},
			}, 5},
		{"a grandchild that outlived its parent and went to init, as far as the snapshots tell",
			[][]process{
				{proc(1, 0, 0, 0), proc(2, 1, 10, 0), proc(3, 2, 20, 0)},
				{proc(1, 0, 0, 12)},
			}, 0},
		{"the master goes, waited for by whoever started it",
			[][]process{{proc(1, 0, 10, 0)}, {proc(1, 0, 50, 0)}, {}}, 40},
		{"the whole group goes",
			[][]process{
				{proc(1, 0, 10, 5), proc(2, 1, 100, 0)},
				{proc(1, 0, 20, 5), proc(2, 1, 170, 0)},
				{},
			}, 80},
		{"orphans of a dead master go on",
			[][]process{
				{proc(1, 0, 10, 0), proc(2, 1, 100, 0)},
				{proc(2, 9, 130, 0)},
				{proc(2, 9, 150, 0)},
				{},
			}, 50},
		{"children that are ignored are not lost",
			[][]process{{proc(1, 0, 10, 0), proc(2, 1, 100, 0)}, {proc(1, 0, 10, 0), proc(2, 1, 150, 0)}, {proc(1, 0, 12, 0)}}, 52},
		{"rounding of a reaped child is not taken for a loss",
			[][]process{{proc(1, 0, 10, 0), proc(2, 1, 100, 0)}, {proc(1, 0, 10, 98)}}, -2},
		{"a pid used again is another process",
			[][]process{{proc(1, 0, 0, 0), proc(2, 1, 100, 0)}, {proc(1, 0, 0, 100), reborn(proc(2, 1, 30, 0))}}, 30},
		{"a process that leaves the group keeps what it used in it",
			[][]process{{proc(1, 0, 0, 0), proc(2, 1, 10, 0)}, {proc(1, 0, 0, 0), proc(2, 1, 60, 0)}, {proc(1, 0, 0, 0)}}, 50},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var a account
			for _, s := range tt.snapshots {
				a.update(s)
			}
			if a.used != tt.want {
				t.Errorf("used %d ticks, want %d", a.used, tt.want)
			}
		})
	}
}

func TestAccountOfNothingIsNothing(t *testing.T) {
	var a account
	a.update(nil)
	a.update(nil)
	if a.used != 0 || a.seconds() != 0 {
		t.Errorf("used %d ticks, %v s, want nothing", a.used, a.seconds())
	}
}
