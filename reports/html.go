package reports

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"regexp"
	"strings"
)

//go:embed report.html.tmpl
var htmlSource string

var htmlTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"join": strings.Join, "upperFirst": upperFirst, "lowerFirst": lowerFirst, "stamp": stamp,
}).Parse(htmlSource))

// htmlFigure is a plot inside the page.
type htmlFigure struct {
	Title, Caption, Missing string
	SVG                     template.HTML
}

// renderHTML writes one self-contained page: no request leaves it, and it
// needs no script.
func renderHTML(in Input) ([]byte, error) {
	m := newModel(in)
	data := struct {
		*model
		Figures map[string]htmlFigure
	}{m, map[string]htmlFigure{}}
	for _, f := range figures(m) {
		h := htmlFigure{Title: f.title, Caption: f.caption, Missing: f.missing}
		if f.missing == "" {
			svg, err := f.svg()
			if err != nil {
				return nil, fmt.Errorf("plot %s: %w", f.name, err)
			}
			h.SVG = inline(svg, f.caption)
		}
		data.Figures[f.name] = h
	}
	var b bytes.Buffer
	err := htmlTemplate.Execute(&b, data)
	return b.Bytes(), err
}

var svgHead = regexp.MustCompile(`(?s)^.*?<svg[^>]*viewBox="([^"]*)"[^>]*>`)

// inline makes an SVG file part of a page: it scales with its box and says
// what it shows. The library sets no ids, so none can collide.
func inline(svg []byte, caption string) template.HTML {
	head := fmt.Sprintf(`<svg viewBox="$1" role="img" aria-label="%s">`, template.HTMLEscapeString(caption))
	return template.HTML(svgHead.ReplaceAllString(string(svg), head)) // drawn by this package; the library escapes its texts
}
