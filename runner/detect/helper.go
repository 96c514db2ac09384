package detect

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sweetspot/runner/process"
)

//go:embed look.py
var script string

// lookTime is how long an import may take; a project that needs longer starts
// something when it is imported.
const lookTime = 20 * time.Second

// A call is one task of the script in a project's interpreter.
type call struct {
	python    string
	dir       string   // working folder, which is where Python looks for modules first
	env       []string // of the process, on top of HOME, TMPDIR and PYTHONDONTWRITEBYTECODE
	task      string   // name of a task in the script
	arguments any      // of the task's function, by name
	limit     time.Duration
}

var errTooLong = errors.New("no end within the time that an import may take")

// run fills answer with what the task returns. An exception in the project's
// code is an answer, too: see finding. Nothing that it started is left.
func (c call) run(ctx context.Context, answer any) (err error) {
	tmp, err := process.TempDir("detect")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	arguments, err := json.Marshal(c.arguments)
	if err != nil {
		return err
	}
	file := filepath.Join(tmp, "answer.json")
	p, err := process.Start(ctx, process.Spec{
		Role: "look at the project", Dir: c.dir, Log: filepath.Join(tmp, "log"), Grace: time.Second,
		Argv: []string{c.python, "-c", script, file, c.task, string(arguments)},
		Env: slices.Concat([]string{"HOME=" + tmp, "TMPDIR=" + tmp}, c.env,
			[]string{"PYTHONDONTWRITEBYTECODE=1", process.Mark("detect")}),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	select {
	case <-p.Done():
	case <-time.After(c.limit):
		return fmt.Errorf("%w, %v\n%s", errTooLong, c.limit, p.LogTail(tailLines))
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, answer)
	}
	if err != nil {
		return fmt.Errorf("%s gives no answer: %w\n%s", c.python, p.Err(), p.LogTail(tailLines))
	}
	return nil
}

// tailLines is how much of a log an error shows.
const tailLines = 12
