package reports

import (
	"errors"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// inertInput returns a deep copy of the input in which no text can steer a
// terminal or the log of a CI runner. What a format takes for markup is the
// format's to escape.
func inertInput(in Input) Input {
	c := inertCopier{seen: map[any]reflect.Value{}, text: map[reflect.Type]bool{}}
	return c.copy(reflect.ValueOf(in)).Interface().(Input)
}

// runnerCommand is how a line of a CI runner's log begins a command.
var runnerCommand = regexp.MustCompile(`(^|\s)::([A-Za-z])`)

// inertText is a text without control codes and control characters, line ends
// and tabs but for, and with what a CI runner would take for a command parted.
func inertText(s string) string {
	s = printable(s)
	if strings.Contains(s, "::") {
		s = runnerCommand.ReplaceAllString(s, "$1: :$2")
	}
	if strings.Contains(s, "##") {
		s = logCommand.ReplaceAllString(s, "## $1[")
	}
	return s
}

// inertCopier copies values deeply. What one pointer or another points to stays
// one.
type inertCopier struct {
	seen map[any]reflect.Value // copies by pointer
	text map[reflect.Type]bool // whether values of a type can hold a text
}

var (
	timeType  = reflect.TypeFor[time.Time]()
	errorType = reflect.TypeFor[error]()
)

func (c inertCopier) copy(v reflect.Value) reflect.Value {
	if !c.holdsText(v.Type()) {
		return v
	}
	switch v.Kind() {
	case reflect.String:
		return reflect.ValueOf(inertText(v.String())).Convert(v.Type())
	case reflect.Pointer:
		return c.pointer(v)
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		if err, ok := v.Interface().(error); ok && v.Type() == errorType {
			return reflect.ValueOf(errors.New(inertText(err.Error())))
		}
		return c.copy(v.Elem())
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(c.copy(v.Field(i)))
			}
		}
		return out
	case reflect.Slice, reflect.Array:
		return c.elements(v)
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeMapWithSize(v.Type(), v.Len())
		for i := v.MapRange(); i.Next(); {
			out.SetMapIndex(c.copy(i.Key()), c.copy(i.Value()))
		}
		return out
	}
	return v
}

func (c inertCopier) pointer(v reflect.Value) reflect.Value {
	if v.IsNil() {
		return v
	}
	if out, ok := c.seen[v.Interface()]; ok {
		return out
	}
	out := reflect.New(v.Type().Elem())
	c.seen[v.Interface()] = out
	out.Elem().Set(c.copy(v.Elem()))
	return out
}

func (c inertCopier) elements(v reflect.Value) reflect.Value {
	if v.Kind() == reflect.Slice && v.IsNil() {
		return v
	}
	out := reflect.New(v.Type()).Elem()
	if v.Kind() == reflect.Slice {
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
	}
	for i := range v.Len() {
		out.Index(i).Set(c.copy(v.Index(i)))
	}
	return out
}

// holdsText tells whether a value of the type can hold a text that the copier
// reaches.
func (c inertCopier) holdsText(t reflect.Type) (holds bool) {
	if known, ok := c.text[t]; ok {
		return known
	}
	c.text[t] = false // until the fields of a recursive type are known
	defer func() { c.text[t] = holds }()
	switch t.Kind() {
	case reflect.String, reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return c.holdsText(t.Elem())
	case reflect.Map:
		return c.holdsText(t.Key()) || c.holdsText(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); t != timeType && f.IsExported() && c.holdsText(f.Type) {
				holds = true // the other fields are asked, too, for the sake of recursive types
			}
		}
	}
	return holds
}
