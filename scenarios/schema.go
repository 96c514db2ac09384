package scenarios

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"
)

// sources holds the declarations whose doc comments describe the fields.
//
//go:embed scenario.go objective.go gate.go
var sources embed.FS

// Schema returns the JSON Schema of a scenario, for editors. It says less
// than Validate: what it refuses is wrong, what it accepts may be.
func Schema(cat Catalogue) ([]byte, error) {
	docs, err := docComments()
	if err != nil {
		return nil, err
	}
	r := jsonschema.Reflector{
		Anonymous:     true,
		FieldNameTag:  "yaml",
		Mapper:        textSchema,
		LookupComment: func(t reflect.Type, field string) string { return docs[t.Name()+"."+field] },
	}
	schema := r.Reflect(&Scenario{})
	schema.Title = "sweetspot scenario"
	enums := map[string][]string{
		"Scenario.services":  cat.Services,
		"App.interface":      {WSGI, ASGI, Embedded},
		"Route.dist":         {DistConstant, DistExponential},
		"Proxy.upstream":     upstreams,
		"Matrix.servers":     cat.Servers,
		"Matrix.proxies":     cat.Proxies,
		"Matrix.missing":     {FailMissing, SkipMissing},
		"Traffic.arrivals":   arrivals,
		"Traffic.page_cache": {WarmCache, ColdCache},
		"Traffic.transport":  {LeanTransport, StandardTransport},
		"Slow.kind":          slowKinds,
		"Request.class":      {Static, Dynamic},
		"Request.method":     methods,
		"Search.strategy":    {Grid, Adaptive},
		"Search.compare":     comparisons,
	}
	for _, path := range sortedKeys(enums) {
		if err := setEnum(schema, path, enums[path]); err != nil {
			return nil, err
		}
	}
	relax(schema)
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(schema); err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	return out.Bytes(), nil
}

// relax allows what the Go types alone do not tell.
func relax(schema *jsonschema.Schema) {
	relaxRoot(schema)
	schema.Definitions["App"].Required = []string{"interface"}
	schema.Definitions["Proxy"].Required = nil
	numberOrText := &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}}}
	property(schema, "App.env").AdditionalProperties = numberOrText
	property(schema, "Request.headers").AdditionalProperties = numberOrText
	for _, part := range []string{"generator", "proxy", "app"} {
		p := property(schema, "CPUSets."+part)
		p.Type, p.AnyOf = "", []*jsonschema.Schema{{Type: "string"}, {Type: "integer"}}
	}
	property(schema, "Request.weight").Minimum = "0"
	schema.Definitions["Limits"].Required = nil
}

// relaxRoot tells scenarios with a target, which have no application and need
// no matrix, from the others.
func relaxRoot(schema *jsonschema.Schema) {
	root, matrix := schema.Definitions["Scenario"], schema.Definitions["Matrix"]
	requires := func(names ...string) *jsonschema.Schema { return &jsonschema.Schema{Required: names} }
	root.If = requires("target")
	root.Then = &jsonschema.Schema{Not: &jsonschema.Schema{AnyOf: []*jsonschema.Schema{requires("app"), requires("services"), requires("proxy")}}}
	root.Else = requires("app", "matrix")
	root.Else.Properties = jsonschema.NewProperties()
	root.Else.Properties.Set("matrix", requires(matrix.Required...))
	root.Required = slices.DeleteFunc(root.Required, func(name string) bool { return name == "objectives" || name == "matrix" })
	matrix.Required = nil
	property(schema, "Scenario.target").Pattern = `^https?://[^/?#@]+/?$`
}

// property returns the schema of a field, named as Type.key; nil when there is none.
func property(schema *jsonschema.Schema, path string) *jsonschema.Schema {
	typ, key, _ := strings.Cut(path, ".")
	definition := schema.Definitions[typ]
	if definition == nil {
		return nil
	}
	p, _ := definition.Properties.Get(key)
	return p
}

// setEnum limits a text, or the elements of a list of texts, to some words.
func setEnum(schema *jsonschema.Schema, path string, words []string) error {
	p := property(schema, path)
	if p == nil {
		return fmt.Errorf("the schema has no property %s", path)
	}
	if p.Items != nil {
		p = p.Items
	}
	for _, w := range words {
		p.Enum = append(p.Enum, w)
	}
	return nil
}

// textSchema describes the types that have a text form of their own.
func textSchema(t reflect.Type) *jsonschema.Schema {
	text := func(pattern string, examples ...any) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "string", Pattern: pattern, Examples: examples}
	}
	texts := &jsonschema.Schema{Type: "string"}
	number := &jsonschema.Schema{Type: "number"}
	list := func(of ...*jsonschema.Schema) *jsonschema.Schema {
		items := of[0]
		if len(of) > 1 {
			items = &jsonschema.Schema{AnyOf: of}
		}
		least := uint64(1)
		return &jsonschema.Schema{Type: "array", Items: items, MinItems: &least}
	}
	switch t {
	case reflect.TypeFor[Duration]():
		return text(`^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`, "250ms", "90s", "5m")
	case reflect.TypeFor[Bytes]():
		return text(`^[0-9]+(\.[0-9]+)? *([kKMGT]B|[KMGT]iB|B)$`, "512MB", "2GiB")
	case reflect.TypeFor[Share]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{number, text(`^[0-9]+(\.[0-9]+)? *%?$`)}, Examples: []any{"30%", 0.3}}
	case reflect.TypeFor[Objective]():
		return text(`^((`+strings.Join([]string{Static, Dynamic, All}, "|")+`) +)?(`+strings.ReplaceAll(strings.Join(metrics, "|"), ".", `\.`)+`) *< *\S+$`,
			"p99 < 250ms", "static p95 < 50ms", "errors < 0.1%")
	case reflect.TypeFor[Criterion]():
		return text(`^(.*\S +)?(`+strings.Join(GateMetrics, "|")+`) +(drops|grows) *> *[0-9]+(\.[0-9]+)? ?%$`,
			"throughput drops > 5%", "p95 grows > 10%", "checkout p95 grows > 10%", "errors grows > 0.1%")
	case reflect.TypeFor[Command]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{texts, list(texts)}}
	case reflect.TypeFor[Counts]():
		count := &jsonschema.Schema{Type: "integer", Minimum: "1", Maximum: json.Number(fmt.Sprint(MaxCount))}
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{count, texts, list(count, texts)}, Examples: []any{"1..8", "cores", "2*cores+1"}}
	case reflect.TypeFor[Values]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{texts, number, list(texts, number)}, Examples: []any{"1..500"}}
	}
	return nil
}

// docComments returns the comments of the exported types, by name and a dot,
// and of their fields, by Type.Field.
func docComments() (map[string]string, error) {
	docs := make(map[string]string)
	files, err := sources.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("read the doc comments: %w", err)
	}
	for _, f := range files {
		src, err := sources.ReadFile(f.Name())
		if err != nil {
			return nil, fmt.Errorf("read the doc comments: %w", err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), f.Name(), src, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("read the doc comments: %w", err)
		}
		for _, d := range file.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok || decl.Tok != token.TYPE {
				continue
			}
			for _, spec := range decl.Specs {
				addTypeDocs(docs, decl.Doc.Text(), spec.(*ast.TypeSpec))
			}
		}
	}
	return docs, nil
}

// addTypeDocs adds the comments of one type. A field's comment stands behind it.
func addTypeDocs(docs map[string]string, doc string, spec *ast.TypeSpec) {
	docs[spec.Name.Name+"."] = oneLine(doc)
	fields, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range fields.Fields.List {
		for _, name := range f.Names {
			docs[spec.Name.Name+"."+name.Name] = oneLine(f.Comment.Text())
		}
	}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
