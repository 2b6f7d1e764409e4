package told

import (
	"time"

	"ringback/routing"
)

// Returns is when somebody is back who leaves at t and says no more than that: when
// their next working day begins, by their own hours, or by those of their pools where
// they have none; or tomorrow, where these have none either.
func (d *Desk) Returns(login string, t time.Time) time.Time {
	if m := d.cfg.Directory.Manager(login); m != nil && !m.Hours.Always() {
		if opens := m.Hours.NextDay(t); !opens.IsZero() {
			return opens
		}
	}
	var first time.Time
	for i := range d.cfg.Directory.Pools {
		p := &d.cfg.Directory.Pools[i]
		if opens := p.Hours.NextDay(t); works(p, login) && !opens.IsZero() && (first.IsZero() || opens.Before(first)) {
			first = opens
		}
	}
	if !first.IsZero() {
		return first
	}
	year, month, day := t.In(d.Zone(login)).Date()
	return time.Date(year, month, day+1, 0, 0, 0, 0, d.Zone(login))
}

// works says that a pool's hours are somebody's.
func works(p *routing.Pool, login string) bool { return p.Has(login) || p.Supervisor == login }
