package scenarios

import "reflect"

// Sheet is a file of another kind that is read as strictly as a scenario:
// every fault has its place, and all are told at once.
type Sheet struct{ check checker }

// ReadSheet fills into, which points to a struct whose fields have yaml tags,
// from src. name stands for the file in messages. What is wrong is kept for Err.
func ReadSheet(k Kind, name string, src []byte, into any) *Sheet {
	d := newDocument(k, name, src)
	if d.root != nil {
		d.decode("", d.root, reflect.ValueOf(into).Elem())
	}
	return &Sheet{checker{document: d}}
}

// Readable tells whether there is a content to check: of a text that is no
// mapping no field is missing.
func (s *Sheet) Readable() bool { return s.check.root != nil }

// Fault adds a fault of a field's content, with its remedy, unless the field's
// form is wrong already. path is as in sites[0].name.
func (s *Sheet) Fault(path, message, hint string) { s.check.fault(path, message, hint) }

// Missing reports a text that is absent or empty. It returns false when there
// is one to look at.
func (s *Sheet) Missing(path, text, hint string) bool { return s.check.missing(path, text, hint) }

// Word reports a text that is none of the known words.
func (s *Sheet) Word(path, text string, known []string) { s.check.word(path, text, known) }

// Between reports a duration out of its bounds.
func (s *Sheet) Between(path string, d, least, most Duration) { s.check.between(path, d, least, most) }

// Line returns the line of a field, or of the nearest one around it.
func (s *Sheet) Line(path string) int { return s.check.find(path).line }

// Err returns what is wrong as Faults, in the order of the file, or nil.
func (s *Sheet) Err() error {
	if len(s.check.faults) == 0 {
		return nil
	}
	return s.check.sorted()
}
