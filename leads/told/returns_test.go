package told_test

import (
	"testing"
	"time"

	"ringback/leads/told"
	"ringback/routing"
)

// Who leaves is back on their next working day, and not after lunch: by their own
// hours, or their pools'; without hours, tomorrow.
func TestReturns(t *testing.T) {
	d := &routing.Directory{Managers: []routing.Manager{
		{Login: "anna", Hours: routing.Hours{Zone: "Europe/Warsaw", Week: map[string]string{"mon-fri": "09:00-13:00, 14:00-18:00"}}},
		{Login: "boris"},
		{Login: "night", Hours: routing.Hours{Zone: "Europe/Warsaw", Week: map[string]string{"mon-thu": "22:00-06:00"}}},
		{Login: "vera"},
		{Login: "chief"},
	}, Pools: []routing.Pool{
		{Name: "default", Managers: []string{"boris", "vera"}, Supervisor: "boris"},
		{Name: "late", Managers: []string{"vera"}, Supervisor: "chief", Hours: routing.Hours{Week: map[string]string{"mon-fri": "12:00-20:00"}}},
		{Name: "early", Managers: []string{"vera"}, Supervisor: "anna", Hours: routing.Hours{Week: map[string]string{"mon-fri": "08:00-13:00, 14:00-17:00"},
			Holidays: routing.Holidays{Days: map[string]string{"2026-11-23": "closed"}}}},
	}}
	for i := range d.Pools {
		if err := d.Pools[i].Hours.Compile(time.UTC); err != nil {
			t.Fatal(err)
		}
	}
	for i := range d.Managers {
		if err := d.Managers[i].Hours.Compile(time.UTC); err != nil {
			t.Fatal(err)
		}
	}
	moscow, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		t.Fatal(err)
	}
	desk := told.New(told.Config{Directory: d, Zone: moscow})
	for _, c := range []struct{ who, leaves, returns string }{
		{"anna", "2026-11-20T10:00:00+01:00", "2026-11-23T09:00:00+01:00"}, // a friday
		{"anna", "2026-11-17T10:00:00+01:00", "2026-11-18T09:00:00+01:00"}, // before lunch
		{"anna", "2026-11-17T07:00:00+01:00", "2026-11-18T09:00:00+01:00"}, // before work
		{"anna", "2026-11-17T19:00:00+01:00", "2026-11-18T09:00:00+01:00"},
		{"night", "2026-11-17T23:00:00+01:00", "2026-11-18T22:00:00+01:00"},
		{"night", "2026-11-18T01:00:00+01:00", "2026-11-18T22:00:00+01:00"}, // of the night before
		{"night", "2026-11-20T01:00:00+01:00", "2026-11-23T22:00:00+01:00"},
		{"vera", "2026-11-20T10:00:00Z", "2026-11-23T12:00:00Z"}, // a holiday of the other pool
		{"vera", "2026-11-17T10:00:00Z", "2026-11-18T08:00:00Z"},
		{"chief", "2026-11-20T10:00:00Z", "2026-11-23T12:00:00Z"},
		{"anna", "2026-11-20T15:00:00+01:00", "2026-11-23T09:00:00+01:00"}, // over the weekend
		{"anna", "2026-11-21T12:00:00+01:00", "2026-11-23T09:00:00+01:00"}, // not at work anyway
		{"boris", "2026-11-20T15:00:00+03:00", "2026-11-21T00:00:00+03:00"},
		{"boris", "2026-11-20T21:30:00Z", "2026-11-22T00:00:00+03:00"}, // after midnight, where he is
		{"nobody", "2026-11-20T15:00:00+03:00", "2026-11-21T00:00:00+03:00"},
	} {
		leaves, err := time.Parse(time.RFC3339, c.leaves)
		if err != nil {
			t.Fatal(err)
		}
		want, err := time.Parse(time.RFC3339, c.returns)
		if err != nil {
			t.Fatal(err)
		}
		if got := desk.Returns(c.who, leaves); !got.Equal(want) {
			t.Errorf("%s leaves at %s and is back at %s, want %s", c.who, c.leaves, got, c.returns)
		}
	}
}
