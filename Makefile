# make bench   set this machine up and run the main job; BUDGET=90s for a quick look,
#              SCENARIO=proxy-tax for another built-in scenario
# make test    everything that must hold: format, vet, staticcheck, tests with the race detector
# make build   bin/sweetspot
# make bench-attack   compare the generator with others and judge what it promises, some 70 minutes on a quiet machine;
#              QUICK=1 to see it work, PARTS=throughput,cpu for some parts, FLAGS=--fresh for others of its flags
# make bench-search   judge the search strategies on simulated machines, some 80 minutes, and on real stacks, two hours on a
#              quiet machine; FLAGS="--parts simulated --workloads 12" or FLAGS="--parts real --seeds 1" for less
# make bench-gate   judge the regression gate in simulated worlds, some half an hour, and on the Django shop, some 11 hours on a
#              quiet machine, 1.2 of them with FLAGS="--share 0.1"; a second run goes on where the first was stopped.
#              FLAGS="--parts simulated --gates 200" for a look
# make nightly-kubernetes   the manifests of --engine kubernetes against a real API server, which it builds first: a quarter of an hour of
#              one core, once
# make nightly-race   the tests of runs on several machines with the race detector
# make bench-report   time and memory of the report of a synthetic run of 60 cells and 10 million requests, some two minutes

SHELL := /bin/bash
BUDGET ?=
SCENARIO ?=
RELEASE := $(shell git describe --tags --always --dirty 2>/dev/null)
export GOFLAGS := $(GOFLAGS) -buildvcs=false

.PHONY: bench build test check bench-go bench-attack bench-search bench-gate bench-report nightly-kubernetes nightly-race clean

bench: build
	@.ci/install $(if $(SCENARIO),servers,bench) || echo "going on with what this machine has"
	@bin/sweetspot run $(SCENARIO) $(if $(BUDGET),--budget $(BUDGET))

build:
	@mkdir -p bin
	@go build -ldflags "-X main.release=$(RELEASE)" -o bin/sweetspot ./cmd/sweetspot

# What brings a NATS server or Kubernetes along; make nightly-race tests it with the race detector.
FLEET := sweetspot/runner/fleet sweetspot/runner/fleet/hub sweetspot/runner/fleet/shard sweetspot/runner/fleet/place \
	sweetspot/runner/fleet/place/cluster
# Tested without the race detector: what is pure has no races, and simulates too much to run under it; and what brings
# SQLite, gRPC, NATS or Kubernetes along takes minutes to compile under it. The program itself is below.
UNRACED := $(FLEET) sweetspot/analysis sweetspot/analysis/simulate sweetspot/analysis/changepoint sweetspot/analysis/gate \
	sweetspot/analysis/gate/simulate sweetspot/analysis/lint sweetspot/runner/store sweetspot/reports sweetspot/reports/bundle \
	sweetspot/reports/metrics
# What measures must not share the machine: those packages come last, one at a time. The tests of the program
# itself run without the race detector, which makes the generator too slow for fast applications.
MEASURING := sweetspot/runner/attack sweetspot/runner/sample sweetspot/cmd/sweetspot
# First, beside the others: it would be the last one running.
LONGEST := sweetspot/runner/stack
test: check
	@.ci/install test
	SWEETSPOT_REQUIRE_STACKS=1 go test -vet=off -p 2 $(UNRACED)
	SWEETSPOT_REQUIRE_STACKS=1 go test -vet=off -race -p 3 -timeout 20m $(LONGEST) $$(go list ./... | grep -vxF "$$(printf '%s\n' $(UNRACED) $(MEASURING))")
	SWEETSPOT_REQUIRE_STACKS=1 go test -vet=off -race -p 1 -timeout 20m $(filter-out sweetspot/cmd/sweetspot,$(MEASURING))
	SWEETSPOT_REQUIRE_STACKS=1 go test -vet=off -timeout 20m sweetspot/cmd/sweetspot

check:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...

# Benchmarks print; nothing asserts a time.
bench-go:
	go test -run '^$$' -bench . -benchmem ./...

bench-attack:
	@.ci/install peers || echo "going on with what this machine has"
	@mkdir -p bin
	@go build -o bin/bench-attack ./cmd/bench-attack
	@bin/bench-attack $(if $(PARTS),--parts $(PARTS)) $(if $(QUICK),--quick) $(FLAGS)

bench-search:
	@.ci/install servers || echo "going on with what this machine has"
	@mkdir -p bin
	@go build -o bin/bench-search ./cmd/bench-search
	@bin/bench-search $(FLAGS)

bench-gate:
	@.ci/install bench || echo "going on with what this machine has"
	@mkdir -p bin
	@go build -o bin/bench-gate ./cmd/bench-gate
	@bin/bench-gate $(FLAGS)

bench-report:
	go test ./cmd/sweetspot -run '^$$' -bench '^BenchmarkReport$$' -benchtime 3x

nightly-kubernetes:
	@.ci/kubernetes bin/kubernetes
	SWEETSPOT_KUBE_BIN=$(CURDIR)/bin/kubernetes go test ./runner/fleet/place/cluster -run '^TestRealServer$$' -count=1 -v -timeout 10m

nightly-race:
	go test -race -p 1 -timeout 20m $(FLEET)

clean:
	rm -rf bin
