package service

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Stop shuts the service down so that its data can be copied, ends clients'
// connections with it, and removes its temporary folder. It is an error when
// the server has to be killed, or ends badly while it shuts down; that it had
// died before is for Err. Further calls return the same.
func (s *Service) Stop() error { return s.stop() }

func (s *Service) end() error {
	close(s.stopping)
	errs := []error{s.shutDown()}
	if s.temp == "" {
		return errors.Join(errs...)
	}
	if s.started {
		errs = append(errs, s.bringBack())
	} else if s.fresh {
		errs = append(errs, os.RemoveAll(s.cfg.Data))
	}
	return errors.Join(append(errs, os.RemoveAll(s.temp))...)
}

// shutDown ends the server and whatever is left of it.
func (s *Service) shutDown() error {
	if s.process == nil {
		return nil
	}
	var unclean error
	if s.process.Err() == nil {
		_ = syscall.Kill(s.process.PID(), s.driver.shutdown) // it may have ended since: that is what we want
		select {
		case <-s.process.Done():
		case <-time.After(shutdownGrace):
			unclean = fmt.Errorf("stop %s: not within %v; see %s", s.driver.name, shutdownGrace, s.Log())
		}
		if unclean == nil && s.started && !s.process.Succeeded() {
			unclean = fmt.Errorf("stop %s: %w", s.driver.name, s.failure())
		}
	}
	err := errors.Join(s.process.Stop(), s.killMembers())
	return errors.Join(unclean, err, removeShared(s.segments, filepath.Join(s.place.data, postgresql.lock)))
}
