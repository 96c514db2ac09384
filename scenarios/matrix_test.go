package scenarios

import (
	"slices"
	"strings"
	"testing"
)

// planned prints cells one a line, with a mark for the folklore and the reason.
func planned(cells []Planned) []string {
	var lines []string
	for _, p := range cells {
		line := p.Cell.String()
		if len(p.Folklore) > 0 {
			line += " [" + strings.Join(p.Folklore, ", ") + "]"
		}
		if p.NotApplicable != "" {
			line += " (" + p.NotApplicable + ")"
		}
		lines = append(lines, line)
	}
	return lines
}

func TestCells(t *testing.T) {
	for _, tt := range []struct {
		name  string
		iface string
		m     Matrix
		cores int
		want  []string
	}{
		{
			"folklore is added to the grid for each proxy", WSGI,
			Matrix{Servers: []string{"gunicorn-gthread", "gunicorn-sync"}, Proxies: []string{Direct, "nginx"}, Workers: Counts{"2"}, Threads: Counts{"4"},
				Exclude: []string{"server=gunicorn-gthread/proxy=nginx"}}, 2,
			[]string{
				"server=gunicorn-gthread/proxy=direct/workers=2/threads=4",
				"server=gunicorn-sync/proxy=direct/workers=2/threads=4 (gunicorn-sync has one thread)",
				"server=gunicorn-sync/proxy=nginx/workers=2/threads=4 (gunicorn-sync has one thread)",
				"server=gunicorn-sync/proxy=direct/workers=5/threads=1 [2 × cores + 1 workers]",
				"server=gunicorn-sync/proxy=direct/workers=2/threads=1 [one worker per core]",
				"server=gunicorn-sync/proxy=nginx/workers=5/threads=1 [2 × cores + 1 workers]",
				"server=gunicorn-sync/proxy=nginx/workers=2/threads=1 [one worker per core]",
			},
		},
		{
			"folklore in the grid is marked", WSGI,
			Matrix{Servers: []string{"gunicorn-sync"}, Proxies: []string{Direct}, Workers: Counts{"1..3"}, Threads: Counts{"1"}}, 1,
			[]string{
				"server=gunicorn-sync/proxy=direct/workers=1/threads=1 [one worker per core]",
				"server=gunicorn-sync/proxy=direct/workers=2/threads=1",
				"server=gunicorn-sync/proxy=direct/workers=3/threads=1 [2 × cores + 1 workers]",
			},
		},
		{
			"an exclusion does not reach the folklore", WSGI,
			Matrix{Servers: []string{"gunicorn-sync"}, Proxies: []string{Direct}, Workers: Counts{"4", "9"}, Threads: Counts{"1"},
				Exclude: []string{"workers=9/threads=1"}}, 4,
			[]string{
				"server=gunicorn-sync/proxy=direct/workers=4/threads=1 [one worker per core]",
				"server=gunicorn-sync/proxy=direct/workers=9/threads=1 [2 × cores + 1 workers]",
			},
		},
		{
			"without gunicorn-sync folklore is for the first server that applies", Embedded,
			Matrix{Servers: []string{"gunicorn-gthread", "embedded"}, Proxies: []string{Direct}, Workers: Counts{"cores"}, Threads: Counts{"2"}}, 2,
			[]string{
				"server=gunicorn-gthread/proxy=direct/workers=2/threads=2 (server gunicorn-gthread does not run interface embedded)",
				"server=embedded/proxy=direct/workers=2/threads=2",
				"server=embedded/proxy=direct/workers=5/threads=1 [2 × cores + 1 workers]",
				"server=embedded/proxy=direct/workers=2/threads=1 [one worker per core]",
			},
		},
		{
			"a server named twice gives no duplicates", WSGI,
			Matrix{Servers: []string{"gunicorn-sync", "gunicorn-sync"}, Proxies: []string{Direct, Direct}, Workers: Counts{"1"}, Threads: Counts{"1"}}, 1,
			[]string{
				"server=gunicorn-sync/proxy=direct/workers=1/threads=1 [one worker per core]",
				"server=gunicorn-sync/proxy=direct/workers=3/threads=1 [2 × cores + 1 workers]",
			},
		},
		{
			"instances are innermost, and the folklore has one", WSGI,
			Matrix{Servers: []string{"gunicorn-sync"}, Proxies: []string{Direct, "nginx"}, Workers: Counts{"1"}, Threads: Counts{"1", "2"}, Instances: Counts{"1", "2*cores"},
				Exclude: []string{"proxy=direct/instances=2", "threads=2/instances=1"}}, 1,
			[]string{
				"server=gunicorn-sync/proxy=direct/workers=1/threads=1 [one worker per core]",
				"server=gunicorn-sync/proxy=nginx/workers=1/threads=1 [one worker per core]",
				"server=gunicorn-sync/proxy=nginx/workers=1/threads=1/instances=2",
				"server=gunicorn-sync/proxy=nginx/workers=1/threads=2/instances=2 (gunicorn-sync has one thread)",
				"server=gunicorn-sync/proxy=direct/workers=3/threads=1 [2 × cores + 1 workers]",
				"server=gunicorn-sync/proxy=nginx/workers=3/threads=1 [2 × cores + 1 workers]",
			},
		},
		{
			"folklore is one instance where the grid has several", WSGI,
			Matrix{Servers: []string{"gunicorn-sync"}, Proxies: []string{Direct}, Workers: Counts{"1"}, Threads: Counts{"1"}, Instances: Counts{"5"}}, 1,
			[]string{
				"server=gunicorn-sync/proxy=direct/workers=1/threads=1/instances=5 (direct balances over no instances)",
				"server=gunicorn-sync/proxy=direct/workers=3/threads=1 [2 × cores + 1 workers]",
				"server=gunicorn-sync/proxy=direct/workers=1/threads=1 [one worker per core]",
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := Scenario{App: App{Interface: tt.iface}, Matrix: tt.m}
			if got := planned(s.Cells(tt.cores, testCatalogue)); !slices.Equal(got, tt.want) {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestCellsOfDjangoShop(t *testing.T) {
	s, _, _, err := Open("django-shop", nil, testCatalogue)
	if err != nil {
		t.Fatal(err)
	}
	able := 0
	for _, p := range s.Cells(2, testCatalogue) {
		if p.NotApplicable == "" {
			able++
		}
	}
	// Three sync and three gthread settings, and 2 × 2 + 1 sync workers, with
	// and without nginx.
	if able != 14 {
		t.Errorf("%d cells can be measured, want 14", able)
	}
}
