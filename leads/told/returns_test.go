package told_test

import (
	"testing"
	"time"

	"ringback/leads/told"
	"ringback/routing"
)

// Who leaves is back at their next hours, not in what is left of those they are
// in; without hours, tomorrow.
func TestReturns(t *testing.T) {
	d := &routing.Directory{Managers: []routing.Manager{
		{Login: "anna", Hours: routing.Hours{Zone: "Europe/Warsaw", Week: map[string]string{"mon-fri": "09:00-13:00, 14:00-18:00"}}},
		{Login: "boris"},
	}}
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
		{"anna", "2026-11-20T10:00:00+01:00", "2026-11-20T14:00:00+01:00"},
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
