package robotcall

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"ringback/leads/number"
	"ringback/routing"
)

// Window is when a client may be called. Where the client may be in several
// zones, it is open while it is open in all of them.
type Window []routing.Hours

var errNoZone = errors.New("its time zone is not known")

// Window is the one of an E.164 number, at that time. zone is the client's where it
// is told, and otherwise empty. It says which of the zones counts in which the
// number may be; one with another clock counts beside them: whoever tells a wrong one
// opens no hours in which people sleep.
func (r *Rules) Window(e164, zone string, at time.Time) (Window, error) {
	place, _ := number.Locate(e164)
	zones := place.Zones
	switch {
	case zone != "" && (len(zones) == 0 || place.ShowsClockOf(zone, at)):
		zones = []string{zone}
	case zone != "":
		zones = append(slices.Clip(zones), zone)
	case slices.Contains(zones, r.Hours.Zone): // of another country's number it says nothing
		zones = []string{r.Hours.Zone}
	}
	if len(zones) == 0 {
		return nil, fmt.Errorf("robotcall: hours of %s: %w", number.Mask(e164), errNoZone)
	}
	window := make(Window, len(zones))
	for i, name := range zones {
		window[i] = routing.Hours{Zone: name, Week: r.Hours.Week, Holidays: r.Hours.Holidays}
		if err := window[i].Compile(nil); err != nil {
			return nil, fmt.Errorf("robotcall: hours of %s: %w", number.Mask(e164), err)
		}
	}
	return window, nil
}

// farthest is how far ahead an opening can lie: two weeks hold every hour of
// the week in every zone, whatever the clocks do.
const farthest = 14 * 24 * time.Hour

// NextOpening is t itself when it is open then, otherwise the first instant
// after t at which it is; false when its zones have no hour in common.
func (w Window) NextOpening(t time.Time) (time.Time, bool) {
	for at := t; at.Sub(t) < farthest; {
		next := at
		for i := range w {
			next = w[i].NextOpening(next)
		}
		if !next.After(at) {
			return at, true
		}
		at = next
	}
	return time.Time{}, false
}

// NextClosing is the first instant after t at which the client may not be
// called; t itself when that is so then, zero when that never comes.
func (w Window) NextClosing(t time.Time) time.Time {
	var first time.Time
	for i := range w {
		if at := w[i].NextClosing(t); !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// CallHours is when a number may be called from at on: see
// appointments.DeskConfig.
func (r *Rules) CallHours(e164, zone string, at time.Time) (opens, closes time.Time) {
	window, err := r.Window(e164, zone, at)
	if err != nil {
		return time.Time{}, time.Time{}
	}
	opens, ok := window.NextOpening(at)
	if !ok {
		return time.Time{}, time.Time{}
	}
	return opens, window.NextClosing(opens)
}
