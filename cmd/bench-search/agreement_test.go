package main

import "testing"

const (
	small = "server=gunicorn-gthread/proxy=direct/workers=1/threads=4"
	large = "server=gunicorn-gthread/proxy=nginx/workers=2/threads=4"
	third = "server=gunicorn-gthread/proxy=nginx/workers=5/threads=1"
)

func TestAgreement(t *testing.T) {
	finals := func(smallLow, smallHigh, largeLow, largeHigh float64) map[string]finalRange {
		return map[string]finalRange{small: {smallLow, smallHigh}, large: {largeLow, largeHigh}}
	}
	for _, tt := range []struct {
		name string
		a, b recommendation
		want string
		yes  bool
	}{
		{"the same winner", recommendation{Winner: small}, recommendation{Winner: small}, sameCell, true},
		{"tied in the first", recommendation{Winner: small, Ties: []string{third, large}}, recommendation{Winner: large}, tiedCell, true},
		{"tied in the second", recommendation{Winner: small}, recommendation{Winner: large, Ties: []string{small}}, tiedCell, true},
		{"tied with another only", recommendation{Winner: small, Ties: []string{third}}, recommendation{Winner: large, Ties: []string{third}}, otherCell, false},
		{"intervals overlap", recommendation{Winner: small, Finals: finals(90, 110, 80, 95)}, recommendation{Winner: large}, notToldApart, true},
		{"intervals overlap in the second", recommendation{Winner: small}, recommendation{Winner: large, Finals: finals(80, 95, 90, 110)}, notToldApart, true},
		{"intervals apart", recommendation{Winner: small, Finals: finals(90, 110, 70, 89)}, recommendation{Winner: large, Finals: finals(70, 89, 90, 110)}, otherCell, false},
		{"the other has no interval", recommendation{Winner: small, Finals: map[string]finalRange{small: {90, 110}}}, recommendation{Winner: large}, otherCell, false},
		{"one recommends nothing", recommendation{Winner: small, Ties: []string{""}}, recommendation{}, nothingThere, false},
		{"both recommend nothing", recommendation{}, recommendation{}, nothingThere, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := compare(tt.a, tt.b)
			if got != tt.want {
				t.Errorf("compare = %q, want %q", got, tt.want)
			}
			if agree(got) != tt.yes {
				t.Errorf("agree(%q) = %v, want %v", got, !tt.yes, tt.yes)
			}
		})
	}
}
