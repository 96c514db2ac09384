// Package browser shows pages to Chromium in tests. A test starts one browser
// and opens pages in it, each in a view of its own; when a page's test ends, it
// fails if the page wrote an error to the console or asked for anything beyond
// its own address.
package browser

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long a test may keep its browser.
const patience = 3 * time.Minute

// Browser is a running Chromium without a network: only addresses of this
// machine resolve.
type Browser struct{ ctx context.Context }

// Start starts a browser that ends with the test. Without Chromium the test is
// skipped, or fails where SWEETSPOT_REQUIRE_STACKS is 1.
func Start(t *testing.T) *Browser {
	t.Helper()
	path, err := find()
	if err != nil {
		Missing(t, err.Error())
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(filepath.Join(t.TempDir(), "profile")), chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"),
	}
	for _, name := range []string{"disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage", "disable-extensions"} {
		options = append(options, chromedp.Flag(name, true))
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return &Browser{ctx}
}

// Missing skips a test that lacks something, or fails it where
// SWEETSPOT_REQUIRE_STACKS is 1. It does not return.
func Missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("SWEETSPOT_REQUIRE_STACKS") == "1" {
		t.Fatalf("%s, and SWEETSPOT_REQUIRE_STACKS is 1", what)
	}
	t.Skip(what)
}

func find() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("chromium is missing: install it with apt-get install chromium")
}

// View is how a page is looked at.
type View struct {
	Width, Height int  // in CSS pixels; 0 means 1440 and 900
	Dark          bool // the reader prefers dark pages
	NoScript      bool // the page's scripts do not run
	Print         bool // on paper
}

func (v View) String() string {
	text := fmt.Sprintf("%d px, light", v.Width)
	if v.Dark {
		text = fmt.Sprintf("%d px, dark", v.Width)
	}
	if v.NoScript {
		text += ", no script"
	}
	if v.Print {
		text += ", print"
	}
	return text
}

// Page is an open page.
type Page struct {
	t   *testing.T
	ctx context.Context
}

// Open opens an address in a window of its own and waits until it is loaded.
func (b *Browser) Open(t *testing.T, address string, v View) *Page {
	t.Helper()
	if v.Width == 0 {
		v.Width, v.Height = 1440, 900
	}
	ctx, cancel := chromedp.NewContext(b.ctx)
	p := &Page{t, ctx}
	p.must(chromedp.Do(ctx))
	w := watch(ctx, address)
	t.Cleanup(func() { // runs after the test of the page
		cancel()
		for _, fault := range w.faults() {
			t.Errorf("%s: %s", address, fault)
		}
	})
	call(p, log.Enable, cdp.Empty{})
	call(p, network.Enable, network.EnableParams{})
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: int64(v.Width), Height: int64(v.Height), DeviceScaleFactor: 1, Mobile: v.Width < 600})
	scheme, medium := "light", "screen"
	if v.Dark {
		scheme = "dark"
	}
	if v.Print {
		medium = "print"
	}
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: medium, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: v.NoScript})
	p.must(chromedp.Do(ctx, chromedp.Navigate(address)))
	return p
}

// call sends a command to the page.
func call[P, R any](p *Page, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	r, err := chromedp.Call(p.ctx, command, params)
	p.must(err)
	return r
}

func (p *Page) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// Get evaluates an expression in the page.
func Get[T any](p *Page, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// Wait waits until an expression is true.
func (p *Page) Wait(expression string) {
	p.t.Helper()
	if _, err := chromedp.Run(p.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(20*time.Second))); err != nil {
		p.t.Fatalf("wait for %s: %v", expression, err)
	}
}

// Click clicks the first element that a CSS selector finds.
func (p *Page) Click(selector string) {
	p.t.Helper()
	p.must(chromedp.Do(p.ctx, chromedp.Click(chromedp.CSS(selector))))
}

// Hover moves the pointer to the middle of an element, once the page has drawn
// it where it scrolled to.
func (p *Page) Hover(selector string) {
	p.t.Helper()
	script := fmt.Sprintf(`(async () => {
		const e = document.querySelector(%q);
		e.scrollIntoView({block: "center", inline: "center"});
		for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
		const r = e.getBoundingClientRect();
		return {X: r.x + r.width / 2, Y: r.y + r.height / 2};
	})()`, selector)
	at, err := chromedp.Run(p.ctx, chromedp.Evaluate[struct{ X, Y float64 }](script, awaited))
	p.must(err)
	p.must(chromedp.Do(p.ctx, chromedp.MouseEvent(chromedp.MouseMoved, at.X, at.Y)))
}

// Press sends keys, those of package kb or letters, to the focused element.
func (p *Page) Press(keys string) {
	p.t.Helper()
	p.must(chromedp.Do(p.ctx, chromedp.KeyEvent(keys)))
}

// Screenshot writes what the view shows to a PNG file.
func (p *Page) Screenshot(file string) {
	p.t.Helper()
	b, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	p.must(err)
	p.must(os.MkdirAll(filepath.Dir(file), 0o755))
	p.must(os.WriteFile(file, b, 0o644))
}

// watcher collects what a page did that it must not.
type watcher struct {
	home  *url.URL
	done  sync.WaitGroup
	mu    sync.Mutex
	found []string
}

// watch begins before the page is loaded.
func watch(ctx context.Context, address string) *watcher {
	home, err := url.Parse(address)
	if err != nil {
		home = &url.URL{}
	}
	w := &watcher{home: home}
	collect(w, chromedp.Events(ctx, runtime.ConsoleAPICalled), func(e runtime.EventConsoleAPICalled) string {
		if kind := string(e.Type); kind != "error" && kind != "assert" {
			return ""
		}
		var texts []string
		for _, a := range e.Args {
			texts = append(texts, string(a.Value)+a.Description)
		}
		return "the console says: " + strings.Join(texts, " ")
	})
	collect(w, chromedp.Events(ctx, runtime.ExceptionThrown), func(e runtime.EventExceptionThrown) string {
		text := e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			text += " " + x.Description
		}
		return "an exception: " + text
	})
	collect(w, chromedp.Events(ctx, log.EntryAdded), func(e log.EventEntryAdded) string {
		if string(e.Entry.Level) != "error" {
			return ""
		}
		return "the log says: " + e.Entry.Text
	})
	collect(w, chromedp.Events(ctx, network.RequestWillBeSent), func(e network.EventRequestWillBeSent) string { return w.foreign(e.Request.URL) })
	collect(w, chromedp.Events(ctx, network.WebSocketCreated), func(e network.EventWebSocketCreated) string { return w.foreign(e.URL) })
	return w
}

// collect keeps what fault says of every event, until the page is closed.
func collect[E any](w *watcher, events iter.Seq2[E, error], fault func(E) string) {
	w.done.Go(func() {
		for e, err := range events {
			if err != nil {
				return
			}
			if text := fault(e); text != "" {
				w.mu.Lock()
				w.found = append(w.found, text)
				w.mu.Unlock()
			}
		}
	})
}

// foreign says that an address is neither the page's nor of its server.
func (w *watcher) foreign(address string) string {
	u, err := url.Parse(address)
	switch {
	case err == nil && (u.Scheme == "data" || u.Scheme == "blob"):
		return ""
	case err == nil && u.Scheme == "file" && w.home.Scheme == "file" && u.Path == w.home.Path:
		return ""
	case err == nil && u.Host != "" && u.Host == w.home.Host:
		return ""
	}
	return "it asks for " + address
}

// faults returns what the closed page did.
func (w *watcher) faults() []string {
	w.done.Wait()
	return w.found
}
