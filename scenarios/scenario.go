// Package scenarios says what to measure: the application, the matrix of
// configurations, the traffic, the objectives and the search. It loads a
// scenario strictly from YAML and reports every fault in it at once.
package scenarios

import "time"

// Scenario is one measurement, as its author wrote it and with every default
// filled in. Load returns only scenarios that Validate accepts.
type Scenario struct {
	Name        string     `yaml:"name" json:"name"`
	Description string     `yaml:"description,omitempty" json:"description,omitempty"`
	App         App        `yaml:"app" json:"app"`
	Matrix      Matrix     `yaml:"matrix" json:"matrix"`
	Traffic     Traffic    `yaml:"traffic" json:"traffic"`
	Objectives  Objectives `yaml:"objectives" json:"objectives"`
	Limits      Limits     `yaml:"limits,omitempty" json:"limits,omitzero"`
	Search      Search     `yaml:"search,omitempty" json:"search,omitzero"`
	CPUs        CPUSets    `yaml:"cpus,omitempty" json:"cpus,omitzero"`
}

// Interfaces of an application.
const (
	WSGI     = "wsgi"
	ASGI     = "asgi"
	Embedded = "embedded" // the synthetic application inside the binary
)

// App is the application under test. Its text fields may hold the
// placeholders {run} (a folder of the run, shared by all trials), {data} (a
// folder that prepare fills and of which every start gets a fresh copy) and
// {python} (the interpreter in use).
type App struct {
	Interface string            `yaml:"interface" json:"interface"`                   // wsgi, asgi or embedded
	Module    string            `yaml:"module,omitempty" json:"module,omitempty"`     // as in "shop.wsgi:application"
	Dir       string            `yaml:"dir,omitempty" json:"dir,omitempty"`           // relative to the scenario's file; "fixture:NAME" is a built-in one
	Python    string            `yaml:"python,omitempty" json:"python,omitempty"`     // interpreter; empty: the first python3 that has the servers
	Venv      string            `yaml:"venv,omitempty" json:"venv,omitempty"`         // virtualenv whose bin/python is used
	Env       map[string]string `yaml:"env,omitempty" json:"env,omitempty"`           // added to the application's environment
	Prepare   []Command         `yaml:"prepare,omitempty" json:"prepare,omitempty"`   // run once, in order, in Dir
	Ready     string            `yaml:"ready,omitempty" json:"ready,omitempty"`       // path that answers 200 when the application serves; default "/"
	Deadline  Duration          `yaml:"deadline,omitempty" json:"deadline,omitempty"` // for becoming ready; default 30s
	Static    []Mount           `yaml:"static,omitempty" json:"static,omitempty"`     // what a proxy serves itself
	Routes    []Route           `yaml:"routes,omitempty" json:"routes,omitempty"`     // of the embedded application
}

// Command is an argument vector; in YAML a list, or a string without quotes
// that is split at blanks.
type Command []string

// Mount maps a URL prefix to the folder with its files.
type Mount struct {
	URL string `yaml:"url" json:"url"` // begins and ends with a slash
	Dir string `yaml:"dir" json:"dir"`
}

// Route declares what one path of the embedded application costs.
type Route struct {
	Path  string   `yaml:"path" json:"path"` // prefix match, longest wins
	CPU   Duration `yaml:"cpu,omitempty" json:"cpu,omitempty"`
	Wait  Duration `yaml:"wait,omitempty" json:"wait,omitempty"`
	Dist  string   `yaml:"dist,omitempty" json:"dist,omitempty"`   // of CPU and Wait: constant (default) or exponential
	Bytes int      `yaml:"bytes,omitempty" json:"bytes,omitempty"` // length of the answer
	Stall *Stall   `yaml:"stall,omitempty" json:"stall,omitempty"`
}

// Distributions of a route's CPU and Wait.
const (
	DistConstant    = "constant"
	DistExponential = "exponential"
)

// Stall makes a route answer nothing for For at the start of every Every.
type Stall struct {
	Every Duration `yaml:"every" json:"every"`
	For   Duration `yaml:"for" json:"for"`
}

// Matrix spans the cells. The folklore cells (2 × cores + 1 workers, and one
// worker per core, of one thread) are always added: see Cells.
type Matrix struct {
	Servers []string `yaml:"servers" json:"servers"`
	Proxies []string `yaml:"proxies,omitempty" json:"proxies,omitempty"` // default [direct]
	Workers Counts   `yaml:"workers" json:"workers"`
	Threads Counts   `yaml:"threads,omitempty" json:"threads,omitempty"` // default [1]
	Exclude []string `yaml:"exclude,omitempty" json:"exclude,omitempty"` // as in "server=gunicorn-gthread/threads=1"
}

// Counts is a set of positive counts, as written. An element is a number, a
// range "1..8" (optionally "1..8/2" for a step), "cores", or "2*cores+1".
// In YAML it is one element or a list of them.
type Counts []string

// Traffic is the weighted mix of requests and how they arrive.
type Traffic struct {
	Arrivals string    `yaml:"arrivals,omitempty" json:"arrivals,omitempty"` // poisson (default) or constant
	Timeout  Duration  `yaml:"timeout,omitempty" json:"timeout,omitempty"`   // of one request; default 10s
	Requests []Request `yaml:"requests" json:"requests"`
}

// Classes of requests. Every figure is also given for All of them together.
const (
	Static  = "static"
	Dynamic = "dynamic"
	All     = "all"
)

// Arrival processes.
const (
	Poisson  = "poisson"
	Constant = "constant"
)

// Request is one kind of request in the mix.
type Request struct {
	Name    string            `yaml:"name" json:"name"`
	Class   string            `yaml:"class,omitempty" json:"class,omitempty"`     // static or dynamic (default)
	Weight  float64           `yaml:"weight,omitempty" json:"weight,omitempty"`   // share of the mix, relative to the others'; default 1
	Method  string            `yaml:"method,omitempty" json:"method,omitempty"`   // default GET
	Path    string            `yaml:"path" json:"path"`                           // may hold {parameters}
	Params  map[string]Values `yaml:"params,omitempty" json:"params,omitempty"`   // what each {parameter} is drawn from
	Headers map[string]string `yaml:"headers,omitempty" json:"headers,omitempty"` //
	Body    string            `yaml:"body,omitempty" json:"body,omitempty"`       // may hold {parameters}
	Expect  Expect            `yaml:"expect,omitempty" json:"expect,omitzero"`
}

// Values is what a parameter is drawn from, uniformly: a range of integers
// "1..500", or a list of texts.
type Values []string

// Expect is what a good response looks like. A response that differs is an
// error, whatever its status.
type Expect struct {
	Status   int    `yaml:"status,omitempty" json:"status,omitempty"`     // default 200
	Length   *int64 `yaml:"length,omitempty" json:"length,omitempty"`     // of the body in bytes
	Contains string `yaml:"contains,omitempty" json:"contains,omitempty"` // text that the body holds
	SHA256   string `yaml:"sha256,omitempty" json:"sha256,omitempty"`     // of the body, in hex
}

// Limits are bounds that a recommendable cell keeps, apart from objectives.
type Limits struct {
	Memory Bytes `yaml:"memory,omitempty" json:"memory,omitempty"` // PSS of application and proxy; 0 means none
}

// Strategies of a search.
const Grid = "grid" // every cell

// Search says how the matrix is searched. Zero durations are chosen from the
// budget.
type Search struct {
	Strategy   string   `yaml:"strategy,omitempty" json:"strategy,omitempty"`     // grid
	Budget     Duration `yaml:"budget,omitempty" json:"budget,omitempty"`         // wall time of the run; default 5m
	Replicates int      `yaml:"replicates,omitempty" json:"replicates,omitempty"` // fresh starts of every cell; default 1
	Finals     int      `yaml:"finals,omitempty" json:"finals,omitempty"`         // fresh starts of the finalists and of the folklore cells; default 3
	Trial      Duration `yaml:"trial,omitempty" json:"trial,omitempty"`           // measured length of an open-loop trial
	Burst      Duration `yaml:"burst,omitempty" json:"burst,omitempty"`           // measured length of a closed-loop burst
	Warmup     Duration `yaml:"warmup,omitempty" json:"warmup,omitempty"`         // load before the first trial of a start
	Seed       uint64   `yaml:"seed,omitempty" json:"seed,omitempty"`             // of the order, the arrivals and the parameters; default 1
}

// CPUSets are Linux CPU lists such as "0-2,5"; empty is chosen from the
// machine: apart where it has four or more cores, shared where it has fewer.
type CPUSets struct {
	Generator string `yaml:"generator,omitempty" json:"generator,omitempty"`
	Proxy     string `yaml:"proxy,omitempty" json:"proxy,omitempty"`
	App       string `yaml:"app,omitempty" json:"app,omitempty"`
}

// Duration is a time.Duration, written in YAML and JSON as "250ms" or "5m".
type Duration time.Duration

// Bytes is a size, written in YAML as "512MB" (powers of 1000) or "512MiB" (powers of 1024).
type Bytes int64
