package stack

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"

	"sweetspot/runner/rundir"
)

// StaticAnswers asks for files as a browser does and says how they are served.
// A file's content is compared with want, by path, where that knows it.
func (st *Stack) StaticAnswers(ctx context.Context, paths []string, want map[string]FileSum) ([]rundir.StaticAnswer, error) {
	client := st.client()
	defer client.CloseIdleConnections()
	var answers []rundir.StaticAnswer
	for _, path := range paths {
		a, err := st.staticAnswer(ctx, client, path, want)
		if err != nil {
			return nil, fmt.Errorf("look at how %s is served: %w", path, err)
		}
		answers = append(answers, a)
	}
	return answers, nil
}

// FileSum is the length of a file in bytes, and its SHA-256.
type FileSum struct {
	Length int64
	Sum    [sha256.Size]byte
}

func (st *Stack) staticAnswer(ctx context.Context, client *http.Client, path string, want map[string]FileSum) (rundir.StaticAnswer, error) {
	a := rundir.StaticAnswer{Path: path}
	get := func(encoding string) (*http.Response, FileSum, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, st.url(path), nil)
		if err != nil {
			return nil, FileSum{}, err
		}
		req.Close = true
		req.Header.Set("Accept-Encoding", encoding)
		resp, err := client.Do(req)
		if err != nil {
			return nil, FileSum{}, err
		}
		defer resp.Body.Close()
		hash := sha256.New()
		n, err := io.Copy(hash, resp.Body)
		return resp, FileSum{n, [sha256.Size]byte(hash.Sum(nil))}, err
	}
	resp, got, err := get("identity")
	if err != nil {
		return a, err
	}
	known, ok := want[path]
	a.Status, a.Length, a.Verified = resp.StatusCode, got.Length, ok && got == known
	a.CacheControl, a.ETag = resp.Header.Get("Cache-Control"), resp.Header.Get("ETag") != ""
	a.LastModified = resp.Header.Get("Last-Modified") != ""
	compressed, _, err := get("gzip")
	if err != nil {
		return a, err
	}
	a.Encoding = compressed.Header.Get("Content-Encoding")
	return a, nil
}
