package attack

import (
	"context"
	"strings"
	"time"
)

// traffic is what the clients of an attack send and expect.
type traffic struct {
	ctx      context.Context // of the attack
	mix      Mix
	kinds    []kind
	files    files
	verifier *verifier
	timeout  time.Duration
}

func newTraffic(ctx context.Context, s Spec, kinds []kind, files files) *traffic {
	longest := 0
	for _, k := range kinds {
		longest = max(longest, len(k.expect.contains))
	}
	return &traffic{ctx: ctx, mix: s.Mix, kinds: kinds, files: files, verifier: newVerifier(longest), timeout: s.Timeout}
}

// expect returns what a good response to a request of kind k looks like, which
// was sent with the given path and query.
func (t *traffic) expect(k *kind, target []byte) expectation {
	if !k.file || len(t.files) == 0 {
		return k.expect
	}
	path, _, _ := strings.Cut(string(target), "?")
	return k.expect.or(t.files[path])
}

// cause returns the fault that an exchange ended with, unless the end of the
// attack cut it short: a client then returns any error.
func (t *traffic) cause(f fault) fault {
	if f != good && t.ctx.Err() != nil {
		return cancelled
	}
	return f
}
