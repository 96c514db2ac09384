package metrics

import "strings"

// kind says how a metric's values behave.
type kind int

const (
	counter   kind = iota // rises
	gauge                 // rises and falls
	histogram             // counts times
)

// metric is one metric in both worlds.
type metric struct {
	name   string // as OpenTelemetry writes it
	unit   string // of UCUM, as OpenTelemetry writes it
	kind   kind
	help   string
	labels []string
}

// seconds is the unit of times.
const seconds = "s"

func newCounter(name, unit, help string, labels ...string) *metric {
	return &metric{name, unit, counter, help, labels}
}

func newGauge(name, unit, help string, labels ...string) *metric {
	return &metric{name, unit, gauge, help, labels}
}

func newTimes(name, help string, labels ...string) *metric {
	return &metric{name, seconds, histogram, help, labels}
}

// Metrics of the run.
var (
	runInfo = newGauge("sweetspot.run.info", "",
		"Always 1: which run the figures are of.", "run", "scenario", "version")
	runStart = newGauge("sweetspot.run.start_time", seconds,
		"When the run began, in seconds since 1970.")
	runProgress = newGauge("sweetspot.run.progress", "1",
		"Share of the run that is done, by the estimate of what is left.")
	runRemaining = newGauge("sweetspot.run.remaining", seconds,
		"Estimate of the time that the run still takes.")
	stepInfo = newGauge("sweetspot.step.info", "",
		"1 while a trial of this cell and phase is made, the start of its stack included.", "cell", "phase")
	trialsDone = newCounter("sweetspot.trials", "{trial}",
		"Trials done, by verdict: passed, failed or void.", "verdict")
	sustained = newGauge("sweetspot.cell.sustained_requests", "{request}/s",
		"Highest rate at which the cell met every objective, by the trials so far: the mean of its starts.", "cell")
	sustainedLow = newGauge("sweetspot.cell.sustained_low_requests", "{request}/s",
		"Lower end of the 95 % interval of the highest rate at which the cell met every objective; there when the run is over, with two fresh starts or more.", "cell")
	sustainedHigh = newGauge("sweetspot.cell.sustained_high_requests", "{request}/s",
		"Upper end of the 95 % interval of the highest rate at which the cell met every objective; there when the run is over, with two fresh starts or more.", "cell")
	unlisted = newGauge("sweetspot.cells.unlisted", "{cell}",
		"Cells with a sustained rate that have no series, because others sustain more and the list is bounded.")
)

// Metrics of what is sent now. They start with the process.
var (
	offered = newGauge("sweetspot.attack.offered_requests", "{request}/s",
		"Rate of the current attack's schedule; absent for a closed loop and between attacks.")
	inFlight = newGauge("sweetspot.attack.requests_in_flight", "{request}",
		"Requests that were due and have no result, sent or not, a second ago at most; absent between attacks.")
	due = newCounter("sweetspot.attack.due_requests", "{request}",
		"Requests that were due by the schedule, by part of the attack: warmup or measured.", "part")
	answered = newCounter("sweetspot.attack.requests", "{request}",
		"Requests that have a result, by part of the attack, and by outcome: good for a verified response, else error.", "part", "outcome")
	attackTime = newTimes("sweetspot.attack.response_time",
		"From the scheduled time of a request to the last byte of its response, of all classes; errors are in it, too.", "part")
)

// Metrics of the trials on disk, of their measured parts alone.
var (
	requests = newCounter("sweetspot.trial.requests", "{request}",
		"Requests sent in the measured parts of the trials on disk.", "class")
	goodRequests = newCounter("sweetspot.trial.good_requests", "{request}",
		"Requests of the measured parts of the trials on disk whose response was verified.", "class")
	requestErrors = newCounter("sweetspot.trial.request_errors", "{request}",
		"Requests of the measured parts of the trials on disk that were not answered well, by what was wrong.", "class", "error")
	responseTime = newTimes("sweetspot.trial.response_time",
		"From the scheduled time of a request to the last byte of its response, in the measured parts of the trials on disk; errors are in it, too.", "class")
	serviceTime = newTimes("sweetspot.trial.service_time",
		"From sending a request to the last byte of its response, in the measured parts of the trials on disk; errors are in it, too.", "class")
	lag = newTimes("sweetspot.trial.lag",
		"How late requests left, against their schedule, in the measured parts of the trials on disk.", "class")
	wallTime = newCounter("sweetspot.trial.measured", seconds,
		"Wall time of the measured parts of the trials on disk, for which CPU time was counted.")
	cpuTime = newCounter("sweetspot.trial.cpu", seconds,
		"CPU time used in the measured parts of the trials on disk, by role: app, proxy, services, generator, foreign for processes that are not the run's, stolen for what the hypervisor took.", "role")
	memory = newGauge("sweetspot.trial.memory.pss", "By",
		"Proportional set size in the last trial, the larger of before and after, by role.", "role")
)

// table is all of them, in the order of export.
var table = []*metric{
	runInfo, runStart, runProgress, runRemaining, stepInfo, trialsDone, sustained, sustainedLow, sustainedHigh, unlisted,
	offered, inFlight, due, answered, attackTime,
	requests, goodRequests, requestErrors, responseTime, serviceTime, lag, wallTime, cpuTime, memory,
}

// ofProcess tells whether a metric counts from the start of the process, and not
// of the run.
func (m *metric) ofProcess() bool { return strings.HasPrefix(m.name, "sweetspot.attack.") }

// prometheusName is the name as Prometheus writes it, and as a Prometheus that
// receives OTLP makes it of name and unit: the unit in full, and _total for
// what rises.
// https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
func (m *metric) prometheusName() string {
	name := strings.ReplaceAll(m.name, ".", "_")
	switch {
	case m.unit == seconds:
		name += "_seconds"
	case m.unit == "By":
		name += "_bytes"
	case m.unit == "1" && m.kind == gauge:
		name += "_ratio"
	case strings.HasSuffix(m.unit, "/s"):
		name += "_per_second"
	}
	if m.kind == counter {
		name += "_total"
	}
	return name
}
