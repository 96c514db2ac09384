package metrics

import (
	"os"
	"strings"
	"testing"
)

// clean removes all of OpenTelemetry's variables for a test.
func clean(t *testing.T) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, "")
		}
	}
}

func TestEnvironment(t *testing.T) {
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"
	for _, tt := range []struct {
		name     string
		set      string
		protocol string
		doubt    string // part of the first; empty: there is none
	}{
		{"nothing is set", "", "", ""},
		{"an endpoint", endpoint, protocolHTTP, ""},
		{"an endpoint of metrics alone", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=https://collector/v1/metrics", protocolHTTP, ""},
		{"gRPC", endpoint + " OTEL_EXPORTER_OTLP_PROTOCOL=grpc", protocolGRPC, ""},
		{"the protocol of metrics goes first", endpoint + " OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/protobuf", protocolHTTP, ""},
		{"another protocol", endpoint + " OTEL_EXPORTER_OTLP_PROTOCOL=http/json", "", "only http/protobuf and grpc are spoken"},
		{"turned off", endpoint + " OTEL_SDK_DISABLED=TRUE", "", ""},
		{"not turned off", endpoint + " OTEL_SDK_DISABLED=false", protocolHTTP, ""},
		{"no exporter", endpoint + " OTEL_METRICS_EXPORTER=none", "", ""},
		{"several exporters", endpoint + " OTEL_METRICS_EXPORTER=otlp,console", protocolHTTP, ""},
		{"another exporter", endpoint + " OTEL_METRICS_EXPORTER=prometheus", "", "--metrics serves Prometheus"},
		{"no endpoint", "OTEL_METRICS_EXPORTER=otlp", "", "set OTEL_EXPORTER_OTLP_ENDPOINT"},
		{"no URL", "OTEL_EXPORTER_OTLP_ENDPOINT=127.0.0.1:4318", "", "no URL with http or https"},
		{"no host", "OTEL_EXPORTER_OTLP_ENDPOINT=http:///v1", "", "no URL with http or https"},
		{"differences", endpoint + " OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta", protocolHTTP, "cumulative all the same"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clean(t)
			for _, pair := range strings.Fields(tt.set) {
				name, value, _ := strings.Cut(pair, "=")
				t.Setenv(name, value)
			}
			protocol, doubts := environment()
			if protocol != tt.protocol {
				t.Errorf("protocol %q, want %q", protocol, tt.protocol)
			}
			if doubt := strings.Join(doubts, "\n"); (doubt == "") != (tt.doubt == "") || !strings.Contains(doubt, tt.doubt) {
				t.Errorf("doubts %q, want one that says %q", doubt, tt.doubt)
			}
		})
	}
}
