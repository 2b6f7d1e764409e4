package told

import "ringback/routing"

// Kind is a kind of alert that people choose for.
type Kind string

const (
	NewLead   Kind = "new_lead"   // somebody has become theirs to call back
	RangAgain Kind = "rang_again" // and has rung again
	Overdue   Kind = "overdue"    // to the supervisor: nobody has called back
	Left      Kind = "absent"     // to the supervisor: what somebody owes who is away
	Digest    Kind = "digest"     // leads that were found too late for more
	Reminder  Kind = "reminder"   // what became of a reminder
)

// Kinds lists every kind, in the order of the settings.
var Kinds = []Kind{NewLead, RangAgain, Overdue, Left, Digest, Reminder}

// canBeOff are the kinds that nobody needs: the others keep one channel that
// works, so that a lead never is a secret.
var canBeOff = map[Kind]bool{RangAgain: true, Left: true}

// CanBeOff says whether people may choose not to be told at all.
func (d *Desk) CanBeOff(k Kind) bool { return canBeOff[k] && !d.Immediate(k) }

// Immediate says that the administrator lets nobody put this kind off.
func (d *Desk) Immediate(k Kind) bool { return d.cfg.Policy[k].Must == Immediately }

// Policy is what the administrator lays down, by kind.
type Policy map[Kind]Rule

// Rule is what the administrator lays down for one kind.
type Rule struct {
	// Must is Immediately where neither quiet times nor digests hold a message
	// back; empty: people choose.
	Must Must `yaml:"must"`
}

// Must is what nobody can choose otherwise.
type Must string

// Immediately is at once, by one channel at least.
const Immediately Must = "immediate"

// SeesKind says whether alerts of a kind can come to a person at all.
func SeesKind(d *routing.Directory, login string, k Kind) bool {
	if k != Overdue && k != Left {
		return true
	}
	for i := range d.Pools {
		if d.Pools[i].Supervisor == login {
			return true
		}
	}
	return false
}
