package shard

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"sweetspot/runner/fleet/wire"
)

// nowhere has no objects.
type nowhere struct{}

var errNowhere = errors.New("no objects are here")

func (nowhere) Has(context.Context, string) (bool, error)          { return false, errNowhere }
func (nowhere) Put(context.Context, string, io.Reader) error       { return errNowhere }
func (nowhere) Get(context.Context, string) (io.ReadCloser, error) { return nil, errNowhere }

// Whatever an order says, a generator makes an attack of it, or refuses it.
func FuzzArm(f *testing.F) {
	for _, text := range []string{
		`"Traffic":{"arrivals":"poisson","timeout":"1s","requests":[{"name":"a","weight":1,"method":"GET","path":"/"}]},"Rate":10`,
		`"Traffic":{"arrivals":"ramp","timeout":"1s","requests":[{"name":"a","weight":1,"path":"/{x}"}]},"Rate":10`,
		`"Traffic":{"arrivals":"step","shape":{"steps":[]},"timeout":"1s","requests":[{"name":"a","weight":1,"path":"/"}]},"Rate":10,"Shards":2`,
		`"Traffic":{"arrivals":"sine","shape":{"amplitude":1,"period":"1ns"},"timeout":"-1s","requests":[{"name":"a","weight":-1,"path":"/"}]},"Rate":10`,
		`"Traffic":{"arrivals":"replay","timeout":"1s","requests":[{"name":"a","weight":1,"path":"/"}]},"Rate":10,"Recording":"run-1/recording/x"`,
		`"Traffic":{"requests":[{}]},"Connections":3,"TLS":true,"Roots":"AAAA"`,
		`"Traffic":{"requests":[{}]},"Connections":3,"Warmup":9223372036854775807`,
	} {
		f.Add([]byte(`{"Run":"run-1","Trial":"t","Site":"lab","Subject":"app","Shards":1,"Address":"127.0.0.1:80","Duration":100000000,` + text + `}`))
	}
	g := &generator{Options: Options{Objects: nowhere{}}}
	f.Fuzz(func(t *testing.T, data []byte) {
		var a wire.Arm
		if wire.Decode(data, &a) != nil {
			return
		}
		if a.Duration+a.Warmup < 0 || a.Rate*(a.Duration+a.Warmup).Seconds() > 1e5 {
			t.Skip("a long plan takes its time")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if s, err := g.spec(ctx, &a); err == nil && (s.Shards != a.Shards || s.Rate != a.Rate) {
			t.Errorf("ordered %d shards at %v/s, got %d at %v/s", a.Shards, a.Rate, s.Shards, s.Rate)
		}
	})
}
