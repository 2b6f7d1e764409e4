package number

import (
	"slices"
	"time"

	"github.com/nyaruka/phonenumbers/v2"
	"github.com/nyaruka/phonenumbers/v2/timezone"
)

// ShowsClockOf says that one of the zones of the place has the clock of another
// zone, from at on: by its name, or as far as a year ahead tells.
func (p Place) ShowsClockOf(zone string, at time.Time) bool { return showsClockOf(p.Zones, zone, at) }

// MayBeIn says that whoever has an E.164 number may live by the clock of a zone: it
// is that of one of the zones in which the number may be, or, of a number that moves
// with its owner, of one in which its country code is used. Where nobody knows the
// zones of a number it may be anywhere.
func MayBeIn(e164, zone string, at time.Time) bool {
	p, ok := Locate(e164)
	if !ok || len(p.Zones) == 0 || p.ShowsClockOf(zone, at) {
		return true
	}
	return slices.Contains(p.Types, Mobile) && showsClockOf(zonesOfCode(e164), zone, at)
}

// zonesOfCode are those of all numbers with the country code of this one.
func zonesOfCode(e164 string) []string {
	n, err := phonenumbers.Parse(e164, unknown)
	if err != nil {
		return nil
	}
	n.NationalNumber = new(uint64)
	zones, err := timezone.GetTimeZonesForGeographicalNumber(n)
	if err != nil || slices.Contains(zones, timezone.Unknown) {
		return nil
	}
	return zones
}

func showsClockOf(zones []string, zone string, at time.Time) bool {
	if slices.Contains(zones, zone) {
		return true
	}
	there, err := time.LoadLocation(zone)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(zones, func(name string) bool {
		here, err := time.LoadLocation(name)
		return err == nil && sameClock(here, there, at)
	})
}

func sameClock(a, b *time.Location, at time.Time) bool {
	for week := range 53 {
		day := at.AddDate(0, 0, 7*week)
		_, here := day.In(a).Zone()
		if _, there := day.In(b).Zone(); here != there {
			return false
		}
	}
	return true
}
