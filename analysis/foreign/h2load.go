package foreign

import "regexp"

var (
	h2loadClients  = regexp.MustCompile(`: (\d+) total client\(s\)`)
	h2loadRequests = regexp.MustCompile(`requests: \d+ total, \d+ started, (\d+) done`)
	h2loadFailed   = regexp.MustCompile(`succeeded, (\d+) failed`)
	h2loadRate     = regexp.MustCompile(`finished in \S+, ([\d.]+) req/s`)
	h2loadTook     = regexp.MustCompile(`finished in ([\d.]+)(us|ms|s|m|h), `)
)

// H2load reads the text of h2load, which has no percentiles.
func H2load(b []byte) (Single, error) {
	t := newText("h2load", b)
	s := Single{
		Tool: "h2load", Loop: Closed, Clock: FromSending,
		ErrorsAre: "requests that h2load takes for failed",
		Cannot: []string{
			"percentiles: h2load has them in its log only",
			"how long requests would have waited during a stall: each client waits for its answers",
		},
	}
	done, err := t.number(h2loadRequests, "requests:")
	if err != nil {
		return s, err
	}
	if s.Requests, err = whole64(done, "requests"); err != nil {
		return s, err
	}
	if s.Rate, err = t.number(h2loadRate, "finished in"); err != nil {
		return s, err
	}
	if s.Errors, err = t.count(h2loadFailed, "failed"); err != nil {
		return s, err
	}
	s.Errors = min(s.Errors, s.Requests) // those that were not done may count, too
	if m := h2loadTook.FindStringSubmatch(t.s); m != nil {
		if s.Duration, err = timeOf(m[1], m[2]); err != nil {
			return s, err
		}
	}
	clients, err := t.count(h2loadClients, "total client(s)")
	if err != nil {
		return s, err
	}
	s.Connections = int(min(clients, 1<<20))
	return s.check()
}
