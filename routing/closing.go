package routing

import "time"

// NextClosing is t itself when it is closed then, otherwise the first instant
// after t at which it is closed; zero when that never comes. As NextOpening, it
// goes by the clock on the wall.
func (h *Hours) NextClosing(t time.Time) time.Time {
	if h.Always() {
		return time.Time{}
	}
	// Windows may touch, even around the whole week.
	for last := t.AddDate(0, 0, 8); h.Open(t); {
		if t.After(last) {
			return time.Time{}
		}
		closing := t.Add(h.untilEnd(t))
		_, change := t.In(h.zone).ZoneBounds()
		if !change.IsZero() && change.Before(closing) {
			closing = change
		}
		t = closing
	}
	return t
}

// untilEnd is how far the clock on the wall has to go from t to the end of the
// window that is open.
func (h *Hours) untilEnd(t time.Time) time.Duration {
	minute, least := h.minute(t), minutesOfWeek
	for _, w := range h.windows {
		least = min(least, (w.to-minute+minutesOfWeek-1)%minutesOfWeek+1)
	}
	local := t.In(h.zone)
	gone := time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
	return time.Duration(least)*time.Minute - gone
}
