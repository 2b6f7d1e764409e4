package routing

import (
	"slices"
	"time"
)

// DefaultPool is the name of the mandatory pool that takes the lines that
// belong to no other.
const DefaultPool = "default"

// Line is a number that people dial.
type Line struct {
	Name string `yaml:"name"`
	// PBX is the name of the PBX where it arrives; empty: any.
	PBX string `yaml:"pbx"`
	// Numbers are all spellings of it that the trunk sends: "74951234567",
	// "+7495…", "s", an account name.
	Numbers []string `yaml:"numbers"`
	// Pool is the name of the pool it belongs to; empty: the default pool.
	Pool string `yaml:"pool"`
	// Sound is the recording that says its name to a manager, as a media URI;
	// empty: its digits are said.
	Sound string `yaml:"sound"`
}

// Device is where a manager is rung and messaged.
type Device struct {
	// PBX is the name of the PBX where the device is registered; empty: the only one.
	PBX string `yaml:"pbx"`
	// Endpoint is the device as Asterisk names it: "PJSIP/101", or "101" for PJSIP.
	Endpoint string `yaml:"endpoint"`
	// Extension is what colleagues dial to ring it, and what call lists show;
	// empty: the endpoint's name without its technology.
	Extension string `yaml:"extension"`
}

// Role is what a person may see and change beyond what is theirs.
type Role string

const (
	// Plain is a manager, who sees what is theirs or nobody's in their pools, and
	// the whole of the pools whose supervisor they are.
	Plain      Role = "manager"
	Supervisor Role = "supervisor" // of the whole company: sees and hands out every lead
	Admin      Role = "admin"      // and sees how the daemon does, and who has an account
)

// Manager is a person who calls back, or supervises those who do.
type Manager struct {
	Login string `yaml:"login"`
	Name  string `yaml:"name"`
	// Role is what they see and change; empty: manager.
	Role Role `yaml:"role"`
	// Language is that of their alerts and pages until they choose another;
	// empty: the company's.
	Language string   `yaml:"language"`
	Devices  []Device `yaml:"devices"`
	// Ring says how a robot call rings several devices.
	Ring Ring `yaml:"ring"`
	// Email is the person's address; empty: they are not reached by email.
	Email string `yaml:"email"`
	// Mobile is the person's own number for short messages, in E.164 once the
	// configuration is loaded; empty: they are not reached by any.
	Mobile string `yaml:"mobile"`
	// Telegram is the id of the person's private chat with the bot; empty: none,
	// unless they have told the bot themselves who they are.
	Telegram string `yaml:"telegram"`
	// Hours narrow when the person is on duty; none: whenever the pool is open.
	Hours Hours `yaml:"hours"`
	// Channels are the alert channels used for the person, in order; none: all
	// that are configured.
	Channels []string `yaml:"channels"`
}

// Ring names how the devices of a person are rung.
type Ring string

const (
	RingTogether Ring = "together" // all at once
	RingInTurn   Ring = "in_turn"  // one after the other, in the order of the list
)

// Pick names how a pool chooses among its managers.
type Pick string

const (
	RoundRobin Pick = "round_robin" // the one whose turn it is; the turn is kept in the database
	Random     Pick = "random"
	LeastOpen  Pick = "least_open" // the one with the fewest open leads; ties by turn
)

// Pool is the managers tied to one or more lines.
type Pool struct {
	Name       string   `yaml:"name"`
	Managers   []string `yaml:"managers"`
	Supervisor string   `yaml:"supervisor"`
	Pick       Pick     `yaml:"pick"`
	Hours      Hours    `yaml:"hours"`
	Ladder     Ladder   `yaml:"ladder"`
	// Absence says what becomes of the open leads of somebody who goes away.
	Absence Absence `yaml:"absence"`
	// CallerID is the number that is shown to those whom the pool calls; empty:
	// that of the line they rang.
	CallerID string `yaml:"caller_id"`
	// Missed overrides the company's thresholds.
	Missed Thresholds `yaml:"missed"`
	// Leads says per reason of a miss whether a lead is opened; a reason that
	// is not named opens one.
	Leads map[Reason]bool `yaml:"leads"`

	Handled HandledBy `yaml:"-"` // the company's
	Block   []string  `yaml:"-"` // the company's, E.164
}

// Absence names what becomes of the leads of somebody who goes away.
type Absence string

const (
	Keep   Absence = "keep"    // they stay, and the supervisor has a list of them; empty means it too
	HandOn Absence = "hand_on" // whose turn it is gets them
)

// OpensLead says whether a miss for this reason obliges somebody.
func (p *Pool) OpensLead(r Reason) bool {
	opens, named := p.Leads[r]
	return opens || !named
}

// Has says whether the person is one of the pool's managers.
func (p *Pool) Has(login string) bool { return slices.Contains(p.Managers, login) }

// Next chooses who gets the next lead among the managers on duty. last had the
// last turn, open counts open leads by login, roll(n) is any number below n
// (asked only for Random). The choice becomes the new last turn. It is empty
// when nobody is on duty.
func (p *Pool) Next(last string, onDuty func(login string) bool, open map[string]int, roll func(n int) int) string {
	turn := p.fromTurn(last)
	turn = slices.DeleteFunc(turn, func(login string) bool { return !onDuty(login) })
	if len(turn) == 0 {
		return ""
	}
	switch p.Pick {
	case Random:
		return turn[roll(len(turn))]
	case LeastOpen:
		return slices.MinFunc(turn, func(a, b string) int { return open[a] - open[b] })
	}
	return turn[0]
}

// fromTurn lists the managers in the order of their turns: the one after last first.
func (p *Pool) fromTurn(last string) []string {
	i := slices.Index(p.Managers, last) + 1 // unknown: from the top
	return slices.Concat(p.Managers[i:], p.Managers[:i])
}

// Ladder is the escalation of a pool: what is done while nobody acts.
type Ladder struct {
	// Settle is how long after the miss the first rung waits: who is reached
	// meanwhile is never alerted.
	Settle time.Duration `yaml:"settle"`
	// AcknowledgedFor is how long the ladder rests when somebody has taken the
	// lead on: a promise to call back is not a call.
	AcknowledgedFor time.Duration `yaml:"acknowledged_for"`
	Rungs           []Rung        `yaml:"rungs"`
}

// Rung is one step of a ladder.
type Rung struct {
	// After is counted from the end of Settle.
	After time.Duration `yaml:"after"`
	// Tell names who is told, and how.
	Tell Tell `yaml:"tell"`
}

// Tell names what a rung does.
type Tell string

const (
	TellManager     Tell = "manager"      // whose lead it is gets a message
	TellCall        Tell = "call"         // whose lead it is gets a robot call
	TellNextManager Tell = "next_manager" // the lead is handed on: the next of the pool gets a message
	TellSupervisor  Tell = "supervisor"   // the pool's supervisor gets a message
)

// Tells lists everything that a rung can do, for checks.
var Tells = []Tell{TellManager, TellCall, TellNextManager, TellSupervisor}

// DefaultLadder is the ladder of a pool that names none.
func DefaultLadder() Ladder {
	return Ladder{Settle: 20 * time.Second, AcknowledgedFor: 30 * time.Minute, Rungs: []Rung{
		{After: 0, Tell: TellManager},
		{After: 3 * time.Minute, Tell: TellCall},
		{After: 10 * time.Minute, Tell: TellNextManager},
		{After: 20 * time.Minute, Tell: TellSupervisor},
	}}
}

// At is the rung of that number, counted from 0. A ladder that was made shorter
// since the rung was booked has its last rung there: a ladder never ends in
// silence. It must have rungs.
func (l *Ladder) At(n int) Rung { return l.Rungs[min(n, len(l.Rungs)-1)] }

// Ends says that no rung comes after the one of that number.
func (l *Ladder) Ends(n int) bool { return n+1 >= len(l.Rungs) }

// Call is the number of the first rung that rings somebody, and how long after
// the ladder's first rung that is; -1: none does.
func (l *Ladder) Call() (rung int, after time.Duration) {
	rung = slices.IndexFunc(l.Rungs, func(r Rung) bool { return r.Tell == TellCall })
	if rung >= 0 {
		after = l.Rungs[rung].After - l.Rungs[0].After
	}
	return rung, after
}
