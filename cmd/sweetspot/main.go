// Command sweetspot measures how many workers and threads a Python web
// application should run with, and what it sustains then.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"sweetspot/runner/calibrate"
	"sweetspot/runner/process"
	"sweetspot/runner/stack"
)

func main() {
	process.Main()   // when re-executed as the watchdog
	stack.Main()     // when re-executed as a part of the embedded stack
	calibrate.Main() // when re-executed as the null server
	os.Exit(start())
}

// start runs the command line. The first Ctrl-C ends the run in good order;
// the second ends the program, and the watchdog ends what it had started.
func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop)
	return execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
}
