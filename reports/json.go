package reports

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"math"
	"time"

	"github.com/invopop/jsonschema"

	"sweetspot/analysis"
	"sweetspot/runner/rundir"
	"sweetspot/scenarios"
)

// jsonSchemaVersion grows when a reader of the JSON report would break.
const jsonSchemaVersion = 1

// schemaFile is the schema's place beside the report.
const schemaFile = "report.schema.json"

// Schema is the JSON Schema of the JSON report.
//
//go:embed report.schema.json
var Schema []byte

// quantity is a number that may be unknown: NaN and infinities are null.
type quantity float64

// MarshalJSON implements json.Marshaler.
func (q quantity) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(q)) || math.IsInf(float64(q), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(q))
}

// JSONSchema describes quantity to the schema generator.
func (quantity) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "number"}, {Type: "null"}}}
}

// document is the JSON report. Its names carry the units.
type document struct {
	Schema      int               `json:"schema" jsonschema:"enum=1"`
	Tool        string            `json:"tool"`
	Generated   time.Time         `json:"generated"`
	Alerts      []string          `json:"alerts"`
	Outcome     string            `json:"outcome" jsonschema:"enum=recommended,enum=not met,enum=inconclusive"`
	Because     string            `json:"because"`
	Answer      []string          `json:"answer"`
	Confidence  quantity          `json:"confidence,omitzero"`
	Regret      quantity          `json:"regret_target,omitzero"`
	Why         string            `json:"explanation,omitempty"`
	Headroom    quantity          `json:"headroom,omitzero"`
	Usable      quantity          `json:"plan_with_per_second,omitzero"`
	Winner      string            `json:"winner,omitempty"`
	RunnerUp    string            `json:"runner_up,omitempty"`
	Ties        []string          `json:"ties"`
	Folklore    []comparisonDoc   `json:"folklore"`
	ProxyTax    []comparisonDoc   `json:"proxy_tax"`
	Contest     *contestDoc       `json:"comparison,omitempty"`
	Limit       limitDoc          `json:"limit"`
	Capacity    *machineDoc       `json:"capacity,omitempty"`
	Target      string            `json:"target,omitempty"`
	Embedded    bool              `json:"embedded"`
	Partial     string            `json:"partial,omitempty"`
	Warnings    []string          `json:"warnings"`
	SpentS      quantity          `json:"spent_seconds"`
	BudgetS     quantity          `json:"budget_seconds"`
	Counts      countsDoc         `json:"trial_counts"`
	Cells       []cellDoc         `json:"cells"`
	Tails       []tailDoc         `json:"percentiles"`
	Trials      []trialDoc        `json:"trials"`
	Method      []string          `json:"method"`
	Host        hostDoc           `json:"host"`
	Fleet       []fleetHostDoc    `json:"hosts,omitempty"`
	Sites       []siteDoc         `json:"sites,omitempty"`
	Versions    map[string]string `json:"versions"`
	CPUSets     cpuSetsDoc        `json:"cpu_sets"`
	Scenario    scenarioDoc       `json:"scenario"`
	RunID       string            `json:"run_id"`
	Began       time.Time         `json:"began"`
	CommandLine []string          `json:"command_line"`
	Seed        uint64            `json:"seed"`
	Generator   []answerDoc       `json:"generator_checks"`
	Calibration *calibrationDoc   `json:"generator_calibration,omitempty"`
}

type figureDoc struct {
	Value  quantity `json:"value"`
	Low    quantity `json:"low_95"`
	High   quantity `json:"high_95"`
	Starts int      `json:"fresh_starts"`

	AtLeast bool `json:"at_least,omitempty"` // the generator was the limit
}

type comparisonDoc struct {
	Name   string     `json:"name"`
	Cell   string     `json:"cell"`
	Ratio  *figureDoc `json:"ratio,omitempty"`
	Paired bool       `json:"paired"`
	Limit  *limitDoc  `json:"limit,omitempty"`
}

// contestDoc is what the scenario compares: the best cell of every value.
type contestDoc struct {
	Dimension string      `json:"dimension"`
	Entries   []entryDoc  `json:"entries"`
	Absent    []absentDoc `json:"absent"`
}

type absentDoc struct {
	Value string `json:"value"`
	Why   string `json:"why"`
}

type entryDoc struct {
	Value     string                `json:"value"`
	Cell      string                `json:"cell"`
	Reference bool                  `json:"reference"`
	Ratio     *figureDoc            `json:"sustained_ratio,omitempty"`
	Classes   map[string]*figureDoc `json:"throughput_ratio"`
	CPU       map[string]*figureDoc `json:"cpu_ratio"`
	Latency   map[string]*figureDoc `json:"median_response_ratio"`
}

type peakDoc struct {
	Seen    int `json:"seen"`
	Want    int `json:"promised"`
	Offered int `json:"in_flight"`
}

type lotteryDoc struct {
	Trials  int      `json:"trials"`
	Typical quantity `json:"busiest_over_mean"`
	Worst   quantity `json:"worst_busiest_over_mean"`
	WorstOf []int    `json:"worst_connections"`
}

type besideDoc struct {
	Answered    quantity    `json:"answered_share"`
	AnsweredAt  quantity    `json:"answered_at_per_second"`
	Rate        quantity    `json:"compared_at_per_second"`
	With        latencyDoc  `json:"response_beside"`
	Alone       latencyDoc  `json:"response_alone"`
	SlowServed  uint64      `json:"slow_served"`
	SlowDropped uint64      `json:"slow_dropped"`
	Sockets     *socketsDoc `json:"websockets,omitempty"`
}

type socketsDoc struct {
	Wanted    int            `json:"wanted"`
	Held      int            `json:"held"`
	Refused   int            `json:"refused"`
	Dropped   int            `json:"dropped"`
	Refusals  map[string]int `json:"refusals"`
	Echo      latencyDoc     `json:"echo"`
	BytesEach quantity       `json:"bytes_each"`
}

type serviceDoc struct {
	Connections int `json:"connections"`
	Limit       int `json:"limit"`
}

type limitDoc struct {
	What     string   `json:"what"`
	Evidence []string `json:"evidence"`
	Seen     *seenDoc `json:"at_saturation,omitempty"`
}

// seenDoc is what the saturation bursts of a cell showed in the mean.
type seenDoc struct {
	Goodput       quantity `json:"goodput_per_second"`
	AppCPU        quantity `json:"app_cpus"`
	ProxyCPU      quantity `json:"proxy_cpus"`
	ServicesCPU   quantity `json:"services_cpus"`
	GeneratorCPU  quantity `json:"generator_cpus"`
	Busy          quantity `json:"machine_busy_share"`
	Quota         quantity `json:"app_quota_cores,omitempty"`
	Throttled     quantity `json:"app_throttled_share,omitempty"`
	AppDemand     quantity `json:"app_cpu_ms_per_request"`
	ProxyDemand   quantity `json:"proxy_cpu_ms_per_request"`
	Most          quantity `json:"cores_do_at_most_per_second"`
	Slots         int      `json:"slots"`
	Taken         quantity `json:"slots_taken"`
	Kept          quantity `json:"slot_kept_ms"`
	Away          quantity `json:"off_cpu_ms"`
	AwayOn        string   `json:"off_cpu_seen_on,omitempty"`
	Larger        string   `json:"larger,omitempty"`
	LargerGoodput quantity `json:"larger_goodput_per_second"`
	Overflows     uint64   `json:"listen_overflows"`
}

type countsDoc struct {
	Passed int `json:"passed"`
	Failed int `json:"failed"`
	Void   int `json:"void"`
}

type cellDoc struct {
	Cell          string                `json:"cell"`
	Server        string                `json:"server"`
	Proxy         string                `json:"proxy"`
	Workers       int                   `json:"workers"`
	Threads       int                   `json:"threads"`
	Instances     int                   `json:"instances"`
	Interface     string                `json:"interface,omitempty"`
	Upstream      string                `json:"upstream,omitempty"`
	Tags          []string              `json:"tags"`
	Folklore      []string              `json:"folklore"`
	NotApplicable string                `json:"not_applicable,omitempty"`
	Infeasible    string                `json:"infeasible,omitempty"`
	Struck        string                `json:"struck,omitempty"`
	Mismatch      string                `json:"mismatch,omitempty"`
	Tied          bool                  `json:"tied"`
	Dropped       string                `json:"dropped,omitempty"`
	Sustained     *figureDoc            `json:"sustained_per_second,omitempty"`
	Explored      *figureDoc            `json:"explored_per_second,omitempty"`
	Final         *figureDoc            `json:"final_per_second,omitempty"`
	Rates         []quantity            `json:"sustained_by_start_per_second"`
	Saturation    *figureDoc            `json:"saturation_per_second,omitempty"`
	Alone         map[string]*figureDoc `json:"single_class_saturation_per_second"`
	AloneCPU      map[string]*figureDoc `json:"single_class_cpu_ms_per_request"`
	Peak          *peakDoc              `json:"requests_at_once,omitempty"`
	Lottery       *lotteryDoc           `json:"connections_by_worker,omitempty"`
	Beside        *besideDoc            `json:"beside,omitempty"`
	Services      map[string]serviceDoc `json:"services"`
	Low           quantity              `json:"highest_passed_per_second"`
	High          quantity              `json:"lowest_failed_per_second"`
	LatencyRate   quantity              `json:"latency_offered_per_second"`
	Latency       map[string]latencyDoc `json:"response"`
	Service       latencyDoc            `json:"service"`
	Curve         []pointDoc            `json:"curve"`
	AppCPU        *figureDoc            `json:"app_cpu_ms_per_request,omitempty"`
	ProxyCPU      *figureDoc            `json:"proxy_cpu_ms_per_request,omitempty"`
	Utilisation   quantity              `json:"app_utilisation"`
	Memory        int64                 `json:"memory_bytes"`
	Growth        *figureDoc            `json:"memory_growth_bytes_per_hour,omitempty"`
	Processes     int                   `json:"processes"`
	WorkerCPU     *figureDoc            `json:"cpus_per_worker,omitempty"`
	ProcessMemory int64                 `json:"app_memory_bytes_per_process"`
	Trials        countsDoc             `json:"trial_counts"`
	Failure       string                `json:"failure,omitempty"`
}

// latencyDoc gives every percentile; Claimed names those with 100 samples or
// more beyond them, the only ones that the other formats show.
type latencyDoc struct {
	Count   int64    `json:"count"`
	Mean    quantity `json:"mean_ms"`
	P50     quantity `json:"p50_ms"`
	P75     quantity `json:"p75_ms"`
	P90     quantity `json:"p90_ms"`
	P95     quantity `json:"p95_ms"`
	P99     quantity `json:"p99_ms"`
	P999    quantity `json:"p99_9_ms"`
	P9999   quantity `json:"p99_99_ms"`
	Max     quantity `json:"max_ms"`
	Claimed []string `json:"claimed"`
}

// tailDoc is the response times of a chosen cell at its sustained rate, from the
// fastest to the slowest. Max is one observation.
type tailDoc struct {
	Name    string         `json:"name"`
	Cell    string         `json:"cell"`
	Class   string         `json:"class"`
	Offered quantity       `json:"offered_per_second"`
	Count   int64          `json:"responses"`
	Starts  int            `json:"fresh_starts"`
	Points  []tailPointDoc `json:"points"`
	Max     quantity       `json:"max_ms"`
}

// tailPointDoc is one percentile; Low and High are those of the fastest and the
// slowest start, where each can claim it.
type tailPointDoc struct {
	Percentile quantity `json:"percentile"`
	Value      quantity `json:"ms"`
	Low        quantity `json:"fastest_start_ms"`
	High       quantity `json:"slowest_start_ms"`
	Claimed    bool     `json:"claimed"`
}

type pointDoc struct {
	Offered  quantity              `json:"offered_per_second"`
	Goodput  quantity              `json:"goodput_per_second"`
	Verdict  string                `json:"verdict"`
	Response map[string]latencyDoc `json:"response"`
}

type trialDoc struct {
	ID          int                 `json:"id"`
	Cell        string              `json:"cell"`
	Start       int                 `json:"start"`
	Phase       string              `json:"phase"`
	Verdict     string              `json:"verdict" jsonschema:"enum=passed,enum=failed,enum=void"`
	Reasons     []string            `json:"reasons"`
	Notes       []string            `json:"notes"`
	Began       time.Time           `json:"began"`
	DurationS   quantity            `json:"duration_seconds"`
	WarmupS     quantity            `json:"warmup_seconds"`
	Connections int                 `json:"connections"`
	Offered     quantity            `json:"offered_per_second"`
	Speed       quantity            `json:"replay_speed,omitempty"`
	Achieved    quantity            `json:"achieved_per_second"`
	Goodput     quantity            `json:"goodput_per_second"`
	Planned     uint64              `json:"planned"`
	Sent        uint64              `json:"sent"`
	InFlight    quantity            `json:"mean_in_flight"`
	Workers     int                 `json:"effective_workers"`
	Threads     int                 `json:"effective_threads"`
	Class       string              `json:"class,omitempty"`
	Alone       bool                `json:"alone,omitempty"`
	Cores       quantity            `json:"cores,omitempty"`
	Quota       quantity            `json:"application_quota_cores,omitempty"`
	Periods     uint64              `json:"application_quota_periods,omitempty"`
	OutOfQuota  uint64              `json:"application_throttled_periods,omitempty"`
	Unlimited   string              `json:"limits_not_enforced,omitempty"`
	Spread      []int               `json:"connections_by_worker,omitempty"`
	Protocols   map[string]uint64   `json:"protocols,omitempty"`
	Redials     uint64              `json:"connections_opened"`
	Resent      uint64              `json:"requests_sent_again"`
	Classes     map[string]classDoc `json:"classes"`
	App         groupDoc            `json:"app"`
	ProxyUse    groupDoc            `json:"proxy"`
	Generator   groupDoc            `json:"generator"`
	Services    groupDoc            `json:"services"`
	ForeignS    quantity            `json:"foreign_cpu_seconds"`
	StealS      quantity            `json:"steal_seconds"`
	Throttled   uint64              `json:"throttled_periods"`
	Overflows   uint64              `json:"listen_overflows"`
	WaitS       quantity            `json:"generator_run_queue_seconds"`
	GC          *pausesDoc          `json:"generator_gc_pauses,omitempty"`
	Ports       int                 `json:"ephemeral_ports"`
	PortsTaken  int                 `json:"ports_in_time_wait_at_most"`
	WaitBefore  int                 `json:"time_wait_before"`
	WaitAfter   int                 `json:"time_wait_after"`
	Checks      []checkDoc          `json:"generator_checks"`
	Aborted     string              `json:"aborted,omitempty"`
	Failure     string              `json:"failure,omitempty"`
	Broken      string              `json:"broken,omitempty"`
	Placed      *placedDoc          `json:"placed,omitempty"`
}

// checkDoc is one check whether the generator was the limit. Without a value it
// was not recorded; without a limit it counts against the configuration.
type checkDoc struct {
	Name  string   `json:"name"`
	Value string   `json:"value,omitempty"`
	Limit string   `json:"limit,omitempty"`
	Share quantity `json:"share_of_limit"`
	OK    bool     `json:"ok"`
}

// answerDoc is one check over all trials: the worst of those that count.
type answerDoc struct {
	checkDoc
	Trials int `json:"trials"`
	Voided int `json:"void"`
	Noted  int `json:"noted"`
}

type pausesDoc struct {
	Count int      `json:"count"`
	P99   quantity `json:"p99_ms"`
	Max   quantity `json:"max_ms"`
	Total quantity `json:"total_ms"`
}

type classDoc struct {
	Sent     uint64            `json:"sent"`
	Good     uint64            `json:"good"`
	Errors   uint64            `json:"errors"`
	Bytes    uint64            `json:"received_bytes"`
	Statuses map[string]uint64 `json:"statuses"`
	Faults   map[string]uint64 `json:"faults"`
	Response latencyDoc        `json:"response"`
	Service  latencyDoc        `json:"service"`
	Lag      latencyDoc        `json:"lag"`
}

type groupDoc struct {
	CPUSeconds quantity `json:"cpu_seconds"`
	Memory     uint64   `json:"memory_bytes"`
	Processes  int      `json:"processes"`
	Threads    int      `json:"threads"`
}

type hostDoc struct {
	Hostname    string   `json:"hostname"`
	OS          string   `json:"os"`
	Kernel      string   `json:"kernel"`
	Arch        string   `json:"arch"`
	CPUModel    string   `json:"cpu_model"`
	Cores       int      `json:"usable_cpus"`
	MachineCPUs int      `json:"online_cpus"`
	Memory      uint64   `json:"memory_bytes"`
	CPUQuota    quantity `json:"cpu_quota_cpus"`
	MemoryLimit uint64   `json:"memory_limit_bytes"`
	FileLimit   uint64   `json:"open_files_limit"`
	PortLow     int      `json:"ephemeral_port_low"`
	PortHigh    int      `json:"ephemeral_port_high"`
	Somaxconn   int      `json:"somaxconn"`
	AutoGroup   bool     `json:"sched_autogroup"`
	TwReuse     int      `json:"tcp_tw_reuse"`
	Virtualised string   `json:"virtualised,omitempty"`
	CPUSet      string   `json:"cgroup_cpus,omitempty"`
	Controls    string   `json:"control_groups,omitempty"`
}

type cpuSetsDoc struct {
	Generator []int `json:"generator"`
	Proxy     []int `json:"proxy"`
	App       []int `json:"app"`
	Shared    bool  `json:"shared"`
}

func newCPUSetsDoc(c rundir.CPUs) cpuSetsDoc {
	return cpuSetsDoc{list(c.Generator), list(c.Proxy), list(c.App), c.Shared}
}

type scenarioDoc struct {
	Name       string   `json:"name"`
	Source     string   `json:"source_yaml"`
	SourceName string   `json:"source_name"`
	Overrides  []string `json:"overrides"`
	Hash       string   `json:"resolved_sha256"`
	Objectives []string `json:"objectives"`
	Arrivals   string   `json:"arrivals"`
	Shape      string   `json:"arrivals_shape,omitempty"`
}

func renderJSON(in Input) ([]byte, error) { return indented(newDocument(newModel(in))) }

// indented is a document as JSON, for people to read, too.
func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}

func newDocument(m *model) document {
	r, mf := m.Result, m.Manifest
	d := document{
		Schema: jsonSchemaVersion, Tool: mf.Tool, Generated: m.Generated.UTC(),
		Alerts: list(m.Alerts), Outcome: r.Outcome, Because: r.Because, Answer: answers(m),
		Why: m.Why, Headroom: quantity(r.Headroom), Usable: quantity(r.Usable),
		Confidence: quantity(r.Confidence), Regret: quantity(r.Regret),
		Winner: winnerName(r), Ties: []string{}, Folklore: comparisonDocs(r.Folklore), ProxyTax: comparisonDocs(r.ProxyTax),
		Contest: newContestDoc(r.Contest), Target: r.Target, Capacity: newMachineDoc(m),
		Limit: limitDoc{m.Limit, list(m.Evidence), newSeenDoc(r.Limit.Seen)}, Embedded: r.Embedded, Partial: r.Partial, Warnings: list(m.Warnings),
		SpentS: quantity(r.Spent.Seconds()), BudgetS: quantity(r.Budget.Seconds()), Counts: countsDoc(m.Counts),
		Cells: []cellDoc{}, Tails: []tailDoc{}, Trials: []trialDoc{}, Method: m.Method, Generator: []answerDoc{}, Calibration: newCalibrationDoc(m.Manifest.Calibration),
		Host: newHostDoc(mf.Host), Fleet: fleetHostDocs(m.Hosts), Sites: siteDocs(r.Sites), Versions: texts(mf.Versions),
		CPUSets:  newCPUSetsDoc(mf.CPUs),
		Scenario: newScenarioDoc(mf), RunID: mf.RunID, Began: mf.Began.UTC(), CommandLine: list(mf.CommandLine), Seed: mf.Seed,
	}
	if r.RunnerUp != nil {
		d.RunnerUp = r.RunnerUp.Cell.String()
	}
	for _, t := range r.Ties {
		d.Ties = append(d.Ties, t.Cell.String())
	}
	for _, row := range m.Rows {
		d.Cells = append(d.Cells, newCellDoc(row))
	}
	for _, t := range m.Tails {
		d.Tails = append(d.Tails, newTailDoc(t))
	}
	for _, a := range r.Generator {
		d.Generator = append(d.Generator, answerDoc{newCheckDoc(a.Check), a.Trials, a.Voided, a.Noted})
	}
	for _, t := range r.Trials {
		d.Trials = append(d.Trials, newTrialDoc(t))
	}
	return d
}

func newTailDoc(t tail) tailDoc {
	d := tailDoc{t.Name, t.Cell.Cell.String(), t.Class, known(t.Cell.LatencyRate), t.Count, t.Starts, []tailPointDoc{}, quantity(milliseconds(t.Max))}
	for _, q := range t.Points {
		d.Points = append(d.Points, tailPointDoc{
			quantity(percentage(q.Share)), quantity(milliseconds(q.Value)), known(milliseconds(q.Low)), known(milliseconds(q.High)), t.Claimed(q.Share),
		})
	}
	return d
}

func newFigureDoc(f *analysis.Figure) *figureDoc {
	if f == nil {
		return nil
	}
	d := &figureDoc{quantity(f.Value), quantity(math.NaN()), quantity(math.NaN()), f.N, f.AtLeast}
	if hasInterval(f) {
		d.Low, d.High = quantity(f.Low), quantity(f.High)
	}
	return d
}

func comparisonDocs(all []analysis.Comparison) []comparisonDoc {
	docs := []comparisonDoc{}
	for _, c := range all {
		if c.Cell != nil {
			d := comparisonDoc{Name: c.Name, Cell: c.Cell.Cell.String(), Ratio: newFigureDoc(c.Ratio), Paired: c.Paired}
			if c.Limit.What != "" {
				d.Limit = &limitDoc{c.Limit.What, list(c.Limit.Evidence), newSeenDoc(c.Limit.Seen)}
			}
			docs = append(docs, d)
		}
	}
	return docs
}

func newSeenDoc(s *analysis.Seen) *seenDoc {
	if s == nil {
		return nil
	}
	d := &seenDoc{
		Goodput: quantity(s.Goodput), AppCPU: quantity(s.App), ProxyCPU: quantity(s.Proxy), ServicesCPU: quantity(s.Services), GeneratorCPU: quantity(s.Generator),
		Busy: quantity(s.Busy), Quota: quantity(s.Quota), Throttled: quantity(s.Throttled), AppDemand: quantity(milliseconds(s.AppDemand)), ProxyDemand: quantity(milliseconds(s.ProxyDemand)), Most: known(s.Most),
		Slots: s.Slots, Taken: quantity(s.Taken), Kept: quantity(milliseconds(s.Kept)), Away: quantity(math.NaN()), LargerGoodput: known(s.LargerGoodput), Overflows: s.Overflows,
	}
	if s.Alone != nil {
		d.AwayOn, d.Away = s.Alone.String(), quantity(milliseconds(s.Away))
	}
	if s.Larger != nil {
		d.Larger = s.Larger.String()
	}
	return d
}

func newCellDoc(r row) cellDoc {
	c := r.Cell
	d := cellDoc{
		Cell: c.Cell.String(), Server: r.Server, Proxy: r.Proxy, Workers: r.Workers, Threads: r.Threads,
		Instances: c.Cell.Servers(), Interface: c.Interface, Upstream: c.Upstream, Mismatch: c.Mismatch,
		Alone: figureDocs(c.Classes), AloneCPU: figureDocs(c.ClassCPU), Lottery: newLotteryDoc(c.Lottery), Beside: newBesideDoc(c.Beside), Services: map[string]serviceDoc{},
		Tags: list(r.Tags), Folklore: list(c.Folklore), NotApplicable: c.NotApplicable, Infeasible: c.Infeasible, Struck: c.Struck, Tied: c.Tied, Dropped: c.Dropped,
		Sustained: newFigureDoc(c.Sustainable()), Explored: newFigureDoc(c.Explored), Final: newFigureDoc(c.Final), Saturation: newFigureDoc(c.Saturation),
		Low: known(c.Low), High: known(c.High), LatencyRate: known(c.LatencyRate),
		Latency: latencyDocs(c.Latency), Service: newLatencyDoc(c.Service), Curve: []pointDoc{},
		AppCPU: newFigureDoc(c.AppCPU), ProxyCPU: newFigureDoc(c.ProxyCPU), Utilisation: quantity(c.Utilisation),
		Memory: c.Memory, Growth: newFigureDoc(c.Growth), Processes: c.Processes, Rates: []quantity{},
		WorkerCPU: newFigureDoc(c.WorkerCPU), ProcessMemory: c.ProcessMemory, Trials: countsDoc{c.Passed, c.Failed, c.Void}, Failure: c.Failure,
	}
	if c.Peak != nil {
		d.Peak = &peakDoc{c.Peak.Seen, c.Peak.Want, c.Peak.Offered}
	}
	for name, use := range c.Databases {
		d.Services[name] = serviceDoc(use)
	}
	for _, v := range c.Rates {
		d.Rates = append(d.Rates, quantity(v))
	}
	for _, p := range c.Curve {
		d.Curve = append(d.Curve, pointDoc{quantity(p.Offered), quantity(p.Goodput), p.Verdict, latencyDocs(p.Response)})
	}
	return d
}

func figureDocs(all map[string]*analysis.Figure) map[string]*figureDoc {
	docs := map[string]*figureDoc{}
	for name, f := range all {
		docs[name] = newFigureDoc(f)
	}
	return docs
}

func newContestDoc(c *analysis.Contest) *contestDoc {
	if c == nil {
		return nil
	}
	d := &contestDoc{Dimension: c.Dimension, Entries: []entryDoc{}, Absent: []absentDoc{}}
	for _, a := range c.Absent {
		d.Absent = append(d.Absent, absentDoc(a))
	}
	for _, e := range c.Entries {
		d.Entries = append(d.Entries, entryDoc{e.Value, e.Cell.Cell.String(), e.Reference, newFigureDoc(e.Ratio), figureDocs(e.Classes), figureDocs(e.CPU), figureDocs(e.Latency)})
	}
	return d
}

func newLotteryDoc(l *analysis.Lottery) *lotteryDoc {
	if l == nil {
		return nil
	}
	return &lotteryDoc{l.Trials, quantity(l.Typical), quantity(l.Worst), list(l.WorstOf)}
}

func newBesideDoc(b *analysis.Beside) *besideDoc {
	if b == nil {
		return nil
	}
	d := &besideDoc{
		Answered: quantity(math.NaN()), AnsweredAt: known(b.AnsweredAt), Rate: known(b.Rate),
		With: newLatencyDoc(b.With), Alone: newLatencyDoc(b.Alone),
	}
	if b.AnsweredAt > 0 {
		d.Answered = quantity(b.Answered)
	}
	if b.Slow != nil {
		d.SlowServed, d.SlowDropped = b.Slow.Served, b.Slow.Dropped
	}
	if w := b.WebSockets; w != nil {
		d.Sockets = &socketsDoc{w.Wanted, w.Held, w.Refused, w.Dropped, w.Refusals, newLatencyDoc(w.Echo), known(b.BytesEach)}
		if d.Sockets.Refusals == nil {
			d.Sockets.Refusals = map[string]int{}
		}
	}
	return d
}

// winnerName is the canonical name of the winner; empty when there is none.
func winnerName(r *analysis.Result) string {
	if r.Winner == nil {
		return ""
	}
	return r.Winner.Cell.String()
}

// answers are the sentences that open the report.
func answers(m *model) []string {
	all := append([]string{m.Headline}, m.Answer...)
	if m.Verdict != "" {
		all = append([]string{m.Verdict}, all...)
	}
	return all
}

// known is v, or null when v is 0 and so unknown.
func known(v float64) quantity {
	if v == 0 {
		return quantity(math.NaN())
	}
	return quantity(v)
}

func latencyDocs(all map[string]rundir.Latency) map[string]latencyDoc {
	docs := map[string]latencyDoc{}
	for name, l := range all {
		docs[name] = newLatencyDoc(l)
	}
	return docs
}

func newLatencyDoc(l rundir.Latency) latencyDoc {
	ms := func(d time.Duration) quantity {
		if l.Count == 0 {
			return quantity(math.NaN())
		}
		return quantity(milliseconds(d))
	}
	d := latencyDoc{l.Count, ms(l.Mean), ms(l.P50), ms(l.P75), ms(l.P90), ms(l.P95), ms(l.P99), ms(l.P999), ms(l.P9999), ms(l.Max), []string{}}
	for _, q := range []struct {
		name string
		q    float64
	}{{"p50", .5}, {"p75", .75}, {"p90", .9}, {"p95", .95}, {"p99", .99}, {"p99.9", .999}, {"p99.99", .9999}} {
		if claimable(l.Count, q.q) {
			d.Claimed = append(d.Claimed, q.name)
		}
	}
	return d
}

func newTrialDoc(t analysis.Judged) trialDoc {
	d := trialDoc{
		ID: t.ID, Cell: t.Step.Cell.String(), Start: t.Step.Start, Phase: t.Step.Phase,
		Verdict: t.Verdict.Kind, Reasons: list(t.Verdict.Reasons), Notes: list(t.Verdict.Notes), Began: t.Began.UTC(),
		DurationS: quantity(t.Step.Duration.Seconds()), WarmupS: quantity(t.Step.Warmup.Seconds()), Connections: t.Step.Connections,
		Offered: known(t.Step.Rate), Speed: quantity(t.Load.Speed), Achieved: quantity(t.Load.Achieved), Goodput: quantity(t.Load.Goodput),
		Planned: t.Load.Planned, Sent: t.Load.Sent, InFlight: quantity(t.Load.InFlight),
		Workers: t.Effective.Workers, Threads: t.Effective.Threads, Classes: map[string]classDoc{},
		App: newGroupDoc(t.Usage.App), ProxyUse: newGroupDoc(t.Usage.Proxy), Generator: newGroupDoc(t.Usage.Generator),
		ForeignS: quantity(t.Usage.ForeignSeconds), StealS: quantity(t.Usage.StealSeconds), Throttled: t.Usage.Throttled, Overflows: t.Usage.ListenOverflows,
		Cores: quantity(t.Step.Cores), Quota: quantity(t.Usage.Quota), Periods: t.Usage.AppPeriods, OutOfQuota: t.Usage.AppThrottled, Unlimited: t.Unlimited,
		Class: t.Step.Class, Alone: t.Step.Alone, Spread: t.Effective.Connections, Protocols: t.Load.Protocols, Redials: t.Load.Redials, Resent: t.Load.Resent,
		Services: newGroupDoc(t.Usage.Services),
		WaitS:    quantity(t.Usage.Generator.WaitTime.Seconds()), GC: newPausesDoc(t.Usage.GC), Checks: []checkDoc{},
		Ports: t.Usage.Ports, PortsTaken: t.Usage.PortsWaiting, WaitBefore: t.Usage.TimeWaitBefore, WaitAfter: t.Usage.TimeWait,
		Aborted: t.Load.Aborted, Failure: t.Failure, Broken: t.Broken, Placed: newPlacedDoc(t.Placed),
	}
	for _, c := range t.Verdict.Checks {
		d.Checks = append(d.Checks, newCheckDoc(c))
	}
	for name, c := range t.Load.Classes {
		d.Classes[name] = classDoc{
			c.Sent, c.Good, c.Errors(), c.Bytes, texts(c.Statuses), texts(c.Faults),
			newLatencyDoc(c.Response), newLatencyDoc(c.Service), newLatencyDoc(c.Lag),
		}
	}
	return d
}

// newCheckDoc gives no share where there is no limit, or no value.
func newCheckDoc(c analysis.Check) checkDoc {
	d := checkDoc{c.Name, c.Value, c.Limit, quantity(c.Share), c.OK}
	if c.Value == "" || c.Limit == "" {
		d.Share = quantity(math.NaN())
	}
	return d
}

func newPausesDoc(p *rundir.Pauses) *pausesDoc {
	if p == nil {
		return nil
	}
	return &pausesDoc{p.Count, quantity(milliseconds(p.P99)), quantity(milliseconds(p.Max)), quantity(milliseconds(p.Total))}
}

func newGroupDoc(g rundir.Group) groupDoc {
	return groupDoc{quantity(g.CPUSeconds), g.PSSBytes, g.Processes, g.Threads}
}

func newHostDoc(h rundir.Host) hostDoc {
	return hostDoc{h.Hostname, h.OS, h.Kernel, h.Arch, h.CPUModel, h.Cores, h.MachineCPUs, h.MemoryBytes, known(h.CPUQuota), h.MemoryLimit,
		h.FileLimit, h.PortLow, h.PortHigh, h.Somaxconn, h.AutoGroup, h.TwReuse, h.Virtualised, h.CPUSet, h.ControlGroups}
}

func newScenarioDoc(mf rundir.Manifest) scenarioDoc {
	s := mf.Scenario
	d := scenarioDoc{s.Name, mf.Source, mf.SourceName, list(mf.Overrides), mf.ScenarioHash, []string{}, s.Traffic.Arrivals, shapeText(s.Traffic)}
	if d.Arrivals == "" {
		d.Arrivals = scenarios.Poisson
	}
	for _, o := range s.Objectives {
		d.Objectives = append(d.Objectives, objectiveText(o))
	}
	return d
}

// list keeps an empty list from being null.
func list[T any](s []T) []T { return append([]T{}, s...) }

// texts keeps an empty map from being null.
func texts[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}
