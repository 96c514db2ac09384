package reports

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sweetspot/analysis/gate"
)

// junitSuites is the root of JUnit XML as Jenkins and GitLab read it.
type junitSuites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Skipped  int      `xml:"skipped,attr"`
	Time     string   `xml:"time,attr"` // seconds
	Suite    junitSuite
}

type junitSuite struct {
	XMLName    xml.Name        `xml:"testsuite"`
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Timestamp  string          `xml:"timestamp,attr,omitempty"` // UTC, without a zone as the schemas want it
	Hostname   string          `xml:"hostname,attr,omitempty"`
	Properties []junitProperty `xml:"properties>property,omitempty"`
	Cases      []junitCase     `xml:"testcase"`
	Out        string          `xml:"system-out,omitempty"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

// junitCase is one criterion. Its time is its share of the gate's, for all
// criteria are measured in the same rounds.
type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Time    string        `xml:"time,attr"`
	Skipped *junitMessage `xml:"skipped"`
	Failure *junitFailure `xml:"failure"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
}

type junitFailure struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// renderGateJUnit writes a test case for every criterion. One that fails the
// gate fails when it regressed; one that is not clear is skipped, and fails or
// passes where --inconclusive says so. One that only warns never fails, and
// says how it stands in its output.
func renderGateJUnit(r *gate.Result, meta GateMeta) ([]byte, error) {
	return newJUnitSuite(newGateModel(r, meta)).encode()
}

// encode writes the suite as the only one of a document.
func (s junitSuite) encode() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	e := xml.NewEncoder(&b)
	e.Indent("", "  ")
	err := e.Encode(junitSuites{
		Name: s.Name, Tests: s.Tests, Failures: s.Failures, Errors: s.Errors, Skipped: s.Skipped, Time: s.Time, Suite: s,
	})
	b.WriteByte('\n')
	return b.Bytes(), err
}

func newJUnitSuite(m *gateModel) junitSuite {
	s := junitSuite{Name: strings.TrimSpace("sweetspot gate " + m.Scenario), Time: junitSeconds(m.Spent), Hostname: m.Host.Hostname, Out: junitOut(m)}
	s.Timestamp = junitTime(m.GateMeta.Time)
	for _, f := range append([]fact{{"Verdict", verdictWord(m.Verdict)}}, m.Repeat...) {
		s.Properties = append(s.Properties, junitProperty(f))
	}
	class := "sweetspot.gate"
	if m.Scenario != "" {
		class += "." + m.Scenario
	}
	told := false // whether a case says what the gate as a whole came to
	names := map[string]int{}
	for _, x := range m.Metrics {
		if x.Role != "fail" && x.Role != "warn" {
			continue
		}
		c := junitCase{Name: x.Key() + ": " + x.Criterion, Class: class}
		if names[c.Name]++; names[c.Name] > 1 {
			c.Name += fmt.Sprintf(" (%d)", names[c.Name])
		}
		if x.Role == "fail" {
			text := criterionText(x)
			if x.Verdict == gate.Inconclusive {
				text = "inconclusive: " + text
			}
			c.judge(m, x.Verdict, text)
			told = told || x.Verdict == m.Verdict
		} else {
			c.Out = "This criterion only warns: " + verdictWord(x.Verdict) + ". " + criterionText(x)
		}
		s.Cases = append(s.Cases, c)
	}
	if !told {
		c := junitCase{Name: "the gate as a whole", Class: class}
		c.judge(m, m.Verdict, m.Headline)
		s.Cases = append(s.Cases, c)
	}
	for i := range s.Cases {
		s.Cases[i].Time = junitSeconds(m.Spent / time.Duration(len(s.Cases)))
	}
	return s.counted()
}

// counted is the suite with its cases counted.
func (s junitSuite) counted() junitSuite {
	for _, c := range s.Cases {
		s.Tests++
		if c.Failure != nil {
			s.Failures++
		}
		if c.Skipped != nil {
			s.Skipped++
		}
	}
	return s
}

// judge makes a case fail or be skipped as its verdict asks for; text is its output.
func (c *junitCase) judge(m *gateModel, v gate.Verdict, text string) {
	switch {
	case v == gate.Regressed, v == gate.Inconclusive && m.GateMeta.Inconclusive == "fail":
		c.Failure = &junitFailure{string(v), text, m.Headline}
	case v == gate.Inconclusive && m.GateMeta.Inconclusive != "pass", v == gate.Informs:
		c.Skipped = &junitMessage{text}
	case v == gate.Inconclusive:
		c.Out = "Not clear, which counts as passed here: " + text
	default:
		c.Out = text
	}
}

// junitOut tells what belongs to no criterion.
func junitOut(m *gateModel) string {
	lines := []string{m.Headline}
	for _, s := range []string{m.Early, m.Why, m.Counted} {
		if s != "" {
			lines = append(lines, s)
		}
	}
	for _, s := range m.Lost {
		lines = append(lines, "Does not count: "+sentence(s))
	}
	for _, s := range m.Warnings {
		lines = append(lines, "Doubt: "+sentence(s))
	}
	return strings.Join(lines, "\n")
}

// junitTime is a moment in UTC; none for the zero time.
func junitTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05")
}

func junitSeconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }
