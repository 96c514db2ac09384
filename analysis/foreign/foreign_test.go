package foreign

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

const benchAttack = "../../cmd/bench-attack/testdata/"

// What the tools wrote, told by its content.
func TestReadFile(t *testing.T) {
	const ms, us = time.Millisecond, time.Microsecond
	for _, tt := range []struct {
		file, tool, format string
		requests, errors   uint64
		good               float64
		quantiles          map[string]time.Duration
		withheld           string
		loop               string
	}{
		{"testdata/vegeta.bin.gz", "vegeta", "vegeta results, gob", 100, 2, 293.5, map[string]time.Duration{"max": 112959 * us}, "p50 p75 p90 p95 p99 p99.9 p99.99", ""},
		{"testdata/vegeta.json", "vegeta", "vegeta results, JSON", 100, 2, 293.5, map[string]time.Duration{"max": 112959 * us}, "p50 p75 p90 p95 p99 p99.9 p99.99", ""},
		{"testdata/vegeta.csv", "vegeta", "vegeta results, CSV", 100, 2, 293.5, map[string]time.Duration{"max": 112959 * us}, "p50 p75 p90 p95 p99 p99.9 p99.99", ""},
		{"testdata/vegeta-report.json", "vegeta", "vegeta report, JSON", 300, 4, 296.3, map[string]time.Duration{"p50": 2612730, "max": 112911959}, "p90 p95 p99", ""},
		{benchAttack + "vegeta.json", "vegeta", "vegeta report, JSON", 100, 0, 100.9, map[string]time.Duration{"max": 2099743}, "p50 p90 p95 p99", ""},
		{"testdata/k6-export.json", "k6", "k6 summary, JSON", 2405, 20, 1191.2, map[string]time.Duration{"p50": 2717186, "p90": 4840128, "p95": 5883785, "max": 66263067}, "p99", ""},
		{"testdata/k6-handle.json", "k6", "k6 summary, JSON", 2627, 25, 1299.3, map[string]time.Duration{"p50": 2625036, "p90": 4480320, "p95": 5325679, "max": 34979545}, "p99", ""},
		{"testdata/k6-new.json", "k6", "k6 summary, JSON", 2343, 23, 1158.5, map[string]time.Duration{"p50": 2752644, "p90": 5584906, "p95": 7716418, "max": 16014728}, "", ""},
		{"testdata/k6-dropped.json", "k6", "k6 summary, JSON", 1001, 9, 989.4, map[string]time.Duration{"p50": 2743331, "p90": 4818105, "max": 27166855}, "p95", Open},
		{benchAttack + "k6.json", "k6", "k6 summary, JSON", 101, 0, 100.8, map[string]time.Duration{"max": 4429906}, "p50 p90 p99 p99.9", ""},
		{"testdata/wrk-latency.txt", "wrk", "wrk text", 5349, 0, 2661.2, map[string]time.Duration{"p50": 2600 * us, "p75": 3780 * us, "p90": 5720 * us, "max": 203910 * us}, "p99", Closed},
		{"testdata/wrk-errors.txt", "wrk", "wrk text", 1035, 10, 1004.9, map[string]time.Duration{"max": 84680 * us}, "", Closed},
		{"testdata/oha.json", "oha", "oha, JSON", 2600, 26, 1286.2, map[string]time.Duration{"p10": 1600 * us, "p25": 2 * ms, "p50": 2700 * us, "p75": 3600 * us, "p90": 4700 * us, "p95": 5800 * us, "max": 41200 * us}, "p99 p99.9 p99.99", ""},
		{"testdata/oha.txt", "oha", "oha text", 2600, 26, 1286.2, map[string]time.Duration{"p10": 1600 * us, "p50": 2700 * us, "p95": 5800 * us, "max": 41200 * us}, "p99", ""},
		{"testdata/hey.txt", "hey", "hey text", 2720, 23, 1347.0, map[string]time.Duration{"p10": 1500 * us, "p25": 1900 * us, "p50": 2700 * us, "p75": 3500 * us, "p90": 4600 * us, "p95": 5500 * us, "max": 15300 * us}, "p99", Closed},
		{"testdata/hey-refused.txt", "hey", "hey text", 20, 20, 0, map[string]time.Duration{}, "", Closed},
		{"testdata/hey.csv", "hey", "hey CSV", 200, 3, 1167.1, map[string]time.Duration{"p50": 2901 * us, "max": 15207 * us}, "p75 p90 p95 p99 p99.9 p99.99", Closed},
		{"testdata/ab.txt", "ab", "ab text", 1396, 12, 1382.6, map[string]time.Duration{"p50": 3 * ms, "p66": 3 * ms, "p75": 4 * ms, "p80": 4 * ms, "p90": 4 * ms, "max": 41 * ms}, "p95 p98 p99", Closed},
		{"testdata/h2load.txt", "h2load", "h2load text", 885, 7, 878, map[string]time.Duration{}, "", Closed},
		{benchAttack + "bombardier.json", "bombardier", "bombardier, JSON", 101, 0, 100.8, map[string]time.Duration{"max": 4936 * us}, "p50 p75 p90 p95 p99", Closed},
		{benchAttack + "fortio.json", "fortio", "fortio, JSON", 100, 0, 99.8, map[string]time.Duration{"max": 1808289}, "p50 p90 p99 p99.9", Closed},
	} {
		t.Run(filepath.Base(tt.file), func(t *testing.T) {
			got, err := ReadFile(tt.file)
			if err != nil {
				t.Fatal(err)
			}
			if got.Tool != tt.tool || got.Format != tt.format || got.File != tt.file || got.Loop != tt.loop {
				t.Errorf("%s, %s, %s, loop %q; want %s, %s, loop %q", got.Tool, got.Format, got.File, got.Loop, tt.tool, tt.format, tt.loop)
			}
			if got.Requests != tt.requests || got.Errors != tt.errors {
				t.Errorf("%d requests, %d errors; want %d, %d", got.Requests, got.Errors, tt.requests, tt.errors)
			}
			if math.Abs(got.Good()-tt.good) > 0.1 {
				t.Errorf("%.2f good requests/s, want %.1f", got.Good(), tt.good)
			}
			if !maps.Equal(got.Quantiles, tt.quantiles) {
				t.Errorf("quantiles %v, want %v", got.Quantiles, tt.quantiles)
			}
			if w := strings.Join(got.Withheld, " "); w != tt.withheld {
				t.Errorf("withheld %q, want %q", w, tt.withheld)
			}
			if len(got.SHA256) != 64 || got.ErrorsAre == "" {
				t.Errorf("SHA-256 %q, errors are %q", got.SHA256, got.ErrorsAre)
			}
		})
	}
}

const wrk2Text = `Running 2s test @ http://host/
  1 threads and 4 connections
  Thread calibration: mean lat.: 1.034ms, rate sampling interval: 10ms
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.24ms  561.23us   8.49ms   95.96%
  Latency Distribution (HdrHistogram - Recorded Latency)
 50.000%    1.12ms
 99.000%    4.50ms
 99.900%    6.50ms
#[Mean    =        1.240, StdDeviation   =        0.561]
#[Max     =        8.490, Total count    =        18000]
  Latency Distribution (HdrHistogram - Uncorrected Latency (measured without taking delayed starts into account))
 50.000%    0.90ms
  Non-2xx or 3xx responses: 1
  Socket errors: connect 0, read 2, write 0, timeout 3
  20000 requests in 2.00s, 1.00MB read
Requests/sec:   10000.00
`

func read(s string) (Single, error) { return Read("some.file", strings.NewReader(s)) }

// wrk2 has a schedule, which makes its percentiles other ones.
func TestWrk2(t *testing.T) {
	got, err := read(wrk2Text)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]time.Duration{"p50": 1120 * time.Microsecond, "p99": 4500 * time.Microsecond, "max": 8490 * time.Microsecond}
	if got.Tool != "wrk2" || got.Loop != Open || got.Clock != FromSchedule || !maps.Equal(got.Quantiles, want) {
		t.Errorf("read %+v", got)
	}
	if got.Samples != 18000 || strings.Join(got.Withheld, "") != "p99.9" {
		t.Errorf("%d samples, withheld %v", got.Samples, got.Withheld)
	}
	if got.Requests != 20005 || got.Errors != 6 || got.Connections != 4 || got.Target != "http://host/" {
		t.Errorf("%d requests, %d errors, %d connections, %s", got.Requests, got.Errors, got.Connections, got.Target)
	}
}

// Every file cut in its middle is an error that names it, and none of the
// readers panics wherever the cut is.
func TestCutFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, ".md") {
			continue
		}
		for cut := len(whole) / 40; cut < len(whole); cut += len(whole)/40 + 1 {
			if whole[cut-1] == '\n' {
				cut-- // between two lines of results nothing shows it
			}
			s, err := Read(file, bytes.NewReader(whole[:cut]))
			if err == nil && cut < len(whole)/2 {
				t.Errorf("%s cut at %d of %d gives %+v", file, cut, len(whole), s)
			}
			if err != nil && !strings.HasPrefix(err.Error(), file+": ") {
				t.Errorf("%s: the error does not name it: %v", file, err)
			}
		}
	}
}

func TestWhatIsNoResult(t *testing.T) {
	record := `1795283308999873000,200,1000,0,5,,,a,0,GET,http://h/,` + "\n"
	for _, tt := range []struct{ name, file, want string }{
		{"nothing", "", "the file is empty"},
		{"blanks", " \n\n", "the file is empty"},
		{"prose", "Dear all,\n", "of no format that is known; they are: vegeta results, gob; "},
		{"another JSON", `{"a": 1}`, "of no format that is known"},
		{"JSON cut", "{\n\"metrics\": {", "line 2: unexpected end of JSON input: the file is cut off: let the tool end"},
		{"two documents", "{\"metrics\": {\"a\": 1}}\n{}", "line 2, byte 23: invalid character '{' after top-level value"},
		{"JSON of another kind", `{"latencies": 3, "status_codes": {}, "throughput": 1}`, "line 1, byte 15: json: cannot unmarshal number"},
		{"k6 without HTTP", `{"metrics": {"iterations": {"count": 1}}}`, "the script made no HTTP request"},
		{"k6, more failed than made", `{"metrics": {"http_reqs": {"count": 1}, "http_req_failed": {"passes": 2}}}`, "2 errors among 1 requests"},
		{"k6, negative", `{"metrics": {"http_reqs": {"count": -1}}}`, "-1 is no number of requests"},
		{"report, success of 3", `{"latencies": {}, "status_codes": {}, "throughput": 1, "requests": 2, "success": 3}`, "success 3 is no share"},
		{"report of nothing", `{"latencies": {}, "status_codes": {}, "throughput": 1}`, "no request was made"},
		{"oha, endless", `{"summary": {"total": 1e300}, "latencyPercentiles": {}, "statusCodeDistribution": {"200": 1}}`, "is no duration of an attack"},
		{"CSV, a word", strings.Repeat(record, 3) + "yesterday,200,1,0,5,,,a,0,GET,u,\n", "result 4, before byte "},
		{"CSV, a column less", record + "1795283308999873000,200,1000\n", "record on line 2: wrong number of fields"},
		{"CSV, back in time", record + "1795283308999873000,200,-1000,0,5,,,a,0,GET,u,\n", "negative latency"},
		{"CSV of two attacks", record + "1995283308999873000,200,1000,0,5,,,a,0,GET,u,\n", "results of several attacks?"},
		{"CSV without its end", strings.TrimSuffix(record, "\n"), "after result 1: the file is cut off"},
		{"hey CSV, a word", heyColumns + "\n0.1,0,0,0,0,0,200,0.1\nlong,0,0,0,0,0,200,0.1\n", `line 3: "long" is no amount`},
		{"hey CSV, NaN", heyColumns + "\nNaN,0,0,0,0,0,200,0.1\n", `"NaN" is no amount`},
		{"hey CSV, head only", heyColumns + "\n", "no request was made"},
		{"gzip cut", "\x1f\x8b\x08", "unpack: unexpected EOF: the file is cut off"},
		{"wrk cut", "  Thread Stats   Avg      Stdev\n  3 requests in 1.00s\nRequests/sec:   33", `wrk printed no line "Requests/sec:": the file is cut off`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := read(tt.file)
			if err == nil {
				t.Fatalf("read as %+v", got)
			}
			if !strings.HasPrefix(err.Error(), "some.file: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want one with %q", err, tt.want)
			}
		})
	}
}

// endless gives the same line for ever, and counts.
type endless struct {
	line []byte
	at   int
	read int64
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		k := copy(p[n:], e.line[e.at:])
		n, e.at = n+k, (e.at+k)%len(e.line)
	}
	e.read += int64(n)
	return n, nil
}

// What has no end is given up soon.
func TestTooLarge(t *testing.T) {
	for _, tt := range []struct{ name, head string }{
		{"document", `{"metrics": "`},
		{"result", `{"attack":"a","seq":1,"body":"`},
		{"text", "Thread Stats   Avg"},
		{"CSV", `1795283308999873000,200,1000,0,5,"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rest := &endless{line: []byte("xxxxxxx ")}
			_, err := Read("large", io.MultiReader(strings.NewReader(tt.head), rest))
			if err == nil || !strings.Contains(err.Error(), "larger than 16 MiB") {
				t.Errorf("error %v", err)
			}
			if rest.read > 2*mostDocument {
				t.Errorf("read %d bytes", rest.read)
			}
		})
	}
}

// A latency that is claimed has a hundred requests beyond it; results may be in
// any order, and a file longer than any memory is no matter: it is read one by
// one.
func TestManyResults(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	packed := bytes.Buffer{}
	z := gzip.NewWriter(&packed)
	encode := vegeta.NewEncoder(z)
	const n = 20000
	for i := range n {
		at := (i * 7919) % n
		r := vegeta.Result{
			Code: 200, Timestamp: began.Add(time.Duration(at) * time.Millisecond), Latency: time.Duration(at+1) * time.Microsecond,
			URL: fmt.Sprintf("http://host:80/%d", i%3),
		}
		if i%1000 == 0 {
			r.Error = "wrong body"
		}
		if err := encode(&r); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := Read("many", &packed)
	if err != nil {
		t.Fatal(err)
	}
	if got.Requests != n || got.Errors != n/1000 || got.Target != "http://host:80" || math.Abs(got.Offered-1000) > 0.1 {
		t.Errorf("read %+v", got)
	}
	for name, want := range map[string]time.Duration{"p50": n / 2 * time.Microsecond, "p99": n * 99 / 100 * time.Microsecond} {
		if off := float64(got.Quantiles[name]-want) / float64(want); math.Abs(off) > 0.002 {
			t.Errorf("%s is %v, want %v", name, got.Quantiles[name], want)
		}
	}
	if strings.Join(got.Withheld, " ") != "p99.9 p99.99" {
		t.Errorf("withheld %v", got.Withheld)
	}
}

// Raw results of our own trials are told by the trial beside them.
func TestRawResultsOfATrial(t *testing.T) {
	dir := t.TempDir()
	b, err := os.ReadFile("testdata/vegeta.bin.gz")
	if err != nil {
		t.Fatal(err)
	}
	raw := filepath.Join(dir, "results.bin.gz")
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("results.bin.gz", string(b))
	put("trial.json", `{"ID": 3, "Load": {"Offered": 300}}`)
	got, err := ReadFile(raw)
	if err != nil || got.Tool != "sweetspot" || got.Loop != Open || got.Offered != 300 {
		t.Errorf("read %+v, %v", got, err)
	}
	put("trial.json", `{"ID": 3}`)
	if got, err := ReadFile(raw); err != nil || got.Tool != "sweetspot" || got.Loop != Closed {
		t.Errorf("read %+v, %v", got, err)
	}
	put("trial.json", `{"ID": `)
	if _, err := ReadFile(raw); err == nil || !strings.Contains(err.Error(), "trial.json beside it") {
		t.Errorf("error %v", err)
	}
	if _, err := ReadFile(dir); err == nil || !strings.Contains(err.Error(), "a folder, and no run directory") {
		t.Errorf("error %v", err)
	}
}

// What an error quotes of a file does not steer the terminal.
func TestErrorsAreHarmless(t *testing.T) {
	for _, file := range []string{
		`{"attack":"a","seq":` + "\x1b[2J\x07" + `}` + "\n",
		"{\"metrics\": {\"\x1b[2J\": {\"values\": 3}, \"http_reqs\": {}}}",
		`{"metrics": {"\u001b[2J": {"values": 3}, "http_reqs": {}}}`,
	} {
		if _, err := read(file); err == nil || strings.ContainsAny(err.Error(), "\x1b\x07") {
			t.Errorf("%q: %q", file, err)
		}
	}
}

// sane reports a result that cannot be.
func sane(t *testing.T, s Single) {
	t.Helper()
	if s.Errors > s.Requests || s.Duration < 0 || !(s.Rate >= 0) || !(s.Good() >= 0) || s.Connections < 0 {
		t.Errorf("read %+v", s)
	}
	for name, d := range s.Quantiles {
		if d < 0 || name != most && !strings.HasPrefix(name, "p") {
			t.Errorf("%s is %v", name, d)
		}
	}
	if _, err := json.Marshal(s); err != nil {
		t.Error(err)
	}
}

// FuzzParsers: the same of what takes all of a file, whatever its format.
func FuzzParsers(f *testing.F) {
	for _, file := range []string{"wrk-errors.txt", "hey-refused.txt", "ab.txt", "h2load.txt", "oha.txt", "oha.json", "k6-new.json"} {
		b, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, parse := range []func([]byte) (Single, error){Wrk, Hey, OhaText, Ab, H2load, Oha, K6, Bombardier, Fortio, VegetaReport} {
			if s, err := parse(b); err == nil {
				sane(t, s)
			}
		}
	})
}

// FuzzRead: no file makes a reader panic, or gives a result that cannot be.
func FuzzRead(f *testing.F) {
	for _, file := range []string{"wrk-latency.txt", "hey.txt", "ab.txt", "h2load.txt", "oha.txt", "oha.json", "k6-export.json", "vegeta-report.json"} {
		b, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(wrk2Text))
	f.Add([]byte(heyColumns + "\n0.1,0,0,0,0,0,200,0.1\n"))
	f.Add([]byte(`1795283308999873000,200,1000,0,5,,,a,0,GET,u,` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Read("fuzz", bytes.NewReader(b))
		if err != nil {
			return
		}
		sane(t, s)
	})
}
