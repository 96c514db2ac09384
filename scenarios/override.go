package scenarios

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Override sets one field of a scenario from the command line.
type Override struct {
	Path  string // as traffic.requests[0].weight; one past the end of a list appends
	Value string // YAML, as [1,2]; what is not YAML is a text
}

var overrideForm = regexp.MustCompile(`(?s)^([A-Za-z_][^\s.=\[\]]*(?:\.[^\s.=\[\]]+|\[[0-9]{1,4}\])*)=(.*)$`)

// ParseOverride reads path=value, the argument of a --set flag.
func ParseOverride(text string) (Override, error) {
	m := overrideForm.FindStringSubmatch(text)
	if m == nil {
		return Override{}, Faults{{
			File:    "--set " + text,
			Message: "is not path=value",
			Hint:    "write a field and its value, as search.budget=90s or traffic.requests[0].weight=3",
		}}
	}
	return Override{Path: m[1], Value: m[2]}, nil
}

// String is the inverse of ParseOverride.
func (o Override) String() string { return o.Path + "=" + o.Value }

// flag is the override as it was given.
func (o Override) flag() string { return "--set " + o.String() }

// override puts the value in the place of what the document has at its path.
func (d *document) override(o Override) {
	value := o.node()
	d.mark(value, o.flag())
	at := d.root
	steps := pathSteps(o.Path)
	for i, step := range steps {
		next := value
		if i < len(steps)-1 {
			next = nil
		}
		found, problem := d.step(at, step, next, o.flag())
		if problem != "" {
			d.at(place{flag: o.flag()}, o.Path, problem, "")
			return
		}
		at = found
	}
}

var stepForm = regexp.MustCompile(`[^.\[\]]+`)

// pathSteps splits a path into keys and, in brackets, indices.
func pathSteps(path string) []string {
	var steps []string
	for _, span := range stepForm.FindAllStringIndex(path, -1) {
		if span[0] > 0 && path[span[0]-1] == '[' {
			span[0]--
		}
		steps = append(steps, path[span[0]:span[1]])
	}
	return steps
}

// step goes from a node to its entry or element. A value, when there is one,
// takes its place; an entry that is missing is made.
func (d *document) step(at *yaml.Node, step string, value *yaml.Node, flag string) (next *yaml.Node, problem string) {
	if index, ok := strings.CutPrefix(step, "["); ok {
		return d.stepIndex(at, index, value)
	}
	if isNull(at) {
		*at = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: at.Line, Column: at.Column}
	}
	if at.Kind != yaml.MappingNode {
		return nil, fmt.Sprintf("has no %s to set: what is there %s", step, describe(at))
	}
	for i := 0; i+1 < len(at.Content); i += 2 {
		if at.Content[i].Value != step {
			continue
		}
		if value != nil {
			at.Content[i+1] = value
			d.flags[at.Content[i]] = flag
		}
		return at.Content[i+1], ""
	}
	if value == nil {
		value = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	}
	key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: step}
	d.flags[key] = flag
	at.Content = append(at.Content, key, value)
	return value, ""
}

// stepIndex goes to an element of a list, which a value may replace or extend.
func (d *document) stepIndex(at *yaml.Node, index string, value *yaml.Node) (next *yaml.Node, problem string) {
	i, _ := strconv.Atoi(index) // of at most four digits
	switch {
	case at.Kind != yaml.SequenceNode:
		return nil, fmt.Sprintf("has no element %d to set: what is there %s", i, describe(at))
	case i == len(at.Content) && value != nil:
		at.Content = append(at.Content, value)
	case i >= len(at.Content):
		return nil, fmt.Sprintf("has no element %d to set: the list has %d", i, len(at.Content))
	case value != nil:
		at.Content[i] = value
	}
	return at.Content[i], ""
}

// node returns the value as YAML, or as a text where it is no scalar and does
// not begin like a list, a mapping or a quoted text.
func (o Override) node() *yaml.Node {
	text := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: o.Value}
	if o.Value == "" {
		return text
	}
	n, err := soleNode([]byte(o.Value))
	if err != nil || n == nil || n.Kind != yaml.ScalarNode && !strings.ContainsRune("[{", rune(o.Value[0])) {
		return text
	}
	return n
}

// mark notes the flag that brought a node and all that is in it.
func (d *document) mark(n *yaml.Node, flag string) {
	d.flags[n] = flag
	for _, c := range n.Content {
		d.mark(c, flag)
	}
}
