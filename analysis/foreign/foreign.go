// Package foreign reads what other load generators say of an attack, into one
// form, and says with it what such a result can tell.
package foreign

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Loops: what makes the next request leave.
const (
	Open   = "open"   // a schedule does
	Closed = "closed" // the answer to the one before does, on each connection
)

// Clocks: from when a latency counts.
const (
	FromSchedule = "schedule" // from when the request was due: a stall counts for all that it delays
	FromSending  = "sending"  // from when it left: what waits its turn during a stall is left out (coordinated omission)
)

// Single is one attack, as the tool that made it says. What a file does not
// tell is zero.
type Single struct {
	Tool        string
	Format      string // name of its Format
	File        string
	SHA256      string // of the file, in hex
	Target      string // URL, or the part of it that all requests share
	Requests    uint64 // answered, or given up
	Errors      uint64 // of these
	ErrorsAre   string // what the tool counts as one
	Samples     uint64 // latencies that the percentiles rest on
	Duration    time.Duration
	Rate        float64                  // requests/s as the tool says; for vegeta and bombardier those answered well only
	Offered     float64                  // requests/s that were sent by a schedule
	Connections int                      // or threads, that sent
	Quantiles   map[string]time.Duration // by name, as p99 or max
	Withheld    []string                 // percentiles that the file has, with too few requests beyond them to be claimed
	Loop        string                   // Open or Closed
	Clock       string                   // FromSchedule or FromSending
	Cannot      []string                 // what it cannot tell, a clause each
}

// Good returns the requests/s that were answered well; 0 when the file does not
// tell.
func (s Single) Good() float64 {
	if s.Requests == 0 {
		return 0
	}
	if s.Duration > 0 {
		return float64(s.Requests-s.Errors) / s.Duration.Seconds()
	}
	return s.Rate * (1 - s.ErrorShare())
}

// ErrorShare returns the share of requests that were errors, 0…1.
func (s Single) ErrorShare() float64 {
	if s.Requests == 0 {
		return 0
	}
	return float64(s.Errors) / float64(s.Requests)
}

// most is the name of the largest latency among quantiles.
const most = "max"

// percentile names a percentile by its number, 99.9.
func percentile(p float64) string { return "p" + strconv.FormatFloat(p, 'f', -1, 64) }

// ByShare orders names of quantiles, max last.
func ByShare(a, b string) int {
	share := func(name string) float64 {
		p, err := strconv.ParseFloat(strings.TrimPrefix(name, "p"), 64)
		if err != nil {
			return 100
		}
		return p
	}
	switch x, y := share(a), share(b); {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// beyond is how many requests have to be beyond a percentile for it to be
// claimed.
const beyond = 100

// withhold drops the percentiles that too few requests are beyond of. The
// largest latency stays: it is a fact, not an estimate.
func (s *Single) withhold() {
	for name := range s.Quantiles {
		p, err := strconv.ParseFloat(strings.TrimPrefix(name, "p"), 64)
		if err == nil && float64(s.Samples)*(100-p)/100 < beyond-1e-6 {
			delete(s.Quantiles, name)
			s.Withheld = append(s.Withheld, name)
		}
	}
	slices.SortFunc(s.Withheld, ByShare)
}

const vegetaGob = "vegeta results, gob"

// Format is one kind of file.
type Format struct {
	Name string // as "wrk text"
	is   func(*input) bool
	read func(*input) (Single, error)
}

// Formats are all that can be read. A file is of the first that its content
// fits.
var Formats = []Format{
	{vegetaGob, isVegetaGob, readVegetaGob},
	{"vegeta results, JSON", isVegetaJSON, readVegetaJSON},
	{"vegeta results, CSV", isVegetaCSV, readVegetaCSV},
	{"vegeta report, JSON", hasKeys("latencies", "status_codes", "throughput"), whole(VegetaReport)},
	{"k6 summary, JSON", isK6, whole(K6)},
	{"oha, JSON", hasKeys("summary", "latencyPercentiles", "statusCodeDistribution"), whole(Oha)},
	{"bombardier, JSON", hasKeys("spec", "result"), whole(Bombardier)},
	{"fortio, JSON", hasKeys("DurationHistogram", "RetCodes"), whole(Fortio)},
	{"wrk text", says("Thread Stats   Avg"), whole(Wrk)},
	{"oha text", says("Success rate:", "Requests/sec:"), whole(OhaText)},
	{"hey text", says("Summary:", "Requests/sec:", "Details (average, fastest, slowest)"), whole(Hey)},
	{"hey CSV", isHeyCSV, readHeyCSV},
	{"ab text", says("This is ApacheBench"), whole(Ab)},
	{"h2load text", says("finished in ", "requests: ", " started, "), whole(H2load)},
}

func formatNames() string {
	var names []string
	for _, f := range Formats {
		names = append(names, f.Name)
	}
	return strings.Join(names, "; ")
}
