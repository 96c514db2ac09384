// Package benchmark is what the programs have in common that judge parts of
// sweetspot: a main function, a ledger of what was found, and sweetspot itself
// as a process that is run to its end.
package benchmark

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Main runs the command line of a program and returns its exit code. Ctrl-C ends
// the context of execute, once: a second one ends the program. What was found
// until then is execute's to keep.
func Main(name string, execute func(ctx context.Context, args []string, stdout, stderr io.Writer) error) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop)
	err := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted: run it again, without --fresh, to go on")
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	return 0
}
