package routing

import "time"

// NextClosing is t itself when it is closed then, otherwise the first instant
// after t at which it is closed; zero when that never comes. As NextOpening, it
// goes by the clock on the wall.
func (h *Hours) NextClosing(t time.Time) time.Time {
	if h.Always() {
		return time.Time{}
	}
	// Windows may touch, even around all weeks.
	for last := t.AddDate(0, 0, farthestDay); h.Open(t); {
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
	today, minute := h.clock(t)
	end := 0
	for _, w := range h.on(today.plus(-1)) {
		if minute+minutesOfDay < w.to { // of yesterday's only the last can last until now
			end = w.to - minutesOfDay
		}
	}
	for _, w := range h.on(today) {
		if minute >= w.from && minute < w.to {
			end = w.to
		}
	}
	return h.onTheWall(t, end-minute)
}
