package attack

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"sweetspot/scenarios"
)

func TestFiles(t *testing.T) {
	const body = "body { color: red }"
	hashed := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return hex.EncodeToString(sum[:])
	}
	length := func(n int64) *int64 { return &n }
	right := scenarios.Expect{Length: length(int64(len(body))), SHA256: hashed(body)}
	wrong := scenarios.Expect{Length: right.Length, SHA256: hashed("another")}
	longer := scenarios.Expect{Length: length(99), SHA256: right.SHA256}
	for _, tt := range []struct {
		name    string
		file    scenarios.Expect
		request func(*scenarios.Request)
		want    fault
	}{
		{"right", right, nil, good},
		{"wrong hash", wrong, nil, wrongSum},
		{"wrong length", longer, nil, wrongLength},
		{"only the hash is known", scenarios.Expect{SHA256: hashed("another")}, nil, wrongSum},
		{"another path", wrong, func(r *scenarios.Request) { r.Path = "/other.css?n=" }, good},
		{"the request knows the hash", wrong, func(r *scenarios.Request) { r.Expect.SHA256 = right.SHA256 }, good},
		{"the request knows the length", longer, func(r *scenarios.Request) { r.Expect.Length = right.Length }, good},
		{"the request knows the length only", wrong, func(r *scenarios.Request) { r.Expect.Length = right.Length }, wrongSum},
		{"the request looks for a text", wrong, func(r *scenarios.Request) { r.Expect.Contains = "color" }, wrongSum},
		{"another status is expected", wrong, func(r *scenarios.Request) { r.Expect.Status = 404 }, status + 200},
		{"not a GET", wrong, func(r *scenarios.Request) { r.Method = "POST" }, good},
		{"a part", wrong, func(r *scenarios.Request) { r.Headers = map[string]string{"Range": "bytes=0-9"} }, good},
		{"another encoding", wrong, func(r *scenarios.Request) { r.Headers = map[string]string{"Accept-Encoding": "gzip"} }, good},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := page
			r.Path = "/static/site.css?n="
			if tt.request != nil {
				tt.request(&r)
			}
			s := burst.requests(r)
			s.Address = listen(t, answer(body))
			s.Files = map[string]scenarios.Expect{"/static/site.css": tt.file}
			checkFaults(t, mustRun(t, s), tt.want.String(), "200")
		})
	}
}
