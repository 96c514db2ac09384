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
	Target      string     `yaml:"target,omitempty" json:"target,omitempty"` // address of a server that already runs, as http://127.0.0.1:8000; it is measured instead of app, services and proxy
	App         App        `yaml:"app,omitempty" json:"app,omitzero"`
	Services    []string   `yaml:"services,omitempty" json:"services,omitempty"` // postgresql, mariadb, redis: started privately beside every stack
	Proxy       Proxy      `yaml:"proxy,omitempty" json:"proxy,omitzero"`
	Matrix      Matrix     `yaml:"matrix" json:"matrix"`
	Traffic     Traffic    `yaml:"traffic" json:"traffic"`
	Objectives  Objectives `yaml:"objectives" json:"objectives"`
	Limits      Limits     `yaml:"limits,omitempty" json:"limits,omitzero"`
	Search      Search     `yaml:"search,omitempty" json:"search,omitzero"`
	Gate        Gate       `yaml:"gate,omitempty" json:"gate,omitzero"`
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
	Interface string            `yaml:"interface,omitempty" json:"interface,omitempty"` // wsgi, asgi or embedded
	Module    string            `yaml:"module,omitempty" json:"module,omitempty"`       // as in "shop.wsgi:application"
	ASGI      string            `yaml:"asgi,omitempty" json:"asgi,omitempty"`           // second entry point of an application with interface wsgi: what ASGI servers run
	Dir       string            `yaml:"dir,omitempty" json:"dir,omitempty"`             // relative to the scenario's file; "fixture:NAME" is a built-in one
	Python    string            `yaml:"python,omitempty" json:"python,omitempty"`       // interpreter; empty: the first python3 that has the servers
	Venv      string            `yaml:"venv,omitempty" json:"venv,omitempty"`           // virtualenv whose bin/python is used
	Env       map[string]string `yaml:"env,omitempty" json:"env,omitempty"`             // added to the application's environment
	Prepare   []Command         `yaml:"prepare,omitempty" json:"prepare,omitempty"`     // run once, in order, in Dir
	Ready     string            `yaml:"ready,omitempty" json:"ready,omitempty"`         // path that answers 200 when the application serves; default "/"
	Wait      string            `yaml:"wait,omitempty" json:"wait,omitempty"`           // path that waits 20 ms or more without using CPU; on it the requests that a cell really works on at once are counted
	Deadline  Duration          `yaml:"deadline,omitempty" json:"deadline,omitempty"`   // for becoming ready; default 30s
	Static    []Mount           `yaml:"static,omitempty" json:"static,omitempty"`       // what a proxy serves itself
	Routes    []Route           `yaml:"routes,omitempty" json:"routes,omitempty"`       // of the embedded application
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

// Ways from a proxy to an application server.
const (
	AutoUpstream = "auto" // a Unix socket where the server can listen on one, else TCP
	UnixUpstream = "unix"
	TCPUpstream  = "tcp"
)

// Proxy says how every proxy of the matrix is set up.
type Proxy struct {
	Upstream  string `yaml:"upstream,omitempty" json:"upstream,omitempty"` // auto (default), unix or tcp
	KeepAlive int    `yaml:"keepalive" json:"keepalive"`                   // idle connections kept to every application server; default 32, 0 opens one a request
	Buffering bool   `yaml:"buffering" json:"buffering"`                   // whether requests and answers are held back until they are whole; default true
	TLS       bool   `yaml:"tls,omitempty" json:"tls,omitempty"`           // clients speak TLS, with a certificate made for the run
	HTTP2     bool   `yaml:"http2,omitempty" json:"http2,omitempty"`       // clients speak HTTP/2; needs tls
}

// What to do about a server or proxy of the matrix that is not installed.
const (
	FailMissing = "fail" // refuse to start (default)
	SkipMissing = "skip" // leave its cells out, as not applicable, and say so
)

// Matrix spans the cells. The folklore cells (2 × cores + 1 workers, and one
// worker per core, of one thread) are always added: see Cells.
type Matrix struct {
	Servers   []string `yaml:"servers" json:"servers"`
	Proxies   []string `yaml:"proxies,omitempty" json:"proxies,omitempty"` // default [direct]
	Workers   Counts   `yaml:"workers" json:"workers"`
	Threads   Counts   `yaml:"threads,omitempty" json:"threads,omitempty"`     // default [1]
	Instances Counts   `yaml:"instances,omitempty" json:"instances,omitempty"` // application servers that the proxy balances over, each with the workers; default [1]
	Missing   string   `yaml:"missing,omitempty" json:"missing,omitempty"`     // what to do when a server or proxy is not installed: fail (default) or skip
	Exclude   []string `yaml:"exclude,omitempty" json:"exclude,omitempty"`     // as in "server=gunicorn-gthread/threads=1"
}

// Counts is a set of positive counts, as written. An element is a number, a
// range "1..8" (optionally "1..8/2" for a step), "cores", or "2*cores+1".
// In YAML it is one element or a list of them.
type Counts []string

// Traffic is the weighted mix of requests and how they arrive.
type Traffic struct {
	Arrivals      string      `yaml:"arrivals,omitempty" json:"arrivals,omitempty"`                               // poisson (default), constant, ramp, step, sine or replay
	Shape         *Shape      `yaml:"shape,omitempty" json:"shape,omitempty"`                                     // of ramp, step, sine and replay
	Timeout       Duration    `yaml:"timeout,omitempty" json:"timeout,omitempty"`                                 // of one request; default 10s
	PerConnection int         `yaml:"requests_per_connection,omitempty" json:"requests_per_connection,omitempty"` // mean number after which a client opens a new connection; default 0: as long as the server keeps it
	PageCache     string      `yaml:"page_cache,omitempty" json:"page_cache,omitempty"`                           // of the static files when a trial begins: warm (default) or cold
	Transport     string      `yaml:"transport,omitempty" json:"transport,omitempty"`                             // that speaks HTTP/1.1: lean (default) or standard, which is net/http's and speaks HTTP/2 always
	Slow          *Slow       `yaml:"slow,omitempty" json:"slow,omitempty"`                                       // slow clients beside the attack
	WebSockets    *WebSockets `yaml:"websockets,omitempty" json:"websockets,omitempty"`                           // connections held open beside the attack
	Requests      []Request   `yaml:"requests" json:"requests"`
}

// States of the page cache.
const (
	WarmCache = "warm"
	ColdCache = "cold"
)

// Transports of an attack.
const (
	LeanTransport     = "lean"
	StandardTransport = "standard"
)

// What slow clients are slow at.
const (
	SlowHeaders = "headers" // sending the head of a request
	SlowBody    = "body"    // sending the body of a POST
	SlowRead    = "read"    // reading the answer
)

// Slow is a number of slow clients. Each does its one request over and over.
type Slow struct {
	Clients int      `yaml:"clients" json:"clients"`
	Kind    string   `yaml:"kind" json:"kind"`                       // headers, body or read
	Path    string   `yaml:"path,omitempty" json:"path,omitempty"`   // default "/"; for read, of something large
	Every   Duration `yaml:"every,omitempty" json:"every,omitempty"` // between two bytes sent, or two reads of 4 kB; default 1s
}

// WebSockets are connections that are held open and echo now and then.
type WebSockets struct {
	Connections int      `yaml:"connections" json:"connections"`
	Path        string   `yaml:"path" json:"path"`                       // of an endpoint that sends back what it gets
	Every       Duration `yaml:"every,omitempty" json:"every,omitempty"` // between two echoes of a connection; default 5s
}

// Beside tells whether anything is held beside the attack.
func (t Traffic) Beside() bool { return t.Slow != nil || t.WebSockets != nil }

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
	Ramp     = "ramp" // Poisson about a rate that moves evenly
	Step     = "step" // Poisson about a rate that jumps
	Sine     = "sine" // Poisson about a rate that swings
	Replay   = "replay"
)

// Shape is how the rate moves over the measured part of a trial, or what is
// replayed there. Only the proportions of multiples count: they are scaled so
// that the trial's rate is their mean. The warm-up before it has Poisson
// arrivals at the trial's rate.
type Shape struct {
	From      float64   `yaml:"from,omitempty" json:"from,omitempty"`           // ramp: multiple of the rate at the beginning; default 0
	To        float64   `yaml:"to,omitempty" json:"to,omitempty"`               // ramp: multiple of the rate at the end; default 2
	Steps     []float64 `yaml:"steps,omitempty" json:"steps,omitempty"`         // step: multiples of the rate, each for an equal part of the trial
	Amplitude float64   `yaml:"amplitude,omitempty" json:"amplitude,omitempty"` // sine: share of the rate by which it rises and falls, up to 1; default 0.5
	Period    Duration  `yaml:"period,omitempty" json:"period,omitempty"`       // sine: of one swing; default the measured part of a trial
	File      string    `yaml:"file,omitempty" json:"file,omitempty"`           // replay: recorded times or an access log, relative to the scenario's file; times to the second are spread within it
}

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
	CPU         float64 `yaml:"cpu,omitempty" json:"cpu,omitempty"`                 // cores that the application may use, as 1.5: it runs in a control group of its own where that is permitted; 0 means none
	Memory      Bytes   `yaml:"memory,omitempty" json:"memory,omitempty"`           // of the application and the proxy (PSS); the application's control group, where that is permitted, has it, too; 0 means none
	Connections int     `yaml:"connections,omitempty" json:"connections,omitempty"` // that the application's database takes; 0 means those of a database among the services
	Reserve     int     `yaml:"reserve" json:"reserve"`                             // of those, to be left to others; default 3
	Headroom    Share   `yaml:"headroom" json:"headroom"`                           // of what a cell sustains, to be left free in a capacity plan; default 30%
}

// Strategies of a search.
const (
	Grid     = "grid"     // every cell
	Adaptive = "adaptive" // a race of the cells, and the sustainable rate of the leaders only
)

// What a scenario may compare: the best cell for every value of it is measured
// in the finals, and the report opens with how they stand to each other.
const (
	CompareProxy     = "proxy"     // the same cell behind every proxy, static and dynamic apart
	CompareServer    = "server"    // application servers
	CompareInterface = "interface" // WSGI and ASGI
	CompareInstances = "instances" // one server with many workers, many with few
	CompareFolklore  = "folklore"  // the folklore settings against the best
	CompareClass     = "class"     // static and dynamic traffic, with and without every proxy
)

// Search says how the matrix is searched. Zero durations are chosen from the
// budget.
type Search struct {
	Strategy   string    `yaml:"strategy,omitempty" json:"strategy,omitempty"`     // adaptive (default) or grid, which is the default where something is compared
	Budget     Duration  `yaml:"budget,omitempty" json:"budget,omitempty"`         // wall time of the run; default 5m
	Replicates int       `yaml:"replicates,omitempty" json:"replicates,omitempty"` // grid: fresh starts of every cell; default 1
	Finals     int       `yaml:"finals,omitempty" json:"finals,omitempty"`         // fresh starts of the finalists and of the folklore cells; default 3
	Trial      Duration  `yaml:"trial,omitempty" json:"trial,omitempty"`           // measured length of an open-loop trial
	Burst      Duration  `yaml:"burst,omitempty" json:"burst,omitempty"`           // measured length of a closed-loop burst
	Warmup     Duration  `yaml:"warmup,omitempty" json:"warmup,omitempty"`         // load before the first trial of a start
	Compare    string    `yaml:"compare,omitempty" json:"compare,omitempty"`       // what the report sets against each other first: proxy, server, interface, instances, folklore or class
	Hot        bool      `yaml:"hot,omitempty" json:"hot,omitempty"`               // while exploring, change the workers of a running server where it can; final figures come from cold starts always
	Regret     Share     `yaml:"regret,omitempty" json:"regret,omitempty"`         // adaptive: by how much another cell may be better than the recommended one; default 2%
	Cores      []float64 `yaml:"cores,omitempty" json:"cores,omitempty"`           // numbers of cores, whole or not, on which the recommended cell is measured in the end, its workers in proportion
	Seed       uint64    `yaml:"seed,omitempty" json:"seed,omitempty"`             // of the order, the arrivals and the parameters; default 1
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

// Share is a part of a whole, written in YAML as "30%" or 0.3.
type Share float64

// Bytes is a size, written in YAML as "512MB" (powers of 1000) or "512MiB" (powers of 1024).
type Bytes int64
