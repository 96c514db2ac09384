package scenarios

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Metrics of an objective.
const (
	Mean   = "mean"
	Max    = "max"
	Errors = "errors"
)

// Objective is one bound that a load has to keep. In YAML it is a text such as
// "p99 < 250ms", "static p95 < 50ms" or "errors < 0.1%".
type Objective struct {
	Class  string        // Static, Dynamic or All (when the text names none)
	Metric string        // p50, p75, p90, p95, p99, p99.9, Mean, Max or Errors
	Limit  time.Duration // of the response time; 0 for Errors
	Ratio  float64       // of errors to requests, as 0.001; 0 for the others
}

// Objectives are all to be met.
type Objectives []Objective

// metrics that an objective may bound, in the order of messages.
var metrics = []string{"p50", "p75", "p90", "p95", "p99", "p99.9", Mean, Max, Errors}

// maxLimit is the longest response time that can be told: the histograms end there.
const maxLimit = time.Hour

var objectiveForm = regexp.MustCompile(`^(?:([a-z]+) +)?([a-z][a-z0-9.]*) *(<=|>=|<|>|==|=) *(\S+)$`)

// ParseObjective reads an objective, as in "static p95 < 50ms".
func ParseObjective(text string) (Objective, error) {
	m := objectiveForm.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return Objective{}, misfit{text, "is not an objective", `write "p99 < 250ms", "static p95 < 50ms" or "errors < 0.1%"`}
	}
	o := Objective{Class: m[1], Metric: m[2]}
	if o.Class == "" {
		o.Class = All
	}
	classes := []string{Static, Dynamic, All}
	switch {
	case !slices.Contains(classes, o.Class):
		return Objective{}, misfit{text, "names an unknown class " + o.Class, suggest(o.Class, classes)}
	case !slices.Contains(metrics, o.Metric):
		return Objective{}, misfit{text, "names an unknown metric " + o.Metric, "known: " + strings.Join(metrics, ", ")}
	case m[3] != "<":
		return Objective{}, misfit{text, "compares by " + m[3], "an objective is an upper bound: write <"}
	}
	var err error
	if o.Metric == Errors {
		o.Ratio, err = parseRatio(text, m[4])
	} else {
		o.Limit, err = parseLimit(text, m[4])
	}
	if err != nil {
		return Objective{}, err
	}
	return o, nil
}

// parseRatio reads the bound of errors, as "0.1%".
func parseRatio(text, bound string) (float64, error) {
	digits, isPercent := strings.CutSuffix(bound, "%")
	ratio, err := hundredth(digits)
	switch {
	case err != nil || !isPercent:
		return 0, misfit{text, "bounds errors by something other than a percentage", `write "errors < 0.1%"`}
	case !(ratio > 0 && ratio <= 1):
		return 0, misfit{text, "bounds errors by a share that is not above 0% and up to 100%", `write "errors < 0.1%"`}
	}
	return ratio, nil
}

// parseLimit reads the bound of a response time.
func parseLimit(text, bound string) (time.Duration, error) {
	limit, err := time.ParseDuration(bound)
	switch {
	case isDigits(bound):
		return 0, misfit{text, "has a limit without a unit", fmt.Sprintf("write %q", text+"ms")}
	case err != nil:
		return 0, misfit{text, "bounds a response time by something other than a duration", `write "p99 < 250ms"`}
	case limit <= 0:
		return 0, misfit{text, "can never be met", "write a limit above 0s"}
	case limit > maxLimit:
		return 0, misfit{text, "has a limit beyond 1h, which is not measured", "write a shorter limit"}
	}
	return limit, nil
}

// String prints the objective as it is written in YAML.
func (o Objective) String() string {
	text := o.Metric + " < "
	if o.Class != All && o.Class != "" {
		text = o.Class + " " + text
	}
	if o.Metric == Errors {
		// Twelve digits hide the error of dividing a percentage by 100.
		return text + strconv.FormatFloat(o.Ratio*100, 'g', 12, 64) + "%"
	}
	return text + Duration(o.Limit).String()
}

// Quantile returns the quantile that the objective bounds, as 0.99 for p99.
// ok is false for the mean, the maximum and errors.
func (o Objective) Quantile() (q float64, ok bool) {
	digits, isQuantile := strings.CutPrefix(o.Metric, "p")
	q, err := hundredth(digits)
	if !isQuantile || err != nil {
		return 0, false
	}
	return q, true
}

// hundredth reads a plain decimal number as a percentage. Dividing by 100
// would make 0.9990000000000001 of 99.9.
func hundredth(digits string) (float64, error) { return strconv.ParseFloat(digits+"e-2", 64) }

// MarshalText implements encoding.TextMarshaler.
func (o Objective) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *Objective) UnmarshalText(text []byte) (err error) {
	*o, err = ParseObjective(string(text))
	return err
}
