package scenarios

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

func TestSchemaIsCommitted(t *testing.T) {
	got, err := Schema(testCatalogue)
	if err != nil {
		t.Fatal(err)
	}
	const file = "scenario.schema.json"
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of date: go test ./scenarios -run TestSchemaIsCommitted -update", file)
	}
}

// compileSchema returns the schema, ready to validate.
func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	src, err := Schema(testCatalogue)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(src))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("scenario.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("scenario.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestScenariosFitTheSchema(t *testing.T) {
	schema := compileSchema(t)
	texts := map[string][]byte{starter: Starter(), "minimal": []byte(minimal), "everything": []byte(everything), "target": []byte(targeted)}
	for _, name := range BuiltIn() {
		src, err := readBuiltIn(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = src
	}
	for name, src := range texts {
		var v any
		if err := yaml.Load(src, &v); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	schema := compileSchema(t)
	if err := schema.Validate(map[string]any{"name": "a", "target": "127.0.0.1:8000", "traffic": map[string]any{"requests": []any{}}}); err == nil {
		t.Error("bad target: the schema accepts it")
	}
	for _, tt := range []struct{ name, old, new string }{
		{"no application", "app:\n  interface: wsgi\n  module: shop.wsgi:application\n", ""},
		{"no servers", "  servers: [gunicorn-sync]\n", ""},
		{"target and application", "app:", "target: http://127.0.0.1:8000\napp:"},
		{"unknown service", "matrix:", "services: [mysql]\nmatrix:"},
		{"unknown upstream", "matrix:", "proxy: {upstream: pipe}\nmatrix:"},
		{"text for a boolean", "matrix:", "proxy: {tls: \"yes\"}\nmatrix:"},
		{"bad instances", "workers: 2", "workers: 2\n  instances: 0"},
		{"unknown missing", "workers: 2", "workers: 2\n  missing: ignore"},
		{"unknown page cache", "traffic:\n", "traffic:\n  page_cache: hot\n"},
		{"unknown transport", "traffic:\n", "traffic:\n  transport: fast\n"},
		{"unknown arrivals", "traffic:\n", "traffic:\n  arrivals: poison\n"},
		{"unknown shape", "traffic:\n", "traffic:\n  shape: {slope: 2}\n"},
		{"slow clients without a kind", "traffic:\n", "traffic:\n  slow: {clients: 3}\n"},
		{"unknown comparison", "traffic:\n", "search: {compare: framework}\ntraffic:\n"},
		{"unknown key", "  workers:", "  wrokers:"},
		{"unknown server", "gunicorn-sync", "gunicorn-sink"},
		{"unknown interface", "interface: wsgi", "interface: fcgi"},
		{"missing name", "name: small\n", ""},
		{"bad duration", "traffic:\n", "traffic:\n  timeout: 5 sec\n"},
		{"bad count", "workers: 2", "workers: 0"},
		{"negative weight", "path: /}", "path: /, weight: -1}"},
		{"bad objective", "traffic:\n", "objectives: [p98 < 1s]\ntraffic:\n"},
	} {
		text := strings.Replace(minimal, tt.old, tt.new, 1)
		var v any
		if err := yaml.Load([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err == nil {
			t.Errorf("%s: the schema accepts it", tt.name)
		}
	}
}
