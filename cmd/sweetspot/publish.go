package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"sweetspot/reports"
	"sweetspot/reports/bundle"
	"sweetspot/runner"
	"sweetspot/runner/rundir"
	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

// publishFlags are the flags of the publish command.
type publishFlags struct {
	out    string
	draft  bool
	env    []string
	asJSON bool
}

func newPublish() *cobra.Command {
	var f publishFlags
	c := &cobra.Command{
		Use:   "publish RUN --out DIR",
		Short: "Write a run as a static site with its raw data, which anybody can verify",
		Long: `Publish writes a folder that any static host serves, or a browser opens from
disk: an index, every report and plot, the winner's configuration, and the raw
data: manifest, scenario, and of every trial its record, raw results, histograms
and rendered configurations; the verdicts over the rules of measurement; and
SHA256SUMS. All links are relative. The bundle is verified before it is put in
place. A bundle that is there is replaced; any other folder that is not empty is
left alone.

A run that breaks a rule of measurement is refused with what is missing. With
--draft it is published all the same, and the index says that it is a draft.

Not published are values of environment variables, unless --env names them or a
built-in scenario has them; values of request headers that may hold secrets; the
name of the host and the folders of its user; the application's code and data; and
whole logs. Paths, parameters and bodies of requests are the traffic, and are
published: look at them before. The index lists what was withheld.

The reports state when they were generated. With SOURCE_DATE_EPOCH, in seconds,
they state that time, and the same run gives the same bytes.

Exit codes:
  0    published
  1    anything not listed here
  99   not publishable
  104  RUN is no run directory, DIR holds something else, or invalid flags
  105  interrupted`,
		Example: `  sweetspot publish runs/django-shop-20260102T030405Z --out site
  sweetspot publish runs/django-shop-20260102T030405Z --out site --draft --env DJANGO_SETTINGS_MODULE
  sweetspot verify site`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.publish(c, args[0])
		},
	}
	c.Flags().StringVar(&f.out, "out", "", "folder of the bundle")
	c.Flags().BoolVar(&f.draft, "draft", false, "publish a run that is not publishable, marked as a draft")
	c.Flags().StringArrayVar(&f.env, "env", nil, "name of an environment variable of the application whose value may be published (repeatable)")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	return c
}

func (f *publishFlags) publish(c *cobra.Command, dir string) error {
	if f.out == "" {
		return badInputf("--out is missing: name the folder of the bundle")
	}
	out, err := filepath.Abs(f.out)
	if err != nil {
		return err
	}
	run, err := readRun(dir)
	if err != nil {
		return err
	}
	at, err := generated()
	if err != nil {
		return err
	}
	home, _ := os.UserHomeDir() // without one there is none to withhold
	count := newCounter(c.ErrOrStderr(), "counting raw results again, trial")
	v, err := bundleTools(count).Write(c.Context(), run, out, bundle.Options{Generated: at, Draft: f.draft, Public: f.public, Home: home})
	count.clear()
	var missing bundle.NotPublishable
	switch {
	case errors.As(err, &missing):
		return exitError{exitNotMet, fmt.Errorf("%w\nmend that, or publish it as what it is with --draft", err)}
	case errors.Is(err, bundle.ErrOccupied):
		return badInput(err)
	case err != nil:
		return interruptedOr(c.Context(), err)
	}
	return f.print(c.OutOrStdout(), v)
}

// public tells whether the value of an environment variable may be published:
// the user says so, or a built-in scenario has it.
func (f *publishFlags) public(name, value string) bool {
	if slices.Contains(f.env, name) {
		return true
	}
	for _, builtIn := range scenarios.BuiltIn() {
		s, _, _, err := scenarios.Open(builtIn, nil, stack.Catalogue())
		if err == nil && s.App.Env[name] == value {
			return true
		}
	}
	return false
}

func (f *publishFlags) print(w io.Writer, v bundle.Verdict) error {
	if f.asJSON {
		return printVerdict(w, v)
	}
	if v.About.Draft {
		fmt.Fprintln(w, "draft: not publishable")
	}
	fmt.Fprintf(w, "%s\n\n%s/index.html: %d files, SHA-256 of %s: %s\n\nNot in it:\n", v.Lint.Stamp(), f.out, v.Files, "SHA256SUMS", v.Digest)
	for _, text := range v.About.Withheld {
		fmt.Fprintln(w, "  "+text)
	}
	for _, d := range v.Differences {
		fmt.Fprintln(w, "  differs: "+d.String())
	}
	_, err := fmt.Fprintf(w, "\nCheck it: sweetspot verify %s\n", f.out)
	return err
}

func printVerdict(w io.Writer, v bundle.Verdict) error {
	if v.Differences == nil {
		v.Differences = []bundle.Difference{}
	}
	return printJSON(w, struct {
		Schema   int  `json:"schema"`
		Verified bool `json:"verified"`
		bundle.Verdict
	}{1, v.Holds(), v})
}

// generated is the time that reports state: now, or what reproducible builds
// ask for.
func generated() (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return time.Now().UTC().Truncate(time.Second), nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, badInputf("SOURCE_DATE_EPOCH=%s: want seconds since 1970", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// bundleTools are what a bundle needs of this program.
func bundleTools(count *counter) bundle.Tools {
	return bundle.Tools{
		Version:  version(),
		Platform: fmt.Sprintf("%s %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH),
		Conclude: func(run *rundir.Run, at time.Time) (reports.Input, error) {
			res, err := judged(run, "")
			if err != nil {
				return reports.Input{}, err
			}
			in := reportInput(run, res)
			in.Generated = at
			return in, nil
		},
		Recount:  runner.Recount,
		Progress: count.tell,
	}
}

// counter tells on w how far something has come that takes more than two
// seconds: one line that is rewritten on a terminal, a line every ten seconds
// elsewhere.
type counter struct {
	w            io.Writer
	what         string
	terminal     bool
	began, shown time.Time
	open         bool // a line is on the terminal
}

func newCounter(w io.Writer, what string) *counter {
	c := &counter{w: w, what: what, began: time.Now()}
	if f, ok := w.(*os.File); ok {
		_, c.terminal = terminalWidth(f)
	}
	return c
}

func (c *counter) tell(done, of int) {
	now := time.Now()
	every := 10 * time.Second
	if c.terminal {
		every = 200 * time.Millisecond
	}
	if now.Sub(c.began) < 2*time.Second || now.Sub(c.shown) < every || done == 0 {
		return
	}
	c.shown = now
	left := time.Duration(float64(now.Sub(c.began)) / float64(done) * float64(of-done))
	line := fmt.Sprintf("%s %d of %d, %s left", c.what, done+1, of, left.Round(time.Second))
	if !c.terminal {
		fmt.Fprintln(c.w, line)
		return
	}
	fmt.Fprintf(c.w, "\r\x1b[K%s", line)
	c.open = true
}

// clear removes the line from the terminal.
func (c *counter) clear() {
	if c.open {
		fmt.Fprint(c.w, "\r\x1b[K")
		c.open = false
	}
}
