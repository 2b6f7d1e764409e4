package robotcall

import (
	"testing"
	"time"

	"ringback/leads/dials"
)

// Two lines of the robot, a minute before the clients' evening: each call takes
// 40 seconds.
func TestForecast(t *testing.T) {
	now := at(t, "2026-03-04 20:59:00+03:00")
	r := DefaultRules("RU")
	r.Hours.Zone, r.Concurrent = "Europe/Moscow", 2
	const morning = 12*time.Hour + time.Minute
	reminder := func(number string, due, expires time.Duration) *Ahead {
		a := &Ahead{Request: Request{Kind: dials.Reminder, Number: number}, Due: now.Add(due)}
		if expires > 0 {
			a.Expires = now.Add(expires)
		}
		return a
	}
	person := func(who string, due time.Duration) *Ahead {
		return &Ahead{Request: Request{Kind: dials.Manager, Who: who, Device: "x"}, Due: now.Add(due)}
	}
	refused := reminder("+79160000009", 0, 0)
	refused.History.Consent = dials.Refused
	talking := person("clara", 0)
	talking.History.PersonBusy = true
	cases := []struct {
		name string
		call *Ahead
		at   time.Duration // -1: never
		why  Reason
	}{
		{"never closes, so the others go first", reminder("+79160000001", -time.Hour, 0), 40550 * time.Millisecond, ""},
		{"comes when both lines are busy until the evening", reminder("+79160000007", 50*time.Second, 0), morning, OutOfHours},
		{"closes first", reminder("+79160000002", -time.Hour, 10*time.Minute), 0, ""},
		{"closes second", reminder("+79160000003", 0, 20*time.Minute), 550 * time.Millisecond, ""},
		{"closes third: when a line is free", reminder("+79160000004", 0, 30*time.Minute), 40 * time.Second, ""},
		{"expires before a line is free", reminder("+79160000005", 20*time.Second, 30*time.Second), -1, TooLate},
		{"premium rate", reminder(premium, 0, 0), -1, BadType},
		{"has refused", refused, -1, DoNotCall},
		{"the first of a day", reminder("+79160000006", morning+time.Hour, 0), morning + time.Hour, ""},
		{"the second", reminder("+79160000006", morning+time.Hour+10*time.Second, 0), morning + time.Hour + 40*time.Second, NumberBusy},
		{"the third", reminder("+79160000006", morning+3*time.Hour, 0), morning + 3*time.Hour, ""},
		{"the fourth", reminder("+79160000006", morning+4*time.Hour, 0), morning + 25*time.Hour, NumberOften},
		{"a manager", person("anna", time.Second), time.Second, ""},
		{"the same manager", person("anna", 2*time.Second), 61 * time.Second, PersonOften},
		{"another manager", person("boris", 2*time.Second), 2 * time.Second, ""},
		{"one who is being rung", talking, 15 * time.Second, PersonBusy},
	}
	var calls []*Ahead
	for _, c := range cases {
		calls = append(calls, c.call)
	}
	r.Forecast(calls, now, now.Add(24*time.Hour), 40*time.Second)
	for _, c := range cases {
		switch {
		case c.call.Reason != c.why:
			t.Errorf("%s: reason %q, want %q", c.name, c.call.Reason, c.why)
		case c.at < 0 != c.call.At.IsZero(), c.at >= 0 && c.call.At.Sub(now).Round(time.Millisecond) != c.at:
			t.Errorf("%s: at %s, want %s", c.name, c.call.At.Sub(now), c.at)
		}
	}
}

// Thousands are told within a moment.
func TestForecastOfMany(t *testing.T) {
	now := at(t, "2026-03-04 12:00:00+03:00")
	r := DefaultRules("RU")
	r.Hours.Zone = "Europe/Moscow"
	calls := make([]*Ahead, 2000)
	for i := range calls {
		q := client(i)
		q.Expires = now.Add(9 * time.Hour)
		calls[i] = &Ahead{Request: q, Due: now}
	}
	r.Forecast(calls, now, now.Add(12*time.Hour), 25*time.Second)
	last := now
	for _, a := range calls {
		if a.At.After(last) {
			last = a.At
		}
	}
	// Five at a time, each 25 seconds: 399 rounds behind each other.
	if got := last.Sub(now); got < 399*25*time.Second || got > 399*25*time.Second+5*time.Second {
		t.Errorf("the last is called after %s", got)
	}
}
