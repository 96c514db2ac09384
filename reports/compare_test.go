package reports

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"sweetspot/analysis"
	"sweetspot/analysis/compare"
	"sweetspot/analysis/foreign"
	"sweetspot/scenarios"
)

func comparedSingle(file, target string, requests uint64, p50 time.Duration) foreign.Single {
	return foreign.Single{
		Tool: "wrk", Format: "wrk text", File: file, SHA256: file, Target: target, Requests: requests, Errors: requests / 500, ErrorsAre: "answers other than 2xx and 3xx",
		Samples: requests, Duration: 10 * time.Second, Rate: float64(requests) / 10, Connections: 8, Loop: foreign.Closed, Clock: foreign.FromSending,
		Quantiles: map[string]time.Duration{"p50": p50, "max": 40 * p50}, Withheld: []string{"p99"}, Cannot: []string{"how long requests would have waited during a stall"},
	}
}

func comparedFilesOf(t *testing.T, base, candidate []foreign.Single) *compare.Files {
	t.Helper()
	f, err := compare.OfFiles(base, candidate)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestComparedFiles(t *testing.T) {
	const ms = time.Millisecond
	single := comparedFilesOf(t, []foreign.Single{comparedSingle("before.txt", "http://h/", 5000, 2*ms)}, []foreign.Single{comparedSingle("after.txt", "http://h/", 4500, 3*ms)})
	several := comparedFilesOf(t,
		[]foreign.Single{comparedSingle("a1.txt", "http://h/", 5000, 2000*time.Microsecond), comparedSingle("a2.txt", "http://h/", 5100, 2010*time.Microsecond), comparedSingle("a3.txt", "http://h/", 5050, 1990*time.Microsecond)},
		[]foreign.Single{comparedSingle("b1.txt", "http://h/", 4500, 2100*time.Microsecond), comparedSingle("b2.txt", "http://h/", 4600, 1900*time.Microsecond), comparedSingle("b3.txt", "http://h/", 4550, 2050*time.Microsecond)})
	golden(t, "testdata/compare-single.txt", FilesText(single, false, 100))
	golden(t, "testdata/compare-several.txt", FilesText(several, false, 100))
	golden(t, "testdata/compare-several.md", FilesMarkdown(several))
	b, err := FilesJSON(several)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/compare-several.json", b)
}

func TestComparedRuns(t *testing.T) {
	cell := func(workers int, rate float64) *analysis.Cell {
		f := &analysis.Figure{Value: rate, Low: rate - 40, High: rate + 40, N: 5}
		return &analysis.Cell{Planned: scenarios.Planned{Cell: scenarios.Cell{Server: "gunicorn-sync", Proxy: "nginx", Workers: workers, Threads: 1}}, Final: f}
	}
	a := &analysis.Result{Cells: []*analysis.Cell{cell(2, 800), cell(4, 1000)}}
	b := &analysis.Result{Cells: []*analysis.Cell{cell(2, 790), cell(4, 900), cell(8, 700)}}
	a.Winner, b.Winner = a.Cells[1], b.Cells[1]
	r := compare.OfRuns(compare.Run{Dir: "/runs/before", Result: a}, compare.Run{Dir: "/runs/after", Result: b}, []string{"kernel: 6.1 there, 6.18 here"})
	golden(t, "testdata/compare-runs.txt", RunsText(r, false, 100))
	golden(t, "testdata/compare-runs.md", RunsMarkdown(r))
	j, err := RunsJSON(r)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/compare-runs.json", j)
	b.Winner = nil
	b.Because = "no cell meets the objectives"
	r = compare.OfRuns(compare.Run{Dir: "/runs/before", Result: a}, compare.Run{Dir: "/runs/after", Result: b}, nil)
	if text := string(RunsText(r, false, 100)); !strings.HasPrefix(text, "One of the runs recommends nothing") {
		t.Errorf("text %s", text)
	}
}

// What stands in files neither steers a terminal nor is markup: it is code, and
// cannot end it.
func TestComparedFilesAreHostile(t *testing.T) {
	target := "http://h/\x1b[2J\x1b]0;title\x07`@everyone` | <img src=x> [a](b)\n# heading \u202egnp " + strings.Repeat("x", 10000)
	file := "/tmp/**bold** `|` @all\x1b[31m.txt"
	f := comparedFilesOf(t, []foreign.Single{comparedSingle(file, target, 5000, time.Millisecond)}, []foreign.Single{comparedSingle("b", "http://h/", 5000, time.Millisecond)})
	text, markdown := string(FilesText(f, false, 100)), string(FilesMarkdown(f))
	for name, s := range map[string]string{"text": text, "markdown": markdown} {
		if strings.ContainsAny(s, "\x1b\x07\u202e") || len(s) > 6000 {
			t.Errorf("%s, %d bytes: %q", name, len(s), s)
		}
	}
	for _, l := range strings.Split(markdown, "\n") {
		outside := ""
		for i, part := range strings.Split(l, "`") {
			if i%2 == 0 {
				outside += part
			}
		}
		if strings.Count(l, "`")%2 != 0 || strings.ContainsAny(outside, "@<") || strings.HasPrefix(l, "# ") || strings.Contains(outside, "](") {
			t.Errorf("markup in %q", l)
		}
	}
	b, err := FilesJSON(f)
	if err != nil || !json.Valid(b) {
		t.Errorf("JSON %s, %v", b, err)
	}
}
