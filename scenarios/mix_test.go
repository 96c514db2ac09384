package scenarios

import (
	"math"
	"slices"
	"strings"
	"testing"
)

var testTraffic = Traffic{Requests: []Request{
	{Name: "home", Weight: 5, Path: "/"},
	{Name: "never", Weight: 0, Path: "/never"},
	{Name: "product", Weight: 3, Path: "/products/{id}/?again={id}", Params: map[string]Values{"id": {"10..19"}}},
	{Name: "search", Weight: 1.5, Path: "/search/?q={word}", Params: map[string]Values{"word": {"tea", "lamp", "oak"}}},
	{Name: "basket", Weight: 0.5, Path: "/basket/{id}", Body: `{"product":{id},"n":{n}}`, Params: map[string]Values{"id": {"0..999999999999999999"}, "n": {"1..2"}}},
}}

func TestTrafficOnly(t *testing.T) {
	traffic := Traffic{Timeout: 1, Requests: []Request{
		{Name: "home", Class: Dynamic, Weight: 5}, {Name: "logo", Class: Static, Weight: 3}, {Name: "basket", Class: Dynamic, Weight: 2},
	}}
	for _, tt := range []struct {
		class string
		want  []float64
	}{
		{Static, []float64{0, 3, 0}},
		{Dynamic, []float64{5, 0, 2}},
		{All, []float64{5, 3, 2}},
		{"", []float64{5, 3, 2}},
	} {
		only := traffic.Only(tt.class)
		var got []float64
		for _, r := range only.Requests {
			got = append(got, r.Weight)
		}
		if !slices.Equal(got, tt.want) || only.Timeout != traffic.Timeout {
			t.Errorf("Only(%q) has weights %v and timeout %v, want %v and %v", tt.class, got, only.Timeout, tt.want, traffic.Timeout)
		}
	}
	if traffic.Requests[0].Weight != 5 || traffic.Requests[1].Weight != 3 {
		t.Errorf("the traffic itself was changed: %v", traffic.Requests)
	}
}

func newTestMix(t testing.TB, seed uint64) *Mix {
	t.Helper()
	m, err := NewMix(testTraffic, seed)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// chiSquare returns Pearson's statistic of the counts against the shares.
func chiSquare(counts []int, shares []float64) float64 {
	n := 0
	for _, c := range counts {
		n += c
	}
	x := 0.0
	for i, c := range counts {
		if expected := shares[i] * float64(n); expected > 0 {
			x += (float64(c) - expected) * (float64(c) - expected) / expected
		}
	}
	return x
}

func TestMixHoldsTheWeights(t *testing.T) {
	const n = 200_000
	shares := []float64{0.5, 0, 0.3, 0.15, 0.05}
	for seed := range uint64(5) {
		m := newTestMix(t, seed)
		counts := make([]int, len(shares))
		for seq := range uint64(n) {
			counts[m.Pick(seq)]++
		}
		if counts[1] != 0 {
			t.Errorf("seed %d: the request of weight 0 was picked %d times", seed, counts[1])
		}
		// The 99.9 % point of chi-square with 3 degrees of freedom.
		if x := chiSquare(counts, shares); x > 16.27 {
			t.Errorf("seed %d: counts %v, chi-square %.1f", seed, counts, x)
		}
	}
}

func TestMixOfManyWeights(t *testing.T) {
	const n = 100
	var traffic Traffic
	shares := make([]float64, n)
	for i := range n {
		weight := math.Pow(1.05, float64(i))
		traffic.Requests = append(traffic.Requests, Request{Weight: weight, Path: "/"})
		shares[i] = weight
	}
	total := 0.0
	for _, s := range shares {
		total += s
	}
	for i := range shares {
		shares[i] /= total
	}
	m, err := NewMix(traffic, 7)
	if err != nil {
		t.Fatal(err)
	}
	counts := make([]int, n)
	for seq := range uint64(500_000) {
		counts[m.Pick(seq)]++
	}
	// The 99.9 % point of chi-square with 99 degrees of freedom.
	if x := chiSquare(counts, shares); x > 148.2 {
		t.Errorf("chi-square %.1f", x)
	}
}

func TestMixDrawsParametersUniformly(t *testing.T) {
	m := newTestMix(t, 1)
	ids := make(map[string]int)
	for seq := range uint64(100_000) {
		if m.Pick(seq) == 2 {
			ids[string(m.AppendPath(nil, seq))]++
		}
	}
	counts := make([]int, 0, 10)
	shares := slices.Repeat([]float64{0.1}, 10)
	for path, n := range ids {
		id, again, _ := strings.Cut(strings.TrimPrefix(path, "/products/"), "/?again=")
		if id != again || len(id) != 2 || id[0] != '1' {
			t.Fatalf("path %q: want the same number from 10 to 19 twice", path)
		}
		counts = append(counts, n)
	}
	// The 99.9 % point of chi-square with 9 degrees of freedom.
	if len(counts) != 10 || chiSquare(counts, shares) > 27.88 {
		t.Errorf("ids were drawn %v times", ids)
	}
}

func TestMixIsAFunctionOfSeedAndSeq(t *testing.T) {
	a, b, other := newTestMix(t, 42), newTestMix(t, 42), newTestMix(t, 43)
	differs := 0
	for i := range uint64(1000) {
		seq := 999 - i // backwards: the order must not matter
		path, body := string(a.AppendPath(nil, seq)), string(a.AppendBody(nil, seq))
		if got := string(b.AppendPath([]byte("x"), seq)); got != "x"+path {
			t.Fatalf("hit %d is %q and %q", seq, got, path)
		}
		if id, ok := strings.CutPrefix(path, "/basket/"); ok && !strings.HasPrefix(body, `{"product":`+id+`,"n":`) {
			t.Fatalf("hit %d has path %q and body %q: want the same id in both", seq, path, body)
		}
		if string(other.AppendPath(nil, seq)) != path {
			differs++
		}
	}
	if differs < 500 {
		t.Errorf("another seed changed %d of 1000 hits, want most of them", differs)
	}
}

func TestNewMixRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		r    Request
		want string
	}{
		{"no weight", Request{Name: "a", Path: "/"}, "the traffic has no request with a weight above 0: give one of them a weight"},
		{"negative weight", Request{Name: "a", Path: "/", Weight: -1}, "request a: weight is -1, must be a number that is not negative"},
		{"unknown parameter", Request{Name: "a", Path: "/{id}", Weight: 1}, "request a: parameter {id} has no values: add it to params"},
		{"empty range", Request{Name: "a", Path: "/{id}", Weight: 1, Params: map[string]Values{"id": {"2..1"}}},
			"request a: parameter {id} has no values: write a range such as 1..500, or a list of texts"},
	} {
		_, err := NewMix(Traffic{Requests: []Request{tt.r}}, 1)
		if message(err) != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, message(err), tt.want)
		}
	}
}

func TestMixDoesNotAllocate(t *testing.T) {
	m := newTestMix(t, 1)
	buf := make([]byte, 0, 256)
	seq := uint64(0)
	if n := testing.AllocsPerRun(1000, func() {
		buf = m.AppendPath(buf[:0], seq)
		buf = m.AppendBody(buf[:0], seq)
		seq++
	}); n != 0 {
		t.Errorf("%v allocations a hit, want 0", n)
	}
}

func BenchmarkMix(b *testing.B) {
	m := newTestMix(b, 1)
	buf := make([]byte, 0, 256)
	b.ReportAllocs()
	seq := uint64(0)
	for b.Loop() {
		buf = m.AppendPath(buf[:0], seq)
		buf = m.AppendBody(buf[:0], seq)
		seq++
	}
}
