package main

import (
	"context"
	"fmt"
	"net"

	"sweetspot/scenarios"
)

// allowed says whether the scenario's target may be attacked: load goes to this
// machine only, unless its host was named on the command line.
func allowed(ctx context.Context, s *scenarios.Scenario, remote string) error {
	if s.Target == "" {
		if remote != "" {
			return fmt.Errorf("--allow-remote %s: the scenario has no target; only what the run itself starts is measured", remote)
		}
		return nil
	}
	_, address, _, _ := s.TargetAddress()
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if remote == host {
		return nil
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	for _, ip := range ips {
		if ip = ip.Unmap(); !ip.IsLoopback() {
			return fmt.Errorf("target: %s is %v, which is not this machine; a load test of a machine that is not yours is an attack: if it is yours, name it by --allow-remote %[1]s", host, ip)
		}
	}
	return nil
}
