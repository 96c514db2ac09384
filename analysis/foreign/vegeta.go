package foreign

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	vegeta "github.com/tsenart/vegeta/v12/lib"

	"sweetspot/runner/rundir"
)

// vegetaErrors is what vegeta counts.
const vegetaErrors = "answers other than 2xx and 3xx, and requests without an answer"

// vegetaCannot is what vegeta's files do not have.
var vegetaCannot = []string{
	"whether it was an open loop: -rate 0 makes it a closed one, and -max-workers bounds it",
	"response times from the schedule: it counts from when a worker sent, which is later when all were busy",
}

func isVegetaGob(in *input) bool {
	head := in.head[:min(len(in.head), 512)]
	for _, name := range []string{"Result", "Attack", "Timestamp", "Latency", "BytesOut"} {
		if !bytes.Contains(head, []byte(name)) {
			return false
		}
	}
	return head[0] != '{'
}

func isVegetaJSON(in *input) bool {
	return bytes.HasPrefix(in.head, []byte(`{"attack":`)) && bytes.Contains(in.head, []byte(`"seq":`))
}

var vegetaRecord = regexp.MustCompile(`^\d{10,19},\d{1,3},\d+,\d+,\d+,`)

func isVegetaCSV(in *input) bool { return vegetaRecord.Match(in.head) }

func readVegetaGob(in *input) (Single, error)  { return readVegeta(in, vegeta.NewDecoder, false) }
func readVegetaJSON(in *input) (Single, error) { return readVegeta(in, vegeta.NewJSONDecoder, true) }
func readVegetaCSV(in *input) (Single, error)  { return readVegeta(in, vegeta.NewCSVDecoder, true) }

// readVegeta reads results one by one, in lines or not.
func readVegeta(in *input, decoder vegeta.DecoderFactory, lines bool) (Single, error) {
	sum := vegetaSum{latency: rundir.NewHistogram()}
	next := decoder(in.rest)
	for {
		in.rest.allow()
		var r vegeta.Result
		err := decodeOne(next, &r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && (r.Timestamp.IsZero() || r.Latency < 0) {
			err = errors.New("it has no time, or a negative latency")
		}
		if err != nil {
			return Single{}, fmt.Errorf("result %d, before byte %d of what is unpacked: %w", sum.requests+1, in.rest.offset, whereCut(err))
		}
		sum.add(&r)
	}
	if lines && in.rest.last != '\n' {
		return Single{}, fmt.Errorf("after result %d: %w", sum.requests, errCut)
	}
	return sum.single()
}

// vegetaSum is what is kept of results.
type vegetaSum struct {
	requests, errors uint64
	latency          *hdr.Histogram
	first, last, end time.Time // sent first, sent last, answered last
	target           targets
}

func (v *vegetaSum) add(r *vegeta.Result) {
	v.requests++
	if r.Code < 200 || r.Code >= 400 || r.Error != "" {
		v.errors++
	}
	recordIn(v.latency, r.Latency)
	v.target.add(r.URL)
	if v.first.IsZero() || r.Timestamp.Before(v.first) {
		v.first = r.Timestamp
	}
	if r.Timestamp.After(v.last) {
		v.last = r.Timestamp
	}
	if r.End().After(v.end) {
		v.end = r.End()
	}
}

func (v *vegetaSum) single() (Single, error) {
	s := Single{
		Tool: "vegeta", Clock: FromSending, ErrorsAre: vegetaErrors, Cannot: vegetaCannot,
		Requests: v.requests, Errors: v.errors, Target: v.target.String(), Duration: v.end.Sub(v.first),
	}
	if s.Duration > mostSeconds*time.Second {
		return s, fmt.Errorf("its requests are %s apart: results of several attacks? Give each as a file", s.Duration)
	}
	if s.Duration > 0 {
		s.Rate = float64(s.Requests-s.Errors) / s.Duration.Seconds()
	}
	if sent := v.last.Sub(v.first); sent > 0 {
		s.Offered = float64(s.Requests) / sent.Seconds()
	}
	s.fill(v.latency)
	return s.check()
}

// decodeOne is the decoder, which a hostile file may make panic.
func decodeOne(next vegeta.Decoder, r *vegeta.Result) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("no result of vegeta: %v", p)
		}
	}()
	return next(r)
}

// targets is what URLs share.
type targets struct {
	first   string
	several bool
}

func (t *targets) add(u string) {
	if t.first == "" {
		t.first = u
	}
	t.several = t.several || u != t.first
}

// String is the URL, or the server of several.
func (t *targets) String() string {
	if !t.several {
		return t.first
	}
	u, err := url.Parse(t.first)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
}

// VegetaReport reads vegeta's report in JSON.
func VegetaReport(b []byte) (Single, error) {
	var m vegeta.Metrics
	if err := decode(b, &m); err != nil {
		return Single{}, fmt.Errorf("report of vegeta: %w", err)
	}
	s := OfVegeta(m)
	if !(m.Success >= 0 && m.Success <= 1) {
		return s, fmt.Errorf("report of vegeta: success %v is no share", m.Success)
	}
	return s.check()
}

// OfVegeta is what a report of vegeta tells; it has no p99.9.
func OfVegeta(m vegeta.Metrics) Single {
	good := min(uint64(float64(m.Requests)*m.Success+0.5), m.Requests)
	s := Single{
		Tool: "vegeta", Clock: FromSending, ErrorsAre: vegetaErrors,
		Requests: m.Requests, Samples: m.Requests, Errors: m.Requests - good,
		Duration: m.Duration + m.Wait, Rate: m.Throughput, Offered: m.Rate,
		Quantiles: map[string]time.Duration{},
		Cannot:    append([]string{"exact percentiles: they are of a digest; its results have them"}, vegetaCannot...),
	}
	l := m.Latencies
	for name, d := range map[string]time.Duration{"p50": l.P50, "p90": l.P90, "p95": l.P95, "p99": l.P99, most: l.Max} {
		if d != 0 || l.Max != 0 {
			s.Quantiles[name] = d
		}
	}
	return s
}
