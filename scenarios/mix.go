package scenarios

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"regexp"
	"slices"
	"strconv"
)

// paramForm matches a {parameter} of a path or a body.
var paramForm = regexp.MustCompile(`\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// parameters returns the names of the parameters in a text, without duplicates.
func parameters(text string) []string {
	var names []string
	for _, m := range paramForm.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	return names
}

// Only returns the traffic without the requests of other classes: their
// weights are 0. All and the empty class keep every request.
func (t Traffic) Only(class string) Traffic {
	if class == All || class == "" {
		return t
	}
	t.Requests = slices.Clone(t.Requests)
	for i := range t.Requests {
		if t.Requests[i].Class != class {
			t.Requests[i].Weight = 0
		}
	}
	return t
}

// Mix chooses the request of every hit and writes it out. What hit seq is
// depends on the seed and seq only, so hits may be asked for in any order and
// by several goroutines at once. No method allocates beyond dst.
type Mix struct {
	key   uint64 // of the hash, from the seed
	slots []slot
	texts []template // by index of the request
}

// slot is a column of Walker's alias table: the request kept if a uniform
// 64-bit number is below threshold, and the one that fills up the column.
type slot struct {
	threshold   uint64
	keep, other int
}

// template is the path and the body of a request, split at the parameters.
type template struct{ path, body []piece }

// piece is a literal text or, where it has a source, a parameter.
type piece struct {
	literal string
	source  *source
}

// source is what a parameter is drawn from: texts, or n integers from first.
type source struct {
	stream   uint64 // tells the request's parameters apart
	first, n uint64
	texts    []string
}

// NewMix prepares the traffic for drawing with a seed.
func NewMix(t Traffic, seed uint64) (*Mix, error) {
	m := &Mix{key: finalise(seed + golden), texts: make([]template, len(t.Requests))}
	var weights []float64
	var indices []int
	for i, r := range t.Requests {
		if !(r.Weight >= 0) || math.IsInf(r.Weight, 0) {
			return nil, fmt.Errorf("request %s: weight is %v, must be a number that is not negative", r.Name, r.Weight)
		}
		if r.Weight > 0 {
			weights, indices = append(weights, r.Weight), append(indices, i)
		}
		var err error
		if m.texts[i], err = newTemplate(r); err != nil {
			return nil, fmt.Errorf("request %s: %w", r.Name, err)
		}
	}
	if len(weights) == 0 {
		return nil, errors.New("the traffic has no request with a weight above 0: give one of them a weight")
	}
	m.slots = aliasTable(weights, indices)
	return m, nil
}

// aliasTable builds Walker's table by Vose's method [Vose 1991].
func aliasTable(weights []float64, indices []int) []slot {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	n := len(weights)
	slots := make([]slot, n)
	share := make([]float64, n) // of a column; 1 fills it
	var small, large []int
	for i, w := range weights {
		share[i] = w / total * float64(n)
		slots[i] = slot{threshold: math.MaxUint64, keep: indices[i], other: indices[i]}
		if share[i] < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		slots[s].threshold = uint64(share[s] * (1 << 63) * 2)
		slots[s].other = indices[l]
		share[l] -= 1 - share[s]
		if share[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	// What is left over fills its column, up to rounding.
	return slots
}

func newTemplate(r Request) (template, error) {
	sources := make(map[string]*source)
	for i, name := range sortedKeys(r.Params) {
		values := r.Params[name]
		s := &source{stream: uint64(i) + 1, texts: values}
		first, n, isSpan := values.Span()
		if isSpan {
			s.first, s.n, s.texts = first, n, nil
		} else {
			s.n = uint64(len(values))
		}
		if s.n == 0 {
			return template{}, fmt.Errorf("parameter {%s} has no values: write a range such as 1..500, or a list of texts", name)
		}
		sources[name] = s
	}
	path, err := split(r.Path, sources)
	if err != nil {
		return template{}, err
	}
	body, err := split(r.Body, sources)
	return template{path: path, body: body}, err
}

// split cuts a text at its parameters.
func split(text string, sources map[string]*source) ([]piece, error) {
	var pieces []piece
	end := 0
	for _, span := range paramForm.FindAllStringSubmatchIndex(text, -1) {
		name := text[span[2]:span[3]]
		if sources[name] == nil {
			return nil, fmt.Errorf("parameter {%s} has no values: add it to params", name)
		}
		if span[0] > end {
			pieces = append(pieces, piece{literal: text[end:span[0]]})
		}
		pieces = append(pieces, piece{source: sources[name]})
		end = span[1]
	}
	if end < len(text) {
		pieces = append(pieces, piece{literal: text[end:]})
	}
	return pieces, nil
}

// Pick returns the index, in Traffic.Requests, of hit seq.
func (m *Mix) Pick(seq uint64) int {
	column, rest := bits.Mul64(hash(m.key, seq, 0), uint64(len(m.slots)))
	s := &m.slots[column]
	if rest < s.threshold {
		return s.keep
	}
	return s.other
}

// AppendPath appends the path of hit seq to dst.
func (m *Mix) AppendPath(dst []byte, seq uint64) []byte {
	return m.appendPieces(dst, m.texts[m.Pick(seq)].path, seq)
}

// AppendBody appends the body of hit seq to dst. A parameter has the same
// value in path and body of one hit.
func (m *Mix) AppendBody(dst []byte, seq uint64) []byte {
	return m.appendPieces(dst, m.texts[m.Pick(seq)].body, seq)
}

func (m *Mix) appendPieces(dst []byte, pieces []piece, seq uint64) []byte {
	for i := range pieces {
		s := pieces[i].source
		if s == nil {
			dst = append(dst, pieces[i].literal...)
			continue
		}
		index, _ := bits.Mul64(hash(m.key, seq, s.stream), s.n)
		if s.texts != nil {
			dst = append(dst, s.texts[index]...)
		} else {
			dst = strconv.AppendUint(dst, s.first+index, 10)
		}
	}
	return dst
}

// hash mixes its arguments into 64 uniform bits, by the finaliser of
// SplitMix64 [Steele, Lea, Flood 2014] applied to each in turn.
func hash(key, seq, stream uint64) uint64 {
	return finalise(finalise(key^seq) + (stream+1)*golden)
}

// golden is 2^64 divided by the golden ratio.
const golden = 0x9e3779b97f4a7c15

func finalise(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
