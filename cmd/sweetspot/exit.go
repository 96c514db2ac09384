package main

import (
	"errors"
	"fmt"

	"sweetspot/runner"
	"sweetspot/scenarios"
)

// Exit codes. They are stable.
const (
	exitGood         = 0
	exitOther        = 1
	exitInconclusive = 3
	exitNotMet       = 99
	exitBadInput     = 104
	exitInterrupted  = 105
)

const exitHelp = `Exit codes:
  0    good
  1    anything not listed here
  3    the measurement could not be made, or is inconclusive
  99   objectives not met
  104  invalid scenario or flags
  105  interrupted`

// exitError carries the exit code of an error; err may be nil when all has
// been said.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e exitError) Unwrap() error { return e.err }

// badInput marks an error as the user's to mend.
func badInput(err error) error {
	if err == nil {
		return nil
	}
	return exitError{exitBadInput, err}
}

func badInputf(format string, args ...any) error { return badInput(fmt.Errorf(format, args...)) }

// exitCode returns the code that an error ends the program with.
func exitCode(err error) int {
	var e exitError
	var faults scenarios.Faults
	switch {
	case err == nil:
		return exitGood
	case errors.Is(err, runner.ErrInterrupted):
		return exitInterrupted
	case errors.As(err, &e):
		return e.code
	case errors.As(err, &faults):
		return exitBadInput
	}
	return exitOther
}
