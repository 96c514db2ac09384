package reports

import (
	"context"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestPageInBrowser loads the page in a frame as wide as a phone, without a
// network, and has the frame's parent write down how wide the page came out.
func TestPageInBrowser(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("SWEETSPOT_REQUIRE_STACKS") == "1" {
			t.Fatal("chromium is missing and SWEETSPOT_REQUIRE_STACKS is 1: install it with apt-get install chromium")
		}
		t.Skip("chromium is missing: install it with apt-get install chromium")
	}
	dir := t.TempDir()
	var frames strings.Builder
	inputs := samples()
	for _, name := range []string{"full", "hostile", "empty", "comparison", "beside"} {
		fmt.Fprintf(&frames, `<iframe name="%s" width="390" height="800" style="border:0" srcdoc="%s"></iframe>`, name, html.EscapeString(string(render(t, "html", inputs[name]))))
	}
	wrapper := `<!DOCTYPE html><body>` + frames.String() + `<script>
onload = () => { for (const f of document.querySelectorAll("iframe")) {
  const e = f.contentDocument.documentElement;
  document.body.append("[" + f.name + ": " + e.scrollWidth + " of " + e.clientWidth + ", " + f.contentDocument.querySelectorAll("h2").length + " headings]");
} };
</script></body>`
	page := filepath.Join(dir, "wrapper.html")
	if err := os.WriteFile(page, []byte(wrapper), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--user-data-dir="+filepath.Join(dir, "profile"),
		"--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--dump-dom", "file://"+page)
	cmd.WaitDelay = 10 * time.Second
	var log strings.Builder
	cmd.Stderr = &log
	dom, err := cmd.Output()
	if err != nil {
		t.Fatalf("chromium: %v\n%s", err, log.String())
	}
	for _, l := range strings.Split(log.String(), "\n") {
		if strings.Contains(l, ":CONSOLE") {
			t.Errorf("the console says: %s", l)
		}
	}
	found := regexp.MustCompile(`\[(\w+): (\d+) of (\d+), (\d+) headings\]`).FindAllStringSubmatch(string(dom), -1)
	if len(found) != 5 {
		t.Fatalf("%d pages were measured, want 5: %v", len(found), found)
	}
	for _, m := range found {
		if m[2] != m[3] {
			t.Errorf("%s: the page is %s px wide in a window of %s", m[1], m[2], m[3])
		}
		if m[4] == "0" {
			t.Errorf("%s: the page has no headings", m[1])
		}
	}
}
