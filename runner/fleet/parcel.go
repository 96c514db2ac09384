package fleet

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"sweetspot/runner/fleet/wire"
	"sweetspot/runner/rundir"
)

// parcel is a trial that was made and is not yet known to be handed in. It is in
// the scratch folder until then, so that a site which was cut off still can.
type parcel struct {
	file string // the packed folder; what is to be said of it is beside it
	Run  string
	Done wire.Done
}

// parcelsDir holds the parcels of a site.
const parcelsDir = "parcels"

// wrap packs the folder of a trial.
func (q *queue) wrap(t rundir.Trial) (*parcel, error) {
	dir := q.inScratch(parcelsDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	unique := attempt()
	p := &parcel{file: filepath.Join(dir, unique+".tar.gz"), Run: q.visit.Run, Done: wire.Done{
		Visit: q.visit.Name, Number: q.number, Site: q.Site, Agent: q.Name, Token: q.token, Delivery: q.delivery,
		Object: trialObject(q.visit.Run, q.visit.Name, q.number, unique),
	}}
	var err error
	if p.Done.Digest, err = packFile(p.file, q.run.TrialDir(t.ID), everything); err != nil {
		return nil, errors.Join(err, os.RemoveAll(p.file))
	}
	label, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	return p, os.WriteFile(p.label(), label, 0o644)
}

// attempt is a name that nothing else has.
func attempt() string { return strings.ToLower(rand.Text()[:12]) }

func (p *parcel) label() string { return strings.TrimSuffix(p.file, ".tar.gz") + ".json" }

// discard removes a parcel that was handed in, or that nobody wants. A nil one
// is none.
func (p *parcel) discard() error {
	if p == nil {
		return nil
	}
	return errors.Join(os.RemoveAll(p.file), os.RemoveAll(p.label()))
}

// handIn uploads a parcel and publishes its result. first is false when there is
// a result of that trial already, which may be this one. A nil parcel is none.
func (s *site) handIn(ctx context.Context, p *parcel) (first bool, err error) {
	if p == nil {
		return true, nil
	}
	data, err := wire.Encode(&p.Done)
	if err != nil {
		return false, err
	}
	if err := persist(ctx, func() error { return upload(ctx, s.raw, p.Done.Object, p.file) }); err != nil {
		return false, fmt.Errorf("hand in trial %d of visit %s: %w", p.Done.Number, p.Done.Visit, err)
	}
	_, refused, err := publishFirst(ctx, s.js, wire.Result(p.Run, p.Done.Visit, p.Done.Number), data)
	if err != nil {
		return false, fmt.Errorf("hand in trial %d of visit %s: %w", p.Done.Number, p.Done.Visit, err)
	}
	return !refused, nil
}

// handInLate hands in what is left of visits before: the controller takes it,
// or refuses it because somebody else had the visit since.
func (s *site) handInLate(ctx context.Context) {
	labels, err := filepath.Glob(s.inScratch(parcelsDir, "*.json"))
	if err != nil {
		s.Say("%v", err)
	}
	for _, label := range labels {
		if err := s.handInOne(ctx, label); err != nil {
			s.Say("a trial of before could not be handed in: %v", err)
		}
	}
}

func (s *site) handInOne(ctx context.Context, label string) error {
	text, err := os.ReadFile(label)
	if err != nil {
		return err
	}
	p := parcel{file: strings.TrimSuffix(label, ".json") + ".tar.gz"}
	if err := json.Unmarshal(text, &p); err != nil {
		return errors.Join(err, p.discard())
	}
	if _, err := s.record(ctx, p.Run); errors.Is(err, errStopped) {
		return p.discard()
	}
	first, err := s.handIn(ctx, &p)
	if err != nil {
		return err // it stays for the next time
	}
	s.Say("handed in trial %d of visit %s late; there was none: %t", p.Done.Number, p.Done.Visit, first)
	return p.discard()
}

// record is a run as the hub knows it; errStopped when it is not running.
func (s *site) record(ctx context.Context, run string) (r wire.Run, err error) {
	err = get(ctx, s.runs, run, &r)
	if errors.Is(err, jetstream.ErrKeyNotFound) || err == nil && r.State != wire.Running {
		return r, errStopped
	}
	return r, err
}
