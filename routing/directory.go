package routing

import (
	"slices"
	"strings"
	"time"
)

// Directory is the configuration as it is asked at work: which line was
// dialed, whose pool that is, who stands behind a phone.
type Directory struct {
	Lines    []Line
	Managers []Manager
	Pools    []Pool
}

// Line finds the line that a trunk of pbx calls by any of the given spellings
// (as received, and in E.164); nil when no line has one.
func (d *Directory) Line(pbx string, spellings ...string) *Line {
	for _, spelling := range spellings {
		for i := range d.Lines {
			l := &d.Lines[i]
			if spelling != "" && (l.PBX == "" || l.PBX == pbx) && slices.Contains(l.Numbers, spelling) {
				return l
			}
		}
	}
	return nil
}

// LineNamed finds a line by its name; nil when there is none.
func (d *Directory) LineNamed(name string) *Line {
	for i := range d.Lines {
		if d.Lines[i].Name == name {
			return &d.Lines[i]
		}
	}
	return nil
}

// Pool finds a pool by its name, and the default pool for a name that is empty
// or no longer configured; nil only where no default pool exists.
func (d *Directory) Pool(name string) *Pool {
	var fallback *Pool
	for i := range d.Pools {
		switch d.Pools[i].Name {
		case name:
			return &d.Pools[i]
		case DefaultPool:
			fallback = &d.Pools[i]
		}
	}
	return fallback
}

// PoolOf is the pool of a line; a line that is nil or names no pool belongs to
// the default pool.
func (d *Directory) PoolOf(l *Line) *Pool {
	if l == nil {
		return d.Pool(DefaultPool)
	}
	return d.Pool(l.Pool)
}

// Manager finds a person by login; nil when there is none.
func (d *Directory) Manager(login string) *Manager {
	for i := range d.Managers {
		if d.Managers[i].Login == login {
			return &d.Managers[i]
		}
	}
	return nil
}

// Phones are the endpoints of everybody's devices at a PBX.
func (d *Directory) Phones(pbx string) []string {
	var list []string
	for i := range d.Managers {
		for j := range d.Managers[i].Devices {
			if dev := &d.Managers[i].Devices[j]; dev.PBX == "" || dev.PBX == pbx {
				list = append(list, dev.Address())
			}
		}
	}
	return list
}

// Holder finds the device behind an endpoint ("PJSIP/101") of a PBX, and the
// person it belongs to; nil when nobody's.
func (d *Directory) Holder(pbx, endpoint string) (*Manager, *Device) {
	for i := range d.Managers {
		m := &d.Managers[i]
		for j := range m.Devices {
			dev := &m.Devices[j]
			if (dev.PBX == "" || dev.PBX == pbx) && strings.EqualFold(dev.Address(), endpoint) {
				return m, dev
			}
		}
	}
	return nil, nil
}

// Address is the device as Asterisk names it, technology included.
func (d *Device) Address() string {
	if strings.Contains(d.Endpoint, "/") {
		return d.Endpoint
	}
	return "PJSIP/" + d.Endpoint
}

// ShownAs is how call lists name the device: its extension, or the endpoint
// without its technology.
func (d *Device) ShownAs() string {
	if d.Extension != "" {
		return d.Extension
	}
	_, name, _ := strings.Cut(d.Address(), "/")
	return name
}

// OnDuty says whether a person works at t by their own hours.
func (m *Manager) OnDuty(t time.Time) bool { return m.Hours.Open(t) }
