package reports

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// contestOf is a contest of two, the reference first.
func contestOf(dimension string, ref, other analysis.Entry) *analysis.Contest {
	ref.Reference = true
	return &analysis.Contest{Dimension: dimension, Entries: []analysis.Entry{ref, other}}
}

// measured is a cell with a final rate.
func measured(server, proxy string, workers int, rate float64) *analysis.Cell {
	c := &analysis.Cell{Final: threeStarts(rate, 0.02*rate)}
	c.Cell = scenarios.Cell{Server: server, Proxy: proxy, Workers: workers, Threads: 1}
	return c
}

func TestVerdict(t *testing.T) {
	direct, nginx := measured("a", scenarios.Direct, 4, 300), measured("a", "nginx", 4, 360)
	direct.Classes = map[string]*analysis.Figure{scenarios.Static: threeStarts(1000, 9), scenarios.Dynamic: threeStarts(280, 9)}
	b := measured("b", "nginx", 2, 240)
	five := measured("a", "nginx", 1, 330)
	five.Cell.Instances = 5
	classes := map[string]*analysis.Figure{scenarios.Static: threeStarts(12, 1), scenarios.Dynamic: threeStarts(0.99, 0.05)}
	for _, tt := range []struct {
		name    string
		compare string
		contest *analysis.Contest
		want    string
	}{
		{"nothing is compared", "", nil, ""},
		{"too little was measured", scenarios.CompareProxy, nil, ""},
		{"proxy", scenarios.CompareProxy,
			contestOf(scenarios.CompareProxy, analysis.Entry{Value: scenarios.Direct, Cell: direct}, analysis.Entry{Value: "nginx", Cell: nginx, Ratio: threeStarts(1.2, 0.1), Classes: classes}),
			"Behind nginx, a with 4 workers × 1 thread sustains 1.20 × (1.10–1.30) the rate that it does without a proxy; dynamic throughput alone 0.99 × (0.94–1.04, no difference shown); static throughput alone 12.0 × (11.0–13.0)."},
		{"proxy, one class", scenarios.CompareProxy,
			contestOf(scenarios.CompareProxy, analysis.Entry{Value: scenarios.Direct, Cell: direct}, analysis.Entry{Value: "nginx", Cell: nginx, Ratio: noInterval(1.2)}),
			"Behind nginx, a with 4 workers × 1 thread sustains 1.20 × (no interval) the rate that it does without a proxy."},
		{"proxy, no finals", scenarios.CompareProxy,
			contestOf(scenarios.CompareProxy, analysis.Entry{Value: scenarios.Direct, Cell: direct}, analysis.Entry{Value: "nginx", Cell: nginx}), ""},
		{"class", scenarios.CompareClass,
			contestOf(scenarios.CompareClass, analysis.Entry{Value: scenarios.Direct, Cell: direct}, analysis.Entry{Value: "nginx", Cell: nginx, Ratio: threeStarts(1.2, 0.1), Classes: classes}),
			"In closed loops of one class alone, a with 4 workers × 1 thread serves 1,000 static or 280 dynamic requests/s without a proxy; behind nginx 12.0 × (11.0–13.0) as many static ones and 0.99 × (0.94–1.04, no difference shown) as many dynamic ones."},
		{"server", scenarios.CompareServer,
			contestOf(scenarios.CompareServer, analysis.Entry{Value: "a", Cell: nginx}, analysis.Entry{Value: "b", Cell: b, Ratio: threeStarts(0.66, 0.02)}),
			"Of 2 application servers, each at its best, a sustains the most: 360 (353–367) requests/s with 4 workers × 1 thread. Of that rate b sustains 0.66 × (0.64–0.68)."},
		{"interface", scenarios.CompareInterface,
			contestOf(scenarios.CompareInterface, analysis.Entry{Value: scenarios.WSGI, Cell: nginx}, analysis.Entry{Value: scenarios.ASGI, Cell: b, Ratio: threeStarts(0.66, 0.02)}),
			"ASGI sustains 0.66 × (0.64–0.68) the rate of WSGI: 240 requests/s with b behind nginx, 2 workers × 1 thread, against 360 with a behind nginx, 4 workers × 1 thread."},
		{"instances", scenarios.CompareInstances,
			contestOf(scenarios.CompareInstances, analysis.Entry{Value: "1", Cell: nginx}, analysis.Entry{Value: "5", Cell: five, Ratio: threeStarts(0.92, 0.02)}),
			"Balancing over 5 instances sustains 0.92 × (0.90–0.94) the rate of one server: 330 requests/s with a behind nginx, 5 instances of 1 worker × 1 thread, against 360 with a behind nginx, 4 workers × 1 thread."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := sample()
			in.Manifest.Scenario.Search.Compare, in.Result.Contest = tt.compare, tt.contest
			m := newModel(in)
			if m.Verdict != tt.want {
				t.Errorf("got  %q\nwant %q", m.Verdict, tt.want)
			}
			if m.Headline != "Run gunicorn-sync behind nginx with 4 workers of 1 thread." {
				t.Errorf("the verdict takes the place of the recommendation: %q", m.Headline)
			}
		})
	}
}

func TestFolkloreVerdict(t *testing.T) {
	winner, two, one := measured("a", "nginx", 4, 400), measured("a", "nginx", 5, 300), measured("a", "nginx", 2, 250)
	blocked := measured("a", scenarios.Direct, 5, 0)
	blocked.Final, blocked.Infeasible = nil, "p99 was 312 ms at a tenth of the load"
	for _, tt := range []struct {
		name     string
		folklore []analysis.Comparison
		want     string
	}{
		{"none", nil, ""},
		{"both are beaten", []analysis.Comparison{{Name: scenarios.FolkloreTwice, Cell: two, Ratio: threeStarts(1.33, 0.03)}, {Name: scenarios.FolkloreCores, Cell: one, Ratio: threeStarts(1.6, 0.7)}},
			"Measuring finds a configuration that sustains 1.33 × (1.30–1.36) the rate of 2 × cores + 1 workers (a behind nginx, 5 workers × 1 thread) and 1.60 × (0.90–2.30, no difference shown) the rate of one worker per core (a behind nginx, 2 workers × 1 thread)."},
		{"one is right", []analysis.Comparison{{Name: scenarios.FolkloreTwice, Cell: winner}, {Name: scenarios.FolkloreCores, Cell: one, Ratio: threeStarts(1.6, 0.1)}},
			"Measuring recommends 2 × cores + 1 workers, too; it sustains 1.60 × (1.50–1.70) the rate of one worker per core (a behind nginx, 2 workers × 1 thread)."},
		{"one sustains nothing", []analysis.Comparison{{Name: scenarios.FolkloreTwice, Cell: blocked}},
			"2 × cores + 1 workers (a without a proxy, 5 workers × 1 thread) sustains no known rate: it sustains no load within the objectives, p99 was 312 ms at a tenth of the load."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := sample()
			in.Manifest.Scenario.Search.Compare = scenarios.CompareFolklore
			in.Result.Winner, in.Result.Folklore = winner, tt.folklore
			m := newModel(in)
			if m.Verdict != tt.want {
				t.Errorf("got  %q\nwant %q", m.Verdict, tt.want)
			}
			if i := slices.IndexFunc(m.Answer, func(a string) bool { return strings.Contains(a, "cores + 1") }); i >= 0 {
				t.Errorf("the answer repeats the verdict: %q", m.Answer[i])
			}
		})
	}
}

func TestVerdictBesideTheAttack(t *testing.T) {
	cell := func(server, proxy string, answered, at float64, held int) *analysis.Cell {
		c := measured(server, proxy, 2, 100)
		c.Beside = &analysis.Beside{Answered: answered, AnsweredAt: at, WebSockets: &rundir.WebSockets{Wanted: 9, Held: held}}
		return c
	}
	slow, sockets := &scenarios.Slow{Clients: 12}, &scenarios.WebSockets{Connections: 9}
	for _, tt := range []struct {
		name    string
		slow    *scenarios.Slow
		sockets *scenarios.WebSockets
		cells   []*analysis.Cell
		want    string
	}{
		{"nothing measured", slow, sockets, []*analysis.Cell{measured("a", "nginx", 2, 100)}, ""},
		{"slow clients", slow, nil, []*analysis.Cell{cell("a", scenarios.Direct, 0, 9, 0), cell("a", scenarios.Direct, 0.125, 9, 0), cell("a", "nginx", 1, 9, 0)},
			"Beside 12 slow clients, at the lowest rate that was tried, normal requests answered well: 0–12.5 % by a without a proxy; 100 % by a behind nginx."},
		{"no open loop was tried", slow, nil, []*analysis.Cell{cell("a", "nginx", 0, 0, 0)}, ""},
		{"WebSockets", nil, sockets, []*analysis.Cell{cell("a", "nginx", 1, 9, 0), cell("b", "nginx", 1, 9, 9)},
			"Of 9 WebSockets, held to the end: 0 by a behind nginx; 9 by b behind nginx."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := sample()
			in.Manifest.Scenario.Traffic.Slow, in.Manifest.Scenario.Traffic.WebSockets = tt.slow, tt.sockets
			in.Result.Cells = tt.cells
			if got := newModel(in).Verdict; got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// The verdict is the first thing that a report says, in the page after what to
// run, and the table behind it comes before all the others.
func TestVerdictComesFirst(t *testing.T) {
	for name, title := range map[string]string{"comparison": "Compared: proxy", "beside": "Beside the attack"} {
		for _, format := range []string{"text", "markdown", "html"} {
			t.Run(name+"/"+format, func(t *testing.T) {
				in := samples()[name]
				text := plainText(contents.ReplaceAllString(string(render(t, format, in)), ""))
				first, second := newModel(in).Verdict, "Run gunicorn"
				if format == "html" {
					first, second = second, first
				}
				order := []int{strings.Index(text, first), strings.Index(text, second), strings.Index(text, title), strings.Index(text, "What limits it"), strings.Index(text, "Every configuration")}
				if order[0] < 0 || !slices.IsSorted(order) {
					t.Errorf("%.20q, %.20q, %s, limit and matrix are at %v", first, second, title, order)
				}
			})
		}
	}
}

// contents are the titles that the page lists in advance.
var contents = regexp.MustCompile(`(?s)<nav .*?</nav>`)

// plainText undoes the escapes and line breaks of a format.
func plainText(s string) string {
	if i := strings.Index(s, "<main>"); i >= 0 {
		s = s[i:]
	}
	return strings.Join(strings.Fields(strings.NewReplacer("&lt;", "<", "&#43;", "+", `\_`, "_", `\.`, ".").Replace(s)), " ")
}

// The table of the proxies says what the sentences on the proxy would.
func TestProxiesAreComparedOnce(t *testing.T) {
	in := sampleComparison()
	if m := newModel(in); len(m.Tax) > 0 {
		t.Errorf("beside the contest the report says %q", m.Tax)
	}
	in.Result.Contest = nil
	if m := newModel(in); len(m.Tax) != 1 {
		t.Errorf("without a contest the report says %q, want one sentence", m.Tax)
	}
}

func TestContestTable(t *testing.T) {
	s := newModel(sampleComparison()).Early[0]
	want := []string{"haproxy", "291", "282–300", "0.95 × (0.93–0.97)", "268", "0.95 × (0.93–0.97)", "1,070", "0.91 × (0.88–0.94)", "1.11 × (1.06–1.16)"}
	if got := s.Table[3]; !slices.Equal(got, want) {
		t.Errorf("row %q, want %q", got, want)
	}
	lines := strings.Join(s.Lines, "\n")
	for _, want := range []string{"All are gunicorn-gthread with 4 workers × 4 threads.", "haproxy serves no files: static requests go to the application behind it.", "caddy is not compared: caddy is not installed"} {
		if strings.Count(lines, want) != 1 {
			t.Errorf("%q is not said once in\n%s", want, lines)
		}
	}
	if strings.Contains(lines, "nginx serves no files") {
		t.Error("nginx serves files")
	}
}

// Columns that nobody has a figure for are left out, and servers are named
// with the size that is their best.
func TestContestTableOfServers(t *testing.T) {
	in := sample()
	in.Result.Contest = contestOf(scenarios.CompareServer, analysis.Entry{Value: "a", Cell: measured("a", "nginx", 4, 360)}, analysis.Entry{Value: "b", Cell: measured("b", "nginx", 2, 240), Ratio: threeStarts(0.66, 0.02)})
	in.Result.Contest.Entries[1].Cell.Final = nil
	s := newModel(in).Early[0]
	if want := []string{"server", "configuration", "sustained req/s", "95 %", "ratio"}; !slices.Equal(s.Table[0], want) {
		t.Errorf("columns %q, want %q", s.Table[0], want)
	}
	if want := []string{"a (reference)", "a · nginx · 4×1", "360", "353–367", "1 ×"}; !slices.Equal(s.Table[1], want) {
		t.Errorf("row %q, want %q", s.Table[1], want)
	}
	if !strings.Contains(strings.Join(s.Lines, " "), "b was not measured on final starts") {
		t.Errorf("lines %q do not say that b lacks final starts", s.Lines)
	}
}

// What a section of the sample shows, and that a run without it has none.
func TestSections(t *testing.T) {
	comparison, beside := newModel(sampleComparison()), newModel(sampleBeside())
	all := slices.Concat(comparison.Early, comparison.Sections, beside.Early, beside.Sections)
	for _, tt := range []struct{ title, want string }{
		{"What was read back", "gunicorn-gthread behind nginx, 8 workers × 4 threads is void: the stack runs 4 workers, the cell has 8."},
		{"What was read back", "3 configurations worked on exactly workers × threads requests at once"},
		{"Connections by worker", "gunicorn-gthread · direct · 4×4 1.75 × 3.50 × 28/4/0/0 9"},
		{"How static files are served", "By the proxy, with ETag, with Last-Modified, without Cache-Control, not compressed: gunicorn-gthread behind nginx."},
		{"Connections to services", "gunicorn-gthread · nginx · 4×4 postgresql 16 100"},
		{"Beside the attack", "gunicorn-sync · direct · 4×1 0.0 % 30.1 – – – – – 0 31 0 200 0 – –"},
		{"Beside the attack", "WebSockets refused with status 502: by uvicorn behind nginx."},
	} {
		t.Run(tt.title, func(t *testing.T) {
			i := slices.IndexFunc(all, func(s section) bool { return s.Title == tt.title })
			if i < 0 {
				t.Fatal("there is no such section")
			}
			text := strings.Join(all[i].Lines, "\n")
			for _, row := range all[i].Table {
				text += "\n" + strings.Join(row, " ")
			}
			if !strings.Contains(text, tt.want) {
				t.Errorf("%q is missing in\n%s", tt.want, text)
			}
		})
	}
	in := sample()
	in.Result.Generator = nil
	for _, c := range in.Result.Cells {
		c.WorkerCPU, c.ProcessMemory = nil, 0
	}
	if m := newModel(in); len(m.Early)+len(m.Sections) > 0 {
		t.Errorf("a run with nothing of the kind has the sections %+v %+v", m.Early, m.Sections)
	}
}

func TestServed(t *testing.T) {
	cell := measured("a", "nginx", 1, 1)
	for _, tt := range []struct {
		name    string
		answers []rundir.StaticAnswer
		want    string
	}{
		{"alike", []rundir.StaticAnswer{{Path: "/a", ETag: true}, {Path: "/b", ETag: true}}, "by the proxy, with ETag, without Cache-Control, not compressed"},
		{"compressed", []rundir.StaticAnswer{{Path: "/a", Encoding: "gzip", CacheControl: "max-age=60"}}, "by the proxy, with Cache-Control: max-age=60, compressed by gzip for clients that take it"},
		{"not alike", []rundir.StaticAnswer{{Path: "/a.css", Encoding: "gzip"}, {Path: "/b.png", Encoding: "identity"}},
			"by the proxy, /a.css without Cache-Control, compressed by gzip for clients that take it; /b.png without Cache-Control, not compressed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cell.Static = tt.answers
			if got := served(cell); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMethodStatesTheSetting(t *testing.T) {
	proxies := []string{scenarios.Direct, "nginx"}
	for _, tt := range []struct {
		name string
		s    scenarios.Scenario
		want string
	}{
		{"no proxy", scenarios.Scenario{App: scenarios.App{Wait: "/w"}, Matrix: scenarios.Matrix{Proxies: proxies[:1]}}, ""},
		{"defaults", scenarios.Scenario{App: scenarios.App{Wait: "/w"}, Matrix: scenarios.Matrix{Proxies: proxies}, Proxy: scenarios.Proxy{Upstream: scenarios.AutoUpstream, KeepAlive: 32, Buffering: true}},
			"Proxies reach the application over a Unix socket where the server can listen on one, else over TCP, keep up to 32 idle connections to each server and buffer requests and answers."},
		{"bare, over TLS", scenarios.Scenario{App: scenarios.App{Wait: "/w"}, Matrix: scenarios.Matrix{Proxies: proxies}, Proxy: scenarios.Proxy{Upstream: scenarios.TCPUpstream, TLS: true, HTTP2: true}},
			"Proxies reach the application over TCP, open a connection for every request and do not buffer; clients speak HTTP/2 over TLS to them."},
		{"nothing to wait on", scenarios.Scenario{}, "Live workers were counted on every stack. How many requests it works on at once was not measured, for app.wait names no path that waits."},
		{"connection life", scenarios.Scenario{App: scenarios.App{Wait: "/w"}, Traffic: scenarios.Traffic{PerConnection: 50}}, "Clients open a new connection after 50 requests in the mean."},
		{"a target", scenarios.Scenario{Target: "http://127.0.0.1:8000", Matrix: scenarios.Matrix{Proxies: proxies}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := strings.Join(setting(tt.s), " "); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// Of a target the report tells the capacity, and recommends nothing.
func TestTargetIsNotRecommended(t *testing.T) {
	in := sampleTarget()
	for _, format := range []string{"text", "markdown", "html"} {
		text := plainText(string(render(t, format, in)))
		if !strings.Contains(text, "The target sustains 1,234 requests/s (95 % interval 1,193–1,275, 3 fresh starts) within p99") || strings.Contains(text, "It sustains") {
			t.Errorf("%s does not tell the capacity", format)
		}
		for _, bad := range []string{"Run target", "workers=1/threads=1 It", "worker of", ">recommended<"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s has %q", format, bad)
			}
		}
	}
}

func TestUnknownIsNullInJSON(t *testing.T) {
	d := newBesideDoc(&analysis.Beside{Slow: &rundir.SlowClients{Served: 1}})
	for name, q := range map[string]quantity{"answered": d.Answered, "at": d.AnsweredAt, "rate": d.Rate, "p50": d.With.P50} {
		if !math.IsNaN(float64(q)) {
			t.Errorf("%s is %v, want null", name, q)
		}
	}
}

func TestSlowWords(t *testing.T) {
	for kind, want := range map[string]string{
		scenarios.SlowHeaders: "2 slow clients, each sending a byte of its headers every 500 ms.",
		scenarios.SlowBody:    "2 slow clients, each sending a byte of its body every 500 ms.",
		scenarios.SlowRead:    "2 slow clients, each reading 4 kB of its answer every 500 ms.",
	} {
		got := besideNotes(scenarios.Traffic{Slow: &scenarios.Slow{Clients: 2, Kind: kind, Every: scenarios.Duration(500 * time.Millisecond)}})
		if got[0] != want {
			t.Errorf("%q, want %q", got[0], want)
		}
	}
}

// Instances are part of a configuration's size wherever it is shown.
func TestInstancesAreShown(t *testing.T) {
	in := sample()
	in.Result.Winner.Cell.Instances = 5
	in.Result.Winner.Cell.Workers = 1
	text := string(Text(in, false, 140))
	for _, want := range []string{"Run 5 instances of gunicorn-sync behind nginx, each with 1 worker of 1 thread.", "5×1×1", "Workers written as a product"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q", want)
		}
	}
	if got := string(render(t, "markdown", in)); !strings.Contains(got, "| gunicorn-sync | nginx | 5 × 1 | 1 |") {
		t.Error("the matrix in Markdown lacks the instances")
	}
	if got := string(render(t, "html", in)); !strings.Contains(got, "<td>5 × 1</td>") {
		t.Error("the matrix of the page lacks the instances")
	}
}

func TestCut(t *testing.T) {
	table := [][]string{{"name", "one", "two", "three"}, {"a", "1", "2", "3"}}
	for _, tt := range []struct {
		width int
		want  []string // the heads
		ok    bool
	}{
		{23, []string{"name one two three"}, true},
		{22, []string{"name one two", "name three"}, true},
		{13, []string{"name one", "name two", "name three"}, true},
		{12, nil, false},
	} {
		pieces, ok := cut(table, 1, tt.width)
		var heads []string
		for _, p := range pieces {
			heads = append(heads, strings.Join(p[0], " "))
		}
		if ok != tt.ok || !slices.Equal(heads, tt.want) {
			t.Errorf("width %d: %q, %v; want %q, %v", tt.width, heads, ok, tt.want, tt.ok)
		}
	}
}
