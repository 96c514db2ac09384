package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// wait returns when the server listens, its database exists, its limit of
// connections is known, and the connections that found this out are closed.
func (s *Service) wait(ctx context.Context) error {
	ask := s.driver.probe(s.place)
	for name, content := range ask.files {
		if err := os.WriteFile(filepath.Join(s.cfg.Dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	deadline, cancel := context.WithTimeout(ctx, s.cfg.Deadline)
	defer cancel()
	last := errors.New("it never listened on " + s.place.socket)
	for {
		ready, err := s.answers(deadline, ask)
		if ready {
			return nil
		}
		if err != nil && deadline.Err() == nil {
			last = err
		}
		select {
		case <-time.After(pollEvery):
		case <-s.process.Done():
			return s.failure()
		case <-deadline.Done():
			if err := ctx.Err(); err != nil {
				return err
			}
			return fmt.Errorf("it does not answer within %v: %w; allow more time, or see %s\n%s",
				s.cfg.Deadline, last, s.Log(), s.process.LogTail(tailLines))
		}
	}
}

// answers is one look at the server. The error explains why it is not ready.
func (s *Service) answers(ctx context.Context, ask probe) (bool, error) {
	listening, connected, err := s.sockets()
	if err != nil || !listening {
		return false, err
	}
	if s.limit > 0 {
		return connected == 0, fmt.Errorf("%d connections of its client stay open", connected)
	}
	said, err := s.run(ctx, "probe", ask.argv)
	if err != nil {
		return false, fmt.Errorf("its client: %w: %s", err, said)
	}
	s.limit, err = lastNumber(said)
	return false, err
}

// lastNumber returns what the last line says.
func lastNumber(said string) (int, error) {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	n, err := strconv.Atoi(strings.TrimSpace(lines[len(lines)-1]))
	if err != nil {
		return 0, fmt.Errorf("its client said no limit of connections: %q", said)
	}
	return n, nil
}
