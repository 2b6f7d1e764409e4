package leads

import (
	"slices"

	"ringback/routing"
)

// Sight is what somebody may see and change: the same of both.
type Sight struct {
	// Login is who it is; empty: a program.
	Login string
	// All says that it is everything: an administrator's, a program's, that of a
	// supervisor of the whole company.
	All bool
	// Supervises are the pools all of which they see, Pools those of which they
	// see what is theirs or nobody's.
	Supervises, Pools []string
	// Only, where it is not 0, is the one lead that they see of what they could:
	// they came by the link of an alert, which is worth as much as logging in.
	Only int64
}

// SightOf is what a person of the directory sees; false: there is no such person.
func SightOf(d *routing.Directory, login string) (Sight, bool) {
	m := d.Manager(login)
	if m == nil {
		return Sight{}, false
	}
	s := Sight{Login: login, All: m.Role == routing.Admin || m.Role == routing.Supervisor}
	for i := range d.Pools {
		p := &d.Pools[i]
		if p.Supervisor == login {
			s.Supervises = append(s.Supervises, p.Name)
		} else if p.Has(login) {
			s.Pools = append(s.Pools, p.Name)
		}
	}
	return s, true
}

// Everything is what programs see, and the daemon itself.
var Everything = Sight{All: true}

// Sees says whether a lead of the pool, which is that manager's, is in sight; an
// empty manager is nobody.
func (s *Sight) Sees(lead int64, pool, manager string) bool {
	switch {
	case s.Only != 0 && s.Only != lead:
		return false
	case s.All, slices.Contains(s.Supervises, pool):
		return true
	case manager == "":
		return slices.Contains(s.Pools, pool)
	}
	return s.Login != "" && manager == s.Login
}

// Leads says whether somebody leads others: a supervisor, or an administrator.
func (s *Sight) Leads() bool { return s.Only == 0 && (s.All || len(s.Supervises) > 0) }
