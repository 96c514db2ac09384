package scenarios

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// decode fills v, a field of what is read, from the node at path. It reports
// what is of the wrong type and goes on, so that one fault hides no other.
func (d *document) decode(path string, n *yaml.Node, v reflect.Value) {
	if !d.isPlain(path, n) {
		return
	}
	switch p := v.Addr().Interface().(type) {
	case *Duration:
		decodeText(d, path, n, p, "a duration such as 250ms", ParseDuration)
	case *Bytes:
		decodeText(d, path, n, p, "a size such as 512MB", ParseBytes)
	case *Share:
		decodeText(d, path, n, p, "a share such as 30%", ParseShare)
	case *Objective:
		decodeText(d, path, n, p, "an objective such as p99 < 250ms", ParseObjective)
	case *Criterion:
		decodeText(d, path, n, p, "a criterion such as p95 grows > 10%", ParseCriterion)
	case *Command:
		if n.Kind == yaml.ScalarNode {
			decodeText(d, path, n, p, "a command", ParseCommand)
		} else {
			d.decodeList(path, n, v)
		}
	case *Counts:
		d.decodeTexts(path, n, (*[]string)(p), "a count or a list of counts")
	case *Values:
		d.decodeTexts(path, n, (*[]string)(p), "a range such as 1..500 or a list")
	default:
		d.decodeKind(path, n, v)
	}
}

// decodeKind fills v by its kind.
func (d *document) decodeKind(path string, n *yaml.Node, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		d.decodeStruct(path, n, v)
	case reflect.Map:
		d.decodeMap(path, n, v)
	case reflect.Slice:
		d.decodeList(path, n, v)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(path, n, v.Elem())
	case reflect.String:
		if d.isText(path, n) {
			v.SetString(n.Value)
		}
	case reflect.Float64:
		d.decodeFloat(path, n, v)
	case reflect.Int, reflect.Int64, reflect.Uint64:
		d.decodeInteger(path, n, v)
	case reflect.Bool:
		d.decodeBool(path, n, v)
	default:
		panic("scenarios: no way to read a " + v.Type().String())
	}
}

// isPlain refuses what makes a scenario hard to read or unsafe to expand.
func (d *document) isPlain(path string, n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		d.fault(path, "is an alias", "write the value out; "+d.kind.Many+" have no aliases")
	case n.Style&yaml.TaggedStyle != 0:
		d.fault(path, "has the tag "+n.Tag, "delete the tag; the field's type is known")
	default:
		return true
	}
	return false
}

func (d *document) decodeStruct(path string, n *yaml.Node, v reflect.Value) {
	if isNull(n) {
		return // as a section whose entries are all commented out
	}
	fields := make(map[string]reflect.Value)
	var known []string
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		fields[name] = v.Field(i)
		known = append(known, name)
	}
	d.eachEntry(path, n, func(key string, value *yaml.Node, at place) {
		field, ok := fields[key]
		switch {
		case !ok:
			d.at(at, join(path, key), "unknown key", suggest(key, known))
		case isNull(value) && field.Kind() != reflect.Struct:
			d.fault(join(path, key), "has no value", "write one, or delete the key")
		default:
			d.decode(join(path, key), value, field)
		}
	})
}

// decodeMap fills a map of texts or of values to draw from.
func (d *document) decodeMap(path string, n *yaml.Node, v reflect.Value) {
	v.Set(reflect.MakeMap(v.Type()))
	d.eachEntry(path, n, func(key string, value *yaml.Node, _ place) {
		if isNull(value) {
			d.fault(join(path, key), "has no value", `write one, or "" for the empty text`)
			return
		}
		element := reflect.New(v.Type().Elem()).Elem()
		d.decode(join(path, key), value, element)
		v.SetMapIndex(reflect.ValueOf(key), element)
	})
}

// eachEntry visits the entries of a mapping, notes their places and reports
// repeated keys.
func (d *document) eachEntry(path string, n *yaml.Node, visit func(key string, value *yaml.Node, at place)) {
	if n.Kind != yaml.MappingNode {
		d.fault(path, describe(n)+", must be a mapping", "write its entries as indented lines of key: value")
		return
	}
	lines := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := d.placeOf(key)
		switch first, repeated := lines[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			d.at(at, path, describe(key)+" as a key, must be a text", "")
		case key.Tag == "!!merge":
			d.at(at, join(path, key.Value), "is a merge key", "write the entries out; "+d.kind.Many+" have no aliases")
		case repeated:
			d.at(at, join(path, key.Value), fmt.Sprintf("repeated key, first in line %d", first), "keep one of them")
		default:
			lines[key.Value] = key.Line
			d.places[join(path, key.Value)] = at
			visit(key.Value, value, at)
		}
	}
}

func (d *document) decodeList(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.fault(path, describe(n)+", must be a list", "write its elements as lines that begin with -, or in [ ]")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, element := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.places[at] = d.placeOf(element)
		if isNull(element) {
			d.fault(at, "has no value", "write one, or delete the element")
			continue
		}
		d.decode(at, element, v.Index(i))
	}
}

// decodeTexts fills a list of numbers and texts; one of them needs no brackets.
func (d *document) decodeTexts(path string, n *yaml.Node, texts *[]string, want string) {
	elements := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		elements = n.Content
	}
	*texts = make([]string, len(elements))
	for i, element := range elements {
		at := path
		if element != n {
			at = fmt.Sprintf("%s[%d]", path, i)
			d.places[at] = d.placeOf(element)
		}
		switch {
		case !d.isPlain(at, element):
		case element.Kind != yaml.ScalarNode, isNull(element):
			d.fault(at, describe(element)+", must be "+want, "")
		case element.Tag == "!!bool":
			d.fault(at, describe(element)+", must be "+want, "put a text in quotes: "+strconv.Quote(element.Value))
		}
		(*texts)[i] = element.Value
	}
}

// decodeText fills p by parse.
func decodeText[T any](d *document, path string, n *yaml.Node, p *T, want string, parse func(string) (T, error)) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!bool" {
		d.fault(path, describe(n)+", must be "+want, "")
		return
	}
	value, err := parse(n.Value)
	if err != nil {
		d.misfit(path, err)
		return
	}
	*p = value
}

// isText reports a node that is no text. Where a number cannot be meant as
// one (an environment, headers, CPU lists, flags) it is taken as written.
func (d *document) isText(path string, n *yaml.Node) bool {
	switch {
	case n.Kind != yaml.ScalarNode:
		hint := ""
		if n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 {
			hint = "put a text that begins with { in quotes"
		}
		d.fault(path, describe(n)+", must be a text", hint)
		return false
	case n.Tag == "!!bool", isNumber(n):
		if d.flags[n] != "" || isNumber(n) && takesNumbers(path) {
			return true
		}
		d.fault(path, describe(n)+", must be a text", "put it in quotes: "+strconv.Quote(n.Value))
		return false
	}
	return true
}

func takesNumbers(path string) bool {
	return strings.HasPrefix(path, "app.env.") || strings.HasPrefix(path, "cpus.") || strings.Contains(path, ".headers.")
}

var (
	integerForm = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	octalForm   = regexp.MustCompile(`^-?0[0-9]+$`)
	floatForm   = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
)

// isNumeral reports a node that is no number in decimal digits of that form.
func (d *document) isNumeral(path string, n *yaml.Node, form *regexp.Regexp, want string) bool {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.fault(path, describe(n)+", must be "+want, "")
	case !isNumber(n) && d.flags[n] == "" && form.MatchString(n.Value):
		d.fault(path, describe(n)+", must be "+want, "delete the quotes")
	case octalForm.MatchString(n.Value):
		d.fault(path, "is "+n.Value+", which some readers take for an octal number", "write it without the leading zero")
	case !form.MatchString(n.Value):
		d.fault(path, describe(n)+", must be "+want, "write it in decimal digits")
	default:
		return true
	}
	return false
}

func (d *document) decodeFloat(path string, n *yaml.Node, v reflect.Value) {
	if !d.isNumeral(path, n, floatForm, "a number") {
		return
	}
	number, err := strconv.ParseFloat(n.Value, 64)
	if err != nil {
		d.fault(path, "is "+n.Value+", which is too large", "")
		return
	}
	v.SetFloat(number)
}

func (d *document) decodeInteger(path string, n *yaml.Node, v reflect.Value) {
	if !d.isNumeral(path, n, integerForm, "a whole number") {
		return
	}
	if v.Kind() == reflect.Uint64 {
		number, err := strconv.ParseUint(n.Value, 10, 64)
		if err != nil {
			d.fault(path, "is "+n.Value+", must be from 0 to 18446744073709551615", "")
			return
		}
		v.SetUint(number)
		return
	}
	number, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil {
		d.fault(path, "is "+n.Value+", which is too large", "")
		return
	}
	v.SetInt(number)
}

// bools are what people, and some readers of YAML, take for true and false.
var bools = map[string]string{
	"y": "true", "yes": "true", "on": "true", "1": "true", "true": "true",
	"n": "false", "no": "false", "off": "false", "0": "false", "false": "false",
}

func (d *document) decodeBool(path string, n *yaml.Node, v reflect.Value) {
	isWord := n.Kind == yaml.ScalarNode && (n.Value == "true" || n.Value == "false")
	meant := bools[strings.ToLower(n.Value)]
	switch {
	case isWord && n.Tag == "!!bool":
		v.SetBool(n.Value == "true")
	case isWord:
		d.fault(path, describe(n)+", must be true or false", "delete the quotes")
	case meant != "":
		d.fault(path, describe(n)+", must be true or false", "write "+meant)
	default:
		d.fault(path, describe(n)+", must be true or false", "")
	}
}

// placeOf returns the place of a key or an element.
func (d *document) placeOf(n *yaml.Node) place {
	return place{flag: d.flags[n], line: n.Line, column: n.Column}
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}

func isNumber(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.Tag == "!!int" || n.Tag == "!!float")
}

// describe says what a node is, as the beginning of a message.
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "is a mapping"
	case n.Kind == yaml.SequenceNode:
		return "is a list"
	case n.Kind == yaml.AliasNode:
		return "is an alias"
	case isNull(n):
		return "has no value"
	case isNumber(n):
		return "is the number " + n.Value
	case n.Tag == "!!bool":
		return "is " + n.Value
	}
	return "is the text " + strconv.Quote(n.Value)
}
