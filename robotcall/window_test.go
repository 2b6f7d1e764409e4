package robotcall

import (
	"errors"
	"testing"
)

func TestWindow(t *testing.T) {
	r := DefaultRules("RU")
	now := at(t, "2026-03-04 12:00:00+03:00")
	for _, c := range []struct{ number, zone, opening, closing string }{
		{moscow, "", "2026-03-04 12:00:00+03:00", "2026-03-04 21:00:00+03:00"},
		// Open from nine in Kaliningrad to nine in the evening on Kamchatka.
		{mobile, "", "2026-03-05 10:00:00+03:00", "2026-03-04 12:00:00+03:00"},
		{mobile, "Europe/Moscow", "2026-03-04 12:00:00+03:00", "2026-03-04 21:00:00+03:00"},
		// A zone that is told opens no hours that the number's own do not.
		{moscow, "Pacific/Auckland", "2026-03-05 09:00:00+03:00", "2026-03-04 12:00:00+03:00"},
		{moscow, "Asia/Kamchatka", "2026-03-05 09:00:00+03:00", "2026-03-04 12:00:00+03:00"},
		{moscow, "Europe/Istanbul", "2026-03-04 12:00:00+03:00", "2026-03-04 21:00:00+03:00"}, // the same clock
		{"+12125550123", "America/Los_Angeles", "2026-03-04 20:00:00+03:00", "2026-03-04 12:00:00+03:00"},
		{moscow, "America/New_York", "2026-03-04 17:00:00+03:00", "2026-03-04 12:00:00+03:00"},
		{"+12125550123", "", "2026-03-04 17:00:00+03:00", "2026-03-04 12:00:00+03:00"},
	} {
		w, err := r.Window(c.number, c.zone, now)
		if err != nil {
			t.Error(err)
			continue
		}
		opening, ok := w.NextOpening(now)
		if closing := w.NextClosing(now); !ok || !opening.Equal(at(t, c.opening)) || !closing.Equal(at(t, c.closing)) {
			t.Errorf("%s in %q opens %s, closes %s; want %s and %s", c.number, c.zone, opening, closing, c.opening, c.closing)
		}
	}
	w, err := r.Window(mobile, "", now)
	if err != nil {
		t.Fatal(err)
	}
	if closing := w.NextClosing(at(t, "2026-03-05 10:30:00+03:00")); !closing.Equal(at(t, "2026-03-05 12:00:00+03:00")) {
		t.Errorf("in all zones of Russia it closes at %s", closing)
	}
	r.Hours.Week = nil
	if w, err := r.Window(moscow, "", now); err != nil || !w.NextClosing(now).IsZero() {
		t.Errorf("without hours it closes, or %v", err)
	}
	if _, err := r.Window("112", "", now); !errors.Is(err, errNoZone) {
		t.Errorf("nowhere: %v", err)
	}
	r.Hours.Week = map[string]string{"mon-sun": "09:00-12:00"}
	w, err = r.Window(mobile, "", now)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := w.NextOpening(now); ok {
		t.Error("zones that have no hour in common open")
	}
}
