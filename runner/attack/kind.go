package attack

import (
	"errors"
	"fmt"
	"net/http"

	"sweetspot/scenarios"
)

// kind is one of the scenario's requests, made ready for sending.
type kind struct {
	request http.Request // shared by its hits: net/http does not change it
	expect  expectation
	file    bool // its answer may be a whole file as it lies on the disk
}

// newKinds prepares the requests of a spec.
func newKinds(s Spec) ([]kind, error) {
	var errs []error
	kinds := make([]kind, len(s.Requests))
	for i, r := range s.Requests {
		expect, err := newExpectation(r.Expect)
		if err != nil {
			errs = append(errs, fmt.Errorf("request %s: %w", r.Name, err))
		}
		header := http.Header{"User-Agent": {"sweetspot"}}
		for name, value := range r.Headers {
			header.Set(name, value)
		}
		kinds[i] = kind{expect: expect, file: asksForFile(r.Method, expect, header), request: http.Request{
			Method: r.Method,
			Header: header,
			Host:   header.Get("Host"),
			URL:    s.base(),
		}}
	}
	return kinds, errors.Join(errs...)
}

// asksForFile tells whether an answer can be compared with a file: not when a
// part of it is asked for, or its bytes in another encoding.
func asksForFile(method string, want expectation, header http.Header) bool {
	return method == http.MethodGet && want.status == http.StatusOK &&
		header.Get("Range") == "" && header.Get("Accept-Encoding") == ""
}

// files holds what is expected of static files, by the path of their URL.
type files map[string]expectation

func newFiles(by map[string]scenarios.Expect) (files, error) {
	var errs []error
	f := make(files, len(by))
	for path, e := range by {
		x, err := newExpectation(e)
		if err != nil {
			errs = append(errs, fmt.Errorf("file %s: %w", path, err))
		}
		f[path] = x
	}
	return f, errors.Join(errs...)
}
