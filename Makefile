# make bench   set this machine up and run the main job; BUDGET=90s for a quick look,
#              SCENARIO=proxy-tax for another built-in scenario
# make test    everything that must hold: format, vet, staticcheck, tests with the race detector
# make build   bin/sweetspot

SHELL := /bin/bash
BUDGET ?=
SCENARIO ?=
RELEASE := $(shell git describe --tags --always --dirty 2>/dev/null)
export GOFLAGS := $(GOFLAGS) -buildvcs=false

.PHONY: bench build test check bench-go clean

bench: build
	@.ci/install $(if $(SCENARIO),servers,bench) || echo "going on with what this machine has"
	@bin/sweetspot run $(SCENARIO) $(if $(BUDGET),--budget $(BUDGET))

build:
	@mkdir -p bin
	@go build -ldflags "-X main.release=$(RELEASE)" -o bin/sweetspot ./cmd/sweetspot

# What measures must not share the machine: those packages come last, one at a time. The tests of the program
# itself run without the race detector, which makes the generator too slow for fast applications.
MEASURING := sweetspot/runner/attack sweetspot/runner/sample sweetspot/cmd/sweetspot
test: check
	@.ci/install test
	SWEETSPOT_REQUIRE_STACKS=1 go test -race -p 2 -timeout 20m $$(go list ./... | grep -vxF "$$(printf '%s\n' $(MEASURING))")
	SWEETSPOT_REQUIRE_STACKS=1 go test -race -p 1 -timeout 20m $(filter-out sweetspot/cmd/sweetspot,$(MEASURING))
	SWEETSPOT_REQUIRE_STACKS=1 go test -timeout 20m sweetspot/cmd/sweetspot

check:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...

# Benchmarks print; nothing asserts a time.
bench-go:
	go test -run '^$$' -bench . -benchmem ./...

clean:
	rm -rf bin
