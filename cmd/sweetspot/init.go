package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sweetspot/runner/stack"
	"sweetspot/scenarios"
)

// schemaFile is what the starter scenario tells editors to complete by.
const schemaFile = "scenario.schema.json"

func newInit() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a commented starter scenario (default scenario.yaml) and its JSON Schema",
		Example: `  sweetspot init
  sweetspot init load/shop.yaml --force`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			file := "scenario.yaml"
			if len(args) == 1 {
				file = args[0]
			}
			if err := writeStarter(file, force); err != nil {
				return err
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "wrote %s, and %s for your editor\nedit the three lines marked EDIT, then: sweetspot validate %[1]s && sweetspot run %[1]s\n", file, schemaFile)
			return err
		},
	}
	c.Flags().BoolVar(&force, "force", false, "replace a scenario that exists")
	return c
}

// writeStarter writes the scenario, and beside it the schema, which is nobody's
// to edit and always replaced.
func writeStarter(file string, force bool) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(file, flags, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return badInputf("%s exists; choose another name, or replace it with --force", file)
	}
	if err != nil {
		return fmt.Errorf("write starter scenario: %w", err)
	}
	_, err = f.Write(scenarios.Starter())
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write starter scenario: %w", err)
	}
	schema, err := scenarios.Schema(stack.Catalogue())
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), schemaFile), schema, 0o644); err != nil {
		return fmt.Errorf("write schema: %w", err)
	}
	return nil
}
