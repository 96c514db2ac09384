package metrics

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
)

// Protocols of OTLP that are spoken.
const (
	protocolHTTP = "http/protobuf"
	protocolGRPC = "grpc"
)

// environment returns the protocol that OpenTelemetry's environment variables
// ask for, empty when nothing is to be exported, and what is wrong with them.
// The exporter itself reads the variables for endpoint, headers, certificates,
// compression and time limit, and its reader OTEL_METRIC_EXPORT_INTERVAL.
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
func environment() (protocol string, doubts []string) {
	if strings.EqualFold(first("OTEL_SDK_DISABLED"), "true") {
		return "", nil
	}
	exporters := strings.FieldsFunc(first("OTEL_METRICS_EXPORTER"), func(r rune) bool { return r == ',' || r == ' ' })
	if slices.Contains(exporters, "none") {
		return "", nil
	}
	endpoint := first("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
	asked := slices.Contains(exporters, "otlp")
	switch {
	case len(exporters) > 0 && !asked:
		return "", []string{fmt.Sprintf("OTEL_METRICS_EXPORTER=%s: no metrics are exported, for only otlp and none are known; --metrics serves Prometheus", strings.Join(exporters, ","))}
	case endpoint == "" && asked:
		return "", []string{"OTEL_METRICS_EXPORTER=otlp: no metrics are exported without an endpoint; set OTEL_EXPORTER_OTLP_ENDPOINT"}
	case endpoint == "":
		return "", nil
	}
	if u, err := url.Parse(endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", []string{"no metrics are exported: the endpoint of OTLP is no URL with http or https and a host; set OTEL_EXPORTER_OTLP_ENDPOINT as http://127.0.0.1:4318"}
	}
	protocol = first("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
	switch protocol {
	case "":
		protocol = protocolHTTP
	case protocolHTTP, protocolGRPC:
	default:
		return "", []string{fmt.Sprintf("OTEL_EXPORTER_OTLP_PROTOCOL=%s: no metrics are exported, for only %s and %s are spoken", protocol, protocolHTTP, protocolGRPC)}
	}
	if t := first("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"); t != "" && !strings.EqualFold(t, "cumulative") {
		doubts = append(doubts, fmt.Sprintf("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=%s: the metrics are cumulative all the same", t))
	}
	return protocol, doubts
}

// first returns the first of the environment variables that is set.
func first(names ...string) string {
	for _, name := range names {
		if v := strings.TrimSpace(os.Getenv(name)); v != "" {
			return v
		}
	}
	return ""
}
