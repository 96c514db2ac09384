package main

import (
	"fmt"
	"net"
	"os"
	"time"
)

// pinger is the command "pinger serve IP FILE", which writes the name of its host
// into the file and answers whoever connects, or "pinger ask IP", which succeeds
// when it is answered within a second.
func pinger() {
	if err := ping(os.Args[1], net.JoinHostPort(os.Args[2], "7000")); err != nil {
		fmt.Fprintln(os.Stderr, "pinger:", err)
		os.Exit(1)
	}
}

func ping(what, address string) error {
	if what == "ask" {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return err
		}
		return c.Close()
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	if err := os.WriteFile(os.Args[3], []byte(name), 0o644); err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		if err := c.Close(); err != nil {
			return err
		}
	}
}
