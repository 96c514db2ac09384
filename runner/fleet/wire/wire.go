// Package wire is what the parts of a fleet say to each other over NATS: the
// subjects, streams and buckets, and the messages, with their bounds.
package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// Protocol is the version of all that is in this package. Parts that speak
// different ones do not work together.
const Protocol = 1

// Roles of an agent.
const (
	Subject   = "subject"   // starts the stack that is measured
	Generator = "generator" // attacks it
	Both      = "both"
)

// Streams, the consumer that all sites share, and buckets.
const (
	WorkStream    = "WORK"    // visits that wait for a site, or are at one
	ResultStream  = "RESULTS" // trials that were made, each once
	SitesConsumer = "sites"

	AgentsBucket    = "agents"    // key: name of the agent; value: Agent; expires
	LeasesBucket    = "leases"    // key: site; value: name of the subject agent that holds it; expires. The revision of its creation is the fencing token
	AnnouncedBucket = "announced" // key: SITE.AGENT; value: Announcement
	RunsBucket      = "runs"      // key: ID of the run; value: Run
	RawBucket       = "RUNS"      // object store: folders of trials, raw results of shards, applications
)

// Bounds of what is taken from a message or an object.
const (
	MaxMessage = 1_000_000 // bytes, of any message: less than a NATS server takes when nobody told it otherwise
	MaxObject  = 512 << 20 // bytes, of any object
)

// Subjects.

// Work is the subject of a visit that waits for a site.
func Work(run, visit string) string { return "work." + run + "." + visit }

// Result is the subject of the trial that is number k, from 0, of a visit. The
// stream holds one message a subject: the first one wins.
func Result(run, visit string, k int) string { return fmt.Sprintf("result.%s.%s.%d", run, visit, k) }

// Next is asked by a site for the next step of the visit that it makes.
func Next(run, site string) string { return "next." + run + "." + site }

// Live carries the intervals of a running attack.
func Live(run, site string) string { return "live." + run + "." + site }

// Stop tells whoever listens that a run is cancelled.
func Stop(run string) string { return "stop." + run }

// ToGenerator is asked by a site's subject of one of its generators: verb is
// one of AskPing to AskDrop.
func ToGenerator(site, agent, verb string) string { return "gen." + site + "." + agent + "." + verb }

var (
	nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	// visitForm keeps a visit's name one token of a subject.
	visitForm = regexp.MustCompile(`^[A-Za-z0-9_=+-]{1,200}$`)
)

// CheckName says what is wrong with the name of a site, an agent or a run.
func CheckName(what, name string) error {
	if !nameForm.MatchString(name) {
		return fmt.Errorf("%s %q: want 1 to 63 lower-case letters, digits and hyphens, the first no hyphen", what, name)
	}
	return nil
}

// CheckVisit says what is wrong with the name of a visit.
func CheckVisit(visit string) error {
	if !visitForm.MatchString(visit) {
		return fmt.Errorf("visit %q: want 1 to 200 letters, digits and _=+-", visit)
	}
	return nil
}

// Message is what Decode reads: it tells what is wrong with itself.
type Message interface{ Check() error }

// Decode reads one message and checks it: nothing in it is unknown, out of
// bounds or after it.
func Decode(data []byte, m Message) error {
	if len(data) > MaxMessage {
		return fmt.Errorf("message of %d bytes: at most %d are taken", len(data), MaxMessage)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(m); err != nil {
		return fmt.Errorf("malformed message: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("malformed message: something follows it")
	}
	return m.Check()
}

// Encode is the JSON of a message that keeps its bounds.
func Encode(m Message) ([]byte, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if len(b) > MaxMessage {
		return nil, fmt.Errorf("message of %d bytes: at most %d are sent", len(b), MaxMessage)
	}
	return b, nil
}
