package scenarios

import (
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	maxTimeout = Duration(10 * time.Minute)
	maxWeight  = 1e9

	maxPerConnection = 1e9
)

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

func (c checker) traffic() {
	t := c.s.Traffic
	c.word("traffic.arrivals", t.Arrivals, arrivals)
	c.shape()
	c.between("traffic.timeout", t.Timeout, Duration(time.Millisecond), maxTimeout)
	c.count("traffic.requests_per_connection", t.PerConnection, 0, maxPerConnection)
	c.word("traffic.page_cache", t.PageCache, []string{WarmCache, ColdCache})
	c.word("traffic.transport", t.Transport, []string{LeanTransport, StandardTransport})
	c.beside()
	switch {
	case !c.given("traffic") && len(t.Requests) == 0:
		c.fault("traffic", "is missing", "say what is asked for: traffic: with requests")
		return
	case len(t.Requests) == 0:
		c.fault("traffic.requests", emptyOrMissing(c.given("traffic.requests")), "write some, as - {name: home, path: /}")
		return
	case len(t.Requests) > maxRequests:
		c.fault("traffic.requests", fmt.Sprintf("has %d entries, must be at most %d", len(t.Requests), maxRequests), "draw paths from params")
		return
	}
	first := make(map[string]int)
	for i, r := range t.Requests {
		path := fmt.Sprintf("traffic.requests[%d]", i)
		if c.isWrong(path) {
			continue
		}
		c.request(path, r)
		if j, ok := first[r.Name]; ok && r.Name != "" {
			c.fault(path+".name", fmt.Sprintf("is %q, as is traffic.requests[%d].name", r.Name, j), "give each request a name of its own")
		} else {
			first[r.Name] = i
		}
	}
	if c.weighed() && !slices.ContainsFunc(t.Requests, func(r Request) bool { return r.Weight > 0 }) {
		c.fault("traffic.requests", "has no request with a weight above 0", "give one of them a weight")
	}
}

// weighed tells whether every weight can be relied on.
func (c checker) weighed() bool {
	for i, r := range c.s.Traffic.Requests {
		if c.isWrong(fmt.Sprintf("traffic.requests[%d].weight", i)) || r.Weight < 0 {
			return false
		}
	}
	return !c.isWrong("traffic.requests")
}

// classes returns the classes of the requests in the mix; nil when unknown.
func (c checker) classes() []string {
	if c.isWrong("traffic.requests") || len(c.s.Traffic.Requests) == 0 {
		return nil
	}
	classes := []string{}
	for i, r := range c.s.Traffic.Requests {
		if c.isWrong(fmt.Sprintf("traffic.requests[%d].class", i)) {
			return nil
		}
		if r.Weight > 0 {
			classes = append(classes, r.Class)
		}
	}
	return classes
}

func (c checker) request(path string, r Request) {
	if !c.missing(path+".name", r.Name, "name the request, as in name: home") {
		c.faultIf(!nameForm.MatchString(r.Name) || len(r.Name) > maxName, path+".name",
			fmt.Sprintf("is %q, must be up to %d letters, digits, dots, dashes and underscores", r.Name, maxName), "reports name the request by it")
	}
	c.word(path+".class", r.Class, []string{Static, Dynamic})
	switch {
	case r.Weight < 0:
		c.fault(path+".weight", fmt.Sprintf("is %v, must not be negative", r.Weight), "0 leaves the request out of the mix")
	case r.Weight > maxWeight || math.IsNaN(r.Weight):
		c.fault(path+".weight", fmt.Sprintf("is %v, must be at most %v", r.Weight, float64(maxWeight)), "")
	}
	c.method(path, r)
	c.headers(path, r.Headers)
	if !c.missing(path+".path", r.Path, "write the path, as in path: /") {
		c.urlPath(path+".path", r.Path)
		plain := paramForm.ReplaceAllString(r.Path, "")
		c.faultIf(strings.ContainsAny(plain, "{}"), path+".path",
			fmt.Sprintf("is %q, which holds a brace that is no {parameter}", r.Path), "a parameter's name has letters, digits and underscores; %7B and %7D are braces")
	}
	c.params(path, r)
	c.expect(path, r)
}

func (c checker) method(path string, r Request) {
	upper := strings.ToUpper(r.Method)
	if r.Method != upper && slices.Contains(methods, upper) {
		c.fault(path+".method", fmt.Sprintf("is %q, must be in capitals", r.Method), "write "+upper)
		return
	}
	c.word(path+".method", r.Method, methods)
	c.faultIf(r.Body != "" && (r.Method == "GET" || r.Method == "HEAD"), path+".body",
		"is given, and "+r.Method+" requests have none", "write method: POST, or delete the body")
}

var headerForm = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// ownHeaders are set by the generator.
var ownHeaders = []string{"Host", "Connection", "Content-Length", "Transfer-Encoding"}

func (c checker) headers(path string, headers map[string]string) {
	seen := make(map[string]string)
	for _, name := range sortedKeys(headers) {
		at := join(path+".headers", name)
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		switch {
		case !headerForm.MatchString(name):
			c.fault(at, "is no name of a header", "use letters, digits and dashes")
		case slices.Contains(ownHeaders, canonical):
			c.fault(at, "is set by the load generator", "delete it")
		case seen[canonical] != "":
			c.fault(at, "is the same header as "+seen[canonical], "keep one of them")
		case strings.ContainsAny(headers[name], "\r\n\x00"):
			c.fault(at, "holds a line break", "write the value in one line")
		}
		seen[canonical] = name
	}
}

// params checks that parameters and their values match.
func (c checker) params(path string, r Request) {
	if c.isWrong(path + ".params") {
		return
	}
	inPath, inBody := parameters(r.Path), parameters(r.Body)
	for _, name := range inPath {
		c.faultIf(r.Params[name] == nil, path+".path", "holds {"+name+"}, and params has no values for it", suggestParam(name, r.Params))
	}
	for _, name := range inBody {
		c.faultIf(r.Params[name] == nil, path+".body", "holds {"+name+"}, and params has no values for it", suggestParam(name, r.Params))
	}
	for _, name := range sortedKeys(r.Params) {
		at := join(path+".params", name)
		used := slices.Contains(inPath, name)
		c.faultIf(!used && !slices.Contains(inBody, name), at, "is used neither in path nor in body", "write {"+name+"} where it belongs, or delete it")
		c.values(at, r.Params[name], used)
	}
}

func suggestParam(name string, params map[string]Values) string {
	if k := nearest(name, sortedKeys(params)); k != "" {
		return "did you mean {" + k + "}?"
	}
	return "add params: {" + name + ": 1..100}, or a list of texts"
}

var (
	anySpan = regexp.MustCompile(`^-?[0-9]+ *\.\. *-?[0-9]+$`)
	octals  = regexp.MustCompile(`(^|\.\.)0[0-9]`)
)

// values checks what a parameter is drawn from.
func (c checker) values(path string, values Values, inPath bool) {
	_, n, isSpan := values.Span()
	switch {
	case c.isWrong(path):
		return
	case len(values) == 0:
		c.fault(path, "has no values", "write a range such as 1..500, or a list of texts")
		return
	case len(values) > maxValues:
		c.fault(path, fmt.Sprintf("has %d values, must be at most %d", len(values), maxValues), "write a range")
		return
	case isSpan && n == 0:
		c.fault(path, fmt.Sprintf("is the empty range %s", values[0]), "write the smaller end first")
		return
	case !isSpan && len(values) == 1 && anySpan.MatchString(values[0]):
		hint := "write a range of numbers of up to 18 digits, as 1..500"
		if octals.MatchString(values[0]) {
			hint = "write the numbers without leading zeros"
		}
		c.fault(path, fmt.Sprintf("is %q, which is no range", values[0]), hint)
		return
	}
	for i, text := range values {
		at := c.element(path, i)
		if unsafe := unsafeInPath(text); inPath && unsafe != "" {
			c.fault(at, fmt.Sprintf("is %q, which holds %s, in a path", text, unsafe), "percent-encode it, as %20 for a blank")
		}
	}
}

func (c checker) expect(path string, r Request) {
	e := r.Expect
	c.count(path+".expect.status", e.Status, 200, 599)
	if e.Length != nil && *e.Length < 0 {
		c.fault(path+".expect.length", fmt.Sprintf("is %d, must not be negative", *e.Length), "")
	}
	if e.SHA256 != "" {
		sum, err := hex.DecodeString(e.SHA256)
		c.faultIf(err != nil || len(sum) != 32, path+".expect.sha256", "is no SHA-256 sum: must be 64 hexadecimal digits", "sha256sum FILE prints it")
	}
	if r.Method == "HEAD" {
		c.faultIf(e.Contains != "", path+".expect.contains", "is given, and the answer to HEAD has no body", "delete it")
		c.faultIf(e.SHA256 != "", path+".expect.sha256", "is given, and the answer to HEAD has no body", "delete it")
	}
}

// sortedKeys returns the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
