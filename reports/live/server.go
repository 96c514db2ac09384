package live

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	stillHere  = 15 * time.Second       // after which a quiet stream says that it lives
	patience   = 10 * time.Second       // that a write to a reader may take
	lastMoment = 300 * time.Millisecond // for the readers to get the last event
)

//go:embed page.html
var pageHTML string

//go:embed live.css
var pageCSS string

//go:embed live.js
var pageJS string

// files is what the page is made of, by name, with its type.
var files = map[string]struct{ kind, text string }{
	"":         {"text/html; charset=utf-8", pageHTML},
	"live.css": {"text/css; charset=utf-8", pageCSS},
	"live.js":  {"text/javascript; charset=utf-8", pageJS},
}

// headers go with every answer. The page loads what this server has and nothing
// else, no other page may read it or put it in a frame, and its address, which
// is a secret, goes nowhere.
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	"Referrer-Policy":              "no-referrer",
	"X-Content-Type-Options":       "nosniff",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Cache-Control":                "no-store",
}

// Server serves the page of one run.
type Server struct {
	URL  string // of the page; whoever has it can follow the run
	Open bool   // it can be reached from other machines

	feed   *Feed
	token  string
	names  []string // that it may be asked for by, beside addresses
	http   *http.Server
	served chan struct{}
}

// Serve serves the page of a feed at an address: a port alone, or with a host,
// which is 127.0.0.1 unless another is given; port 0 takes a free one. Only an
// address of numbers opens the page to other machines. The server has to be
// closed.
func Serve(f *Feed, address string) (*Server, error) {
	host, port, err := split(address)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host.String(), port))
	if err != nil {
		return nil, fmt.Errorf("serve the live page at %s: %w: choose another address, or port 0 for one that is free", address, err)
	}
	s := &Server{feed: f, token: rand.Text(), names: []string{"localhost"}, Open: !host.IsLoopback(), served: make(chan struct{})}
	name := host.String()
	if host.IsUnspecified() {
		name = "127.0.0.1"
		if machine, err := os.Hostname(); err == nil {
			name, s.names = machine, append(s.names, strings.ToLower(machine))
		}
	}
	_, port, _ = net.SplitHostPort(l.Addr().String()) // an address of a listener has a port
	s.URL = fmt.Sprintf("http://%s/%s/", net.JoinHostPort(name, port), s.token)
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: log.New(io.Discard, "", 0),
	}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(l) // ends by Close
	}()
	return s, nil
}

// split returns host and port of an address.
func split(address string) (host netip.Addr, port string, err error) {
	name, port := "", address
	if strings.Contains(address, ":") {
		if name, port, err = net.SplitHostPort(address); err != nil {
			return host, "", fmt.Errorf("address %q: %w: write it as 127.0.0.1:8089, or [::1]:8089", address, err)
		}
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return host, "", fmt.Errorf("address %q: port %q: want a number from 0 to 65535, 0 for one that is free", address, port)
	}
	if name == "" || strings.EqualFold(name, "localhost") {
		name = "127.0.0.1"
	}
	if host, err = netip.ParseAddr(name); err != nil {
		return host, "", fmt.Errorf("address %q: %q may be more than this machine: want localhost, or an address of numbers, "+
			"as 127.0.0.1, or 0.0.0.0 for whoever can reach this machine", address, name)
	}
	return host.Unmap(), port, nil
}

// Close ends the server within a second. The feed should have been closed
// before, so that the readers know why.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), lastMoment)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) { // somebody does not take what is sent
		err = s.http.Close()
	}
	<-s.served
	return err
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, value := range headers {
		w.Header().Set(name, value)
	}
	token, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case !s.known(r.Host):
		http.Error(w, "this server is not known by that name", http.StatusForbidden)
	case subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) != 1:
		http.Error(w, "the address of the page, with its token, is what sweetspot has printed", http.StatusForbidden)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the page only shows the run", http.StatusMethodNotAllowed)
	case name == "events":
		s.events(w, r)
	default:
		s.file(w, r, name)
	}
}

// known tells whether a Host header names this server: an address of numbers, or
// a name of this machine. Any other name is of a page elsewhere that had it
// point here (DNS rebinding).
func (s *Server) known(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return true
	}
	for _, n := range s.names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

func (s *Server) file(w http.ResponseWriter, r *http.Request, name string) {
	f, ok := files[name]
	if !ok {
		http.Error(w, "no such file", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(f.text)))
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, f.text) // who has gone needs nothing
	}
}

// events streams the feed to one reader until it goes, is too slow, or the run
// ends.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	if r.Method == http.MethodHead {
		return
	}
	reader := s.feed.read()
	if reader == nil {
		http.Error(w, fmt.Sprintf("%d pages follow this run already: close one", mostReaders), http.StatusServiceUnavailable)
		return
	}
	defer s.feed.leave(reader)
	quiet := time.NewTicker(stillHere)
	defer quiet.Stop()
	control := http.NewResponseController(w)
	for {
		text := []byte(": still here\n\n")
		select {
		case <-r.Context().Done():
			return
		case m, ok := <-reader.queue:
			if !ok {
				return
			}
			text = m
		case <-quiet.C:
		}
		_ = control.SetWriteDeadline(time.Now().Add(patience)) // a write that is too late fails below
		if _, err := w.Write(text); err != nil {
			return
		}
		if err := control.Flush(); err != nil {
			return
		}
	}
}
