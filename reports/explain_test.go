package reports

import (
	"strings"
	"testing"
	"time"

	"sweetspot/analysis"
	"sweetspot/scenarios"
)

// What holds a configuration back is told with the figures that show it.
func TestHolds(t *testing.T) {
	larger := scenarios.Cell{Server: "gunicorn-sync", Proxy: "nginx", Workers: 8, Threads: 2}
	for _, tt := range []struct {
		name   string
		what   string
		change func(*analysis.Seen)
		want   string
	}{
		{"CPU", analysis.LimitAppCPU, nil, "the application used 1.79 of 2 cores and the machine was 98 % busy, so the CPU is used up"},
		{"CPU, and more slots do no more", analysis.LimitAppCPU, func(s *analysis.Seen) { s.Larger, s.LargerGoodput = &larger, 457 }, "so the CPU is used up; 8 × 2 did no more, 457"},
		{"CPU, and more slots do a little more", analysis.LimitAppCPU, func(s *analysis.Seen) { s.Larger, s.LargerGoodput = &larger, 470 }, "the application used 1.79 of 2 cores and the machine was 98 % busy, so the CPU is used up"},
		{"a quota", analysis.LimitQuota, func(s *analysis.Seen) { s.App, s.Quota, s.Throttled, s.Busy = 0.49, 0.5, 0.34, 0.4 },
			"the application used 0.49 cores of its quota of 0.50 and was throttled in 34 % of its periods, while the machine was 40 % busy"},
		{"the lock", analysis.LimitLock, func(s *analysis.Seen) { s.App, s.Busy = 0.97, 0.55 }, "its processes used 0.97 cores, nearly all that so few can keep busy, while the machine was 55 % busy"},
		{"slots", analysis.LimitWaiting, func(s *analysis.Seen) { s.Busy = 0.4 }, "all 4 slots were taken while the machine was 40 % busy, and a request kept one for 8.68 ms"},
		{"two slots", analysis.LimitWaiting, func(s *analysis.Seen) { s.Slots = 2 }, "both slots were taken"},
		{"one slot", analysis.LimitWaiting, func(s *analysis.Seen) { s.Slots = 1 }, "its only slot was taken"},
		{"something shared", analysis.LimitShared, func(s *analysis.Seen) { s.Busy, s.Larger, s.LargerGoodput = 0.4, &larger, 463 }, "all 4 slots were taken while the machine was 40 % busy, and 8 × 2, with more of them, did no more, 463: requests wait for something that they share"},
		{"a database", analysis.LimitDatabase, func(s *analysis.Seen) { s.Database = "postgresql had 19 of at most 20 connections" }, "postgresql had 19 of at most 20 connections, while the machine was 98 % busy"},
		{"services", analysis.LimitServices, func(s *analysis.Seen) { s.App, s.Services = 0.3, 1.6 }, "the services used 1.60 CPUs, more than the application's 0.30, and the machine was 98 % busy"},
		{"the proxy", analysis.LimitProxy, func(s *analysis.Seen) { s.App, s.Proxy = 0.5, 1.3 }, "the proxy used 1.30 CPUs, more than the application's 0.50"},
		{"the generator", analysis.LimitGenerator, func(s *analysis.Seen) { s.Generator = 0.95 }, "the load generator used 0.95 CPUs and the machine was 98 % busy, so it, not the configuration, was the limit"},
		{"nothing", analysis.LimitUnknown, func(s *analysis.Seen) { s.Busy, s.Taken = 0.3, 2.5 }, "nothing that was watched is used up: the machine was 30 % busy, and 2.50 of 4 slots had a request"},
		{"an event loop", analysis.LimitUnknown, func(s *analysis.Seen) { s.Busy, s.Loop = 0.3, true }, "an event loop takes more requests than the bursts offered"},
		{"a full listen queue", analysis.LimitAppCPU, func(s *analysis.Seen) { s.Overflows = 1 }, "; at a full listen queue 1 connection was dropped"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := sampleSeen(461, 1.79, 4)
			if tt.change != nil {
				tt.change(s)
			}
			if got := holds(analysis.Limit{What: tt.what, Seen: s}); !strings.Contains(got, tt.want) {
				t.Errorf("%q does not hold %q", got, tt.want)
			}
		})
	}
}

// What was not measured is said to be so.
func TestExplainTellsWhatItDoesNotKnow(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*analysis.Result)
		want   string
	}{
		{"no burst", func(r *analysis.Result) { r.Limit.Seen = nil }, "Why 4 × 1 is not known: no saturation burst of it counts."},
		{"no demand", func(r *analysis.Result) { r.Limit.Seen.Most, r.Limit.Seen.AppDemand = 0, 0 }, "4 × 1: the CPU time of a request was too little to tell."},
		{"a quota", func(r *analysis.Result) { r.Limit.Seen.Quota = 1.5 }, "of which a quota of 1.50 cores does at most"},
		{"no configuration alone", func(r *analysis.Result) { r.Limit.Seen.Alone = nil }, "How long it waits for others was not measured"},
		{"no wait", func(r *analysis.Result) { r.Limit.Seen.Away = 100 * time.Microsecond }, "It hardly waits for anything else, as 1 × 1 showed, where nothing contends."},
		{"no burst of a folklore setting", func(r *analysis.Result) { r.Folklore[0].Limit.Seen = nil }, "2 × cores + 1 workers (gunicorn-sync without a proxy, 5 × 1): no saturation burst of it counts, so what holds it back is not known."},
		{"a better one is struck out", func(r *analysis.Result) {
			r.Cells[0].Final, r.Cells[0].Struck = fiveStarts(500, 3), "memory 600 MB, limit 512 MB"
		}, "More is sustained by gunicorn-sync without a proxy, 1 worker × 1 thread, 500, but it is struck out: memory 600 MB, limit 512 MB."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := sample()
			tt.change(in.Result)
			if got := newModel(in).Why; !strings.Contains(got, tt.want) {
				t.Errorf("%q does not hold %q", got, tt.want)
			}
		})
	}
}

// A cell that breaks a constraint is in every format, with the reason, and so
// are the load to plan with and the explanation.
func TestStruckAndHeadroomAreInEveryFormat(t *testing.T) {
	in := sample()
	in.Result.Cells[0].Struck = "memory 700 MB, limit 512 MB"
	for _, f := range Formats {
		t.Run(f.Name, func(t *testing.T) {
			b, err := f.Render(in)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Join(strings.Fields(string(b)), " ")
			want := []string{"memory 700 MB, limit 512 MB", "Plan with at most 288 requests/s (30 % headroom).", "of which 2 cores do at most 498 a second"}
			if f.Name == "csv" || f.Name == "bench" { // of cells alone
				want = want[:1]
			}
			for _, w := range want {
				if !strings.Contains(text, w) {
					t.Errorf("%q is missing", w)
				}
			}
		})
	}
}
