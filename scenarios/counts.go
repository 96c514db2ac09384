package scenarios

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// MaxCount is the largest count of workers or threads.
const MaxCount = 1024

// Expand returns the counts that c stands for on a machine with that many
// cores: sorted, without duplicates, each from 1 to MaxCount. A count that
// depends on the cores is moved into that range; any other that is outside it
// is an error, as is a range that is empty.
func (c Counts) Expand(cores int) ([]int, error) {
	var all []int
	for _, element := range c {
		some, err := expand(element, cores)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// dependsOnCores tells whether the counts differ between machines.
func (c Counts) dependsOnCores() bool {
	return slices.ContainsFunc(c, func(s string) bool { return strings.Contains(s, "cores") })
}

const countHint = "write a number, a range such as 1..8 or 1..8/2, cores, or 2*cores+1"

// expand expands one element: a term, or term..term with an optional /step.
func expand(element string, cores int) ([]int, error) {
	text := strings.ReplaceAll(element, " ", "")
	first, rest, isRange := strings.Cut(text, "..")
	low, err := countTerm(element, first, cores)
	if err != nil || !isRange {
		return []int{low}, err
	}
	last, stepText, hasStep := strings.Cut(rest, "/")
	high, err := countTerm(element, last, cores)
	if err != nil {
		return nil, err
	}
	step := 1
	if hasStep {
		if step, err = countTerm(element, stepText, cores); err != nil {
			return nil, err
		}
	}
	if low > high {
		return nil, misfit{element, emptyRange(element, low, high, cores), "write the smaller end first"}
	}
	var counts []int
	for n := low; n <= high; n += step {
		counts = append(counts, n)
	}
	return counts, nil
}

// emptyRange says why low..high holds nothing.
func emptyRange(element string, low, high, cores int) string {
	if !strings.Contains(element, "cores") {
		return "is an empty range"
	}
	plural := "s"
	if cores == 1 {
		plural = ""
	}
	return fmt.Sprintf("is an empty range on %d core%s: %d..%d", cores, plural, low, high)
}

var coresForm = regexp.MustCompile(`^(?:([0-9]{1,4})\*)?cores(?:([+-])([0-9]{1,4}))?$`)

// countTerm evaluates a number, cores, or k*cores+n.
func countTerm(element, term string, cores int) (int, error) {
	if m := coresForm.FindStringSubmatch(term); m != nil {
		factor, offset := 1, 0
		if m[1] != "" {
			factor, _ = strconv.Atoi(m[1])
		}
		if m[3] != "" {
			offset, _ = strconv.Atoi(m[2] + m[3])
		}
		return min(max(factor*cores+offset, 1), MaxCount), nil
	}
	if digits := strings.TrimLeft(term, "0"); isDigits(term) && digits != term && digits != "" {
		return 0, misfit{element, "begins with a zero, which some readers take for an octal number", "write " + digits}
	}
	n, err := strconv.Atoi(term)
	switch {
	case err != nil && isDigits(term), n > MaxCount:
		return 0, misfit{element, "is too many", fmt.Sprintf("write at most %d", MaxCount)}
	case err != nil || strings.HasPrefix(term, "+"):
		return 0, misfit{element, "is not a count", countHint}
	case n < 1:
		return 0, misfit{element, "is too few", "write at least 1"}
	}
	return n, nil
}
