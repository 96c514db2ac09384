package metrics

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/go-logr/logr/funcr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
)

// lastExport is how long the end of an export waits for its last figures to
// arrive.
const lastExport = 2 * time.Second

// maxTold is how much is told of an error, characters.
const maxTold = 300

// Export sends the figures of a run over OTLP, again and again.
type Export struct{ provider *sdk.MeterProvider }

// StartExport begins to export a run as OpenTelemetry's environment variables
// say; nil when they set no endpoint, or turn it off. It never fails: what is
// wrong with the variables, and the first export that does not arrive, is told,
// from any goroutine, and the run goes on.
func StartExport(ctx context.Context, r *Run, tell func(string)) *Export {
	listenToLibrary(tell)
	protocol, doubts := environment()
	for _, d := range doubts {
		tell(d)
	}
	if protocol == "" {
		return nil
	}
	exporter, err := newExporter(ctx, protocol)
	if err != nil {
		tell(fmt.Sprintf("no metrics are exported: %v; see the environment variables OTEL_EXPORTER_OTLP_…", err))
		return nil
	}
	about, err := r.resource(ctx)
	if err != nil {
		tell(fmt.Sprintf("%v; see the environment variable OTEL_RESOURCE_ATTRIBUTES", err))
	}
	reader := sdk.NewPeriodicReader(&telling{Exporter: exporter, tell: tell}, sdk.WithProducer(producer{r}))
	return &Export{sdk.NewMeterProvider(sdk.WithReader(reader), sdk.WithResource(about))}
}

// listenToLibrary tells what OpenTelemetry's library would write to standard error
// by itself, such as a variable that it cannot read: each text once.
func listenToLibrary(tell func(string)) {
	var said sync.Map
	once := func(text string) {
		if _, known := said.LoadOrStore(text, true); !known {
			tell("OpenTelemetry: " + printable(text))
		}
	}
	const warnings = 1
	otel.SetLogger(funcr.New(func(_, text string) { once(text) }, funcr.Options{Verbosity: warnings}))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { once(err.Error()) }))
}

// Stop sends the last figures and ends the export. It takes two seconds at
// most, when nobody answers. Stopping nil does nothing.
func (e *Export) Stop() {
	if e == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastExport)
	defer cancel()
	_ = e.provider.Shutdown(ctx) // what does not arrive is told by the exporter
}

func newExporter(ctx context.Context, protocol string) (sdk.Exporter, error) {
	if protocol == protocolGRPC {
		return otlpmetricgrpc.New(ctx)
	}
	return otlpmetrichttp.New(ctx)
}

// resource says whose figures they are; what the environment says goes first.
func (r *Run) resource(ctx context.Context) (*resource.Resource, error) {
	return resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(
			attribute.String("service.name", "sweetspot"),
			attribute.String("service.version", r.about.Version),
			attribute.String("service.instance.id", r.about.Run),
		),
		resource.WithFromEnv(),
	)
}

// telling is an exporter that tells its first failure and takes the others for
// the same: the figures are cumulative, so that a later export makes good for
// them.
type telling struct {
	sdk.Exporter
	tell func(string)
	once sync.Once
}

// Export is part of sdk.Exporter.
func (t *telling) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	if err := t.Exporter.Export(ctx, rm); err != nil {
		t.once.Do(func() {
			t.tell(fmt.Sprintf("metrics were not exported: %s; the run does not wait for them, and this is told once", printable(err.Error())))
		})
	}
	return nil
}

// printable returns the text, which may be the answer of a server, on one line and
// without what a terminal obeys.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	if r := []rune(text); len(r) > maxTold {
		return string(r[:maxTold]) + "…"
	}
	return text
}

// producer makes OpenTelemetry's figures of a run.
type producer struct{ run *Run }

// Produce is part of sdk.Producer.
func (p producer) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	families, at := p.run.collect()
	s := metricdata.ScopeMetrics{Scope: instrumentation.Scope{Name: "sweetspot", Version: p.run.about.Version}}
	for _, f := range families {
		if len(f.samples) > 0 {
			s.Metrics = append(s.Metrics, metricdata.Metrics{
				Name: f.name, Description: f.help, Unit: f.unit, Data: f.aggregation(at),
			})
		}
	}
	return []metricdata.ScopeMetrics{s}, nil
}

// aggregation is a family in OpenTelemetry's words.
func (f family) aggregation(at time.Time) metricdata.Aggregation {
	if f.kind == histogram {
		h := metricdata.ExponentialHistogram[float64]{Temporality: metricdata.CumulativeTemporality}
		for _, s := range f.samples {
			h.DataPoints = append(h.DataPoints, s.times.point(f.attributes(s), f.since, at))
		}
		return h
	}
	var points []metricdata.DataPoint[float64]
	for _, s := range f.samples {
		points = append(points, metricdata.DataPoint[float64]{Attributes: f.attributes(s), StartTime: f.since, Time: at, Value: s.value})
	}
	if f.kind == counter {
		return metricdata.Sum[float64]{DataPoints: points, Temporality: metricdata.CumulativeTemporality, IsMonotonic: true}
	}
	return metricdata.Gauge[float64]{DataPoints: points}
}

func (f family) attributes(s sample) attribute.Set {
	pairs := make([]attribute.KeyValue, len(s.labels))
	for i, value := range s.labels {
		pairs[i] = attribute.String(f.labels[i], value)
	}
	return attribute.NewSet(pairs...)
}

// point is a histogram in OpenTelemetry's words.
func (e exponential) point(a attribute.Set, since, at time.Time) metricdata.ExponentialHistogramDataPoint[float64] {
	first, counts := e.filled()
	return metricdata.ExponentialHistogramDataPoint[float64]{
		Attributes: a, StartTime: since, Time: at,
		Count: e.count, Sum: e.sum, Scale: Schema, ZeroCount: e.zero, ZeroThreshold: zeroThreshold,
		PositiveBucket: metricdata.ExponentialBucket{Offset: int32(first - 1), Counts: counts},
	}
}
