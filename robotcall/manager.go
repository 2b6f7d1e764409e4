package robotcall

import (
	"log/slog"
	"sync"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/jobs"
)

// ManagersConfig says how managers are rung about what they owe.
type ManagersConfig struct {
	DB     *db.DB
	Dialer *Dialer
	Guard  *Guard
	Book   *leads.Book
	Office *leads.Office
	// Language of what Asterisk says, "en" or "ru"; Prompts are the company's own
	// in that language, over those made of Asterisk's sounds.
	Language string
	Prompts  Prompts
	// Ring is how long a phone rings.
	Ring time.Duration
	// Leave notes that somebody is away from now on, until their next opening say,
	// and tells until when; nil: no key says so.
	Leave func(tx *db.Tx, login string) (until time.Time, err error)
	// Disturbs says why somebody is not to be rung who did not ask for it; empty, or
	// nil: they can be.
	Disturbs func(tx *db.Tx, login string) (why string, err error)
	Log      *slog.Logger
}

// Managers rings managers, tells them what they owe, and does what they say by
// a key.
type Managers struct {
	cfg     ManagersConfig
	prompts sync.Map // name of the exchange: what it has spoken
}

// NewManagers makes them. Their Work does nothing until a jobs.Runner has it.
func NewManagers(c ManagersConfig) *Managers {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	for i := range c.Office.Directory.Managers {
		for _, device := range c.Office.Directory.Managers[i].Devices {
			c.Dialer.presence.watch(phone{device.PBX, device.Address()})
		}
	}
	return &Managers{cfg: c}
}

// Busy says whether a phone of this person has a channel just now.
func (m *Managers) Busy(login string) bool {
	person := m.cfg.Office.Directory.Manager(login)
	if person == nil {
		return false
	}
	for _, device := range person.Devices {
		if m.cfg.Dialer.presence.busy(phone{device.PBX, device.Address()}) {
			return true
		}
	}
	return false
}

// Work is the work of leads.KindCall. A call whose process died is gone on with,
// or counts as made: it is never placed again.
func (m *Managers) Work() jobs.Work {
	return jobs.Work{Kind: leads.KindCall, Crash: jobs.Repeat, Timeout: longestScript + time.Minute, Do: m.do,
		Expired: m.expired,
		GaveUp: func(tx *db.Tx, j jobs.Job, err error) error {
			e, wrong := m.errand(tx, j)
			if wrong != nil {
				return wrong
			}
			return e.fruitless(tx, err.Error())
		}}
}
