package browser

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// The accessibility checker: a package of the npm registry, the file of it that
// runs in a page, and the SHA-256 of that file.
const (
	axePackage = "axe-core@4.14.1"
	axeURL     = "https://registry.npmjs.org/axe-core/-/axe-core-4.14.1.tgz"
	axeFile    = "package/axe.min.js"
	axeSum     = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
)

// axeSource is the checker, fetched once.
var axeSource = sync.OnceValues(func() (string, error) {
	root, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	file := filepath.Join(root, "sweetspot", axePackage+".min.js")
	if b, err := os.ReadFile(file); err == nil && sum(b) == axeSum {
		return string(b), nil
	}
	b, err := fetchAxe()
	if err != nil {
		return "", err
	}
	if got := sum(b); got != axeSum {
		return "", fmt.Errorf("%s of %s has the SHA-256 %s, want %s", axeFile, axePackage, got, axeSum)
	}
	return string(b), keep(file, b)
})

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// keep writes a file of the cache whole.
func keep(file string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".axe-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(b)
	if err = errors.Join(err, tmp.Close()); err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return os.Rename(tmp.Name(), file)
}

// fetchAxe gets the package from the npm registry, and takes the file out of it.
func fetchAxe() ([]byte, error) {
	client := http.Client{Timeout: time.Minute}
	r, err := client.Get(axeURL)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get %s: %s", axeURL, r.Status)
	}
	return extract(io.LimitReader(r.Body, 16<<20), axeFile)
}

// extract reads a file of a compressed archive.
func extract(archive io.Reader, name string) ([]byte, error) {
	z, err := gzip.NewReader(archive)
	if err != nil {
		return nil, err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", name, err)
		}
		if h.Name == name {
			return io.ReadAll(r)
		}
	}
}

// Axe returns the checker; without it the test is skipped, or fails where
// SWEETSPOT_REQUIRE_STACKS is 1.
func Axe(t *testing.T) (source string) {
	t.Helper()
	source, err := axeSource()
	if err != nil {
		Missing(t, fmt.Sprintf("axe-core is missing: %v", err))
	}
	return source
}

// Violations runs the checker in the page, all its rules or those named, and
// returns what it finds serious or critical, a line an element.
func (p *Page) Violations(axe string, rules ...string) []string {
	p.t.Helper()
	p.must(chromedp.Do(p.ctx, chromedp.Evaluate[chromedp.Void](axe)))
	options := map[string]any{"resultTypes": []string{"violations"}}
	if len(rules) > 0 {
		options["runOnly"] = rules
	}
	chosen, err := json.Marshal(options)
	p.must(err)
	run := `axe.run(` + string(chosen) + `).then(r => JSON.stringify(r.violations
		.filter(v => v.impact === "serious" || v.impact === "critical")
		.flatMap(v => v.nodes.map(n => v.id + " (" + v.impact + "): " + n.target.join(" ") + ": " + n.failureSummary))))`
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](run, awaited))
	p.must(err)
	var found []string
	p.must(json.Unmarshal([]byte(text), &found))
	return found
}

// awaited has an evaluation wait for the promise that it gives.
func awaited(p *runtime.EvaluateParams) { p.AwaitPromise = new(true) }
