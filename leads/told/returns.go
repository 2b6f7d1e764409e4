package told

import "time"

// Returns is when somebody is back who leaves at t and says no more than that:
// at the opening of their own hours that comes after t, not counting those that
// they are in; or tomorrow, where they have no hours.
func (d *Desk) Returns(login string, t time.Time) time.Time {
	if m := d.cfg.Directory.Manager(login); m != nil && !m.Hours.Always() {
		if opens := m.Hours.NextOpening(m.Hours.NextClosing(t)); opens.After(t) {
			return opens
		}
	}
	year, month, day := t.In(d.Zone(login)).Date()
	return time.Date(year, month, day+1, 0, 0, 0, 0, d.Zone(login))
}
