package page

import (
	"strings"
	"time"

	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/appointments"
	"ringback/leads/view"
	"ringback/routing"
)

// reasons say in plain words why a call ended as it did.
var reasons = map[routing.Reason]string{
	routing.Person:              "somebody answered",
	routing.AbandonedRinging:    "the caller hung up while it rang",
	routing.NoAnswer:            "nobody picked up in time",
	routing.Busy:                "every phone was busy",
	routing.Rejected:            "every phone declined",
	routing.Unreachable:         "no phone could be reached",
	routing.AbandonedQueue:      "the caller hung up while waiting in the queue",
	routing.QueueTimeout:        "waited too long in the queue",
	routing.QueueFull:           "the queue was full",
	routing.QueueEmpty:          "nobody was in the queue to answer",
	routing.QueueKey:            "the caller left the queue by a key",
	routing.AbandonedIVR:        "the caller hung up in the menu",
	routing.IVREnded:            "the menu ended the call",
	routing.Voicemail:           "it went to voicemail",
	routing.LostInTransfer:      "lost in a transfer",
	routing.Failed:              "the PBX could not carry it",
	routing.Unconfirmed:         "it ended while the PBX could not be watched",
	routing.Dropped:             "picked up and gone at once",
	routing.ExternalUnconfirmed: "only an outside phone answered, too short to tell",
	routing.Closed:              "outside working hours",
	routing.Short:               "hung up at once",
	routing.Handled:             "taken care of by the PBX",
	routing.Blocked:             "the caller is blocked",
	routing.Own:                 "placed by Ringback",
}

// why says a reason, also one that these words do not know.
func why(reason string) string {
	if words := reasons[routing.Reason(reason)]; words != "" {
		return words
	}
	return alert.Clean(reason)
}

// about says what an alert was about.
var about = map[string]string{
	string(alert.NewLead):   "somebody is to be called back",
	string(alert.RangAgain): "they rang again",
	string(alert.Overdue):   "nobody has called back yet",
	string(alert.Digest):    "leads that were found late",

	string(alert.NotReminded): "the client was not reminded",
	string(alert.Answered):    "the client answered the reminder",
	string(alert.Appointment): "the client was reminded",
}

// reminded says what is told of appointments and their reminders; the details
// follow.
var reminded = map[string]string{
	appointments.EntryBooked:    "An appointment was made for",
	appointments.EntryMoved:     "The appointment was moved to",
	appointments.EntryChanged:   "The appointment was changed",
	appointments.EntryCancelled: "The appointment was cancelled",
	appointments.EntryReminder:  "A reminder call is due",
	appointments.EntryTried:     "A reminder call did not reach them, and is tried again:",
	appointments.EntryAnswered:  "The reminder call ended:",
	appointments.EntryNotMade:   "No reminder call was made:",
}

// given says why a lead was given to somebody: the details of
// leads.EntryAssigned.
var given = map[string]string{
	"responsible": ", who knows them",
	"turn":        ", whose turn it was",
	"supervisor":  ", because nobody else was on duty",
	"hand":        " by hand",
}

// settled says how a lead was closed.
func settled(outcome, who string) string {
	switch leads.Outcome(outcome) {
	case leads.CalledBack:
		return who + " called back"
	case leads.ClientGotThrough:
		return "they got through to " + who
	case leads.Settled:
		return who + " said so"
	case leads.NotNeeded:
		return who + " said that nobody needs to call back"
	}
	return alert.Clean(outcome) + " by " + who
}

// entryRow is one line of a timeline. Detail stands apart because it may come
// from outside.
type entryRow struct {
	At     moment
	Text   string
	Detail string
}

func (t *teller) timeline(list []view.Entry) []entryRow {
	rows := make([]entryRow, len(list))
	for i := range list {
		rows[i] = t.entry(&list[i])
	}
	return rows
}

// entry says an entry of the timeline in plain words. A kind that these words
// do not know is shown as it stands: nothing of a history is left out.
func (t *teller) entry(e *view.Entry) entryRow {
	who := t.person(e.Who)
	row := entryRow{At: t.moment(e.At.Time)}
	switch e.Kind {
	case leads.EntryMissed:
		row.Text = "Missed call: " + why(e.Detail)
	case leads.EntryAnswered:
		row.Text = "Rang and was answered"
	case leads.EntryAsked:
		row.Text, row.Detail = "A call back was asked for:", alert.Clean(e.Detail)
	case leads.EntrySettledBefore:
		row.Text = "Missed call: " + why(e.Detail) + "; a talk has settled it already"
	case leads.EntryAssigned:
		row.Text = "Given to " + who + given[e.Detail]
	case leads.EntryWaits:
		row.Text = "Waits until the pool opens" + t.opening(e.Detail)
	case leads.EntryTried:
		row.Text = who + " tried to reach them" + talked(e.Detail)
	case leads.EntryTalkedElse:
		row.Text = who + ", who is not of this pool, talked with them: settled?"
	case leads.EntryClosed:
		row.Text = "Settled: " + settled(e.Detail, who)
	case leads.EntryNoted:
		row.Text, row.Detail = who+" noted:", e.Detail
	case leads.EntryLater:
		row.Text = who + " will call back later" + t.opening(e.Detail)
	case leads.EntryFoundLate:
		row.Text = "Found " + alert.Clean(e.Detail) + " after the call: Ringback could not see it when it happened"
	case leads.EntryDigest:
		row.Text = "Named in the digest to " + who
	case leads.EntrySuspicious, leads.EntryAcknowledged, leads.EntryAckEnded, leads.EntryHandedOn, leads.EntryNobodyElse:
		row.Text = t.handled(e, who)
	default:
		if words := reminded[e.Kind]; words != "" {
			row.Text, row.Detail = words, alert.Clean(e.Detail)
			break
		}
		row.Text, row.Detail = t.alerted(e, who)
	}
	return row
}

// handled says what somebody has done about a lead.
func (t *teller) handled(e *view.Entry, who string) string {
	switch e.Kind {
	case leads.EntrySuspicious:
		return "Never rang before and hung up at once: nobody is told until they ring again"
	case leads.EntryAcknowledged:
		return who + " has it in hand, until" + strings.TrimPrefix(t.opening(e.Detail), ",")
	case leads.EntryAckEnded:
		return "They rang again: " + who + " does not have it in hand any more"
	case leads.EntryHandedOn:
		return "Handed on by " + t.person(e.Detail) + " to " + who
	}
	return "Nobody else could take it: it stays with " + who
}

// alerted says what became of an alert.
func (t *teller) alerted(e *view.Entry, who string) (text, detail string) {
	by := who + " by " + alert.Clean(e.Channel)
	switch e.Kind {
	case leads.EntryAlertSent:
		return "Told " + by + ": " + about[e.Detail], ""
	case leads.EntryAlertWould:
		return "Would have told " + by + ": " + about[e.Detail], ""
	case leads.EntryAlertFailed:
		return "Could not tell " + by + ":", alert.Clean(e.Detail)
	case leads.EntryAlertDoubt:
		return "May have told " + by + ":", alert.Clean(e.Detail)
	case leads.EntryNobodyToTell:
		return "Nobody to tell: " + who + " has no channel", ""
	case leads.EntryCallDue:
		return "To be rung: " + who, ""
	case leads.EntryCallWould:
		return "Would have rung " + who, ""
	case leads.EntryCallNot:
		return who + " was not rung:", alert.Clean(e.Detail)
	case leads.EntryRobotCall:
		return "Robot call to " + who + ":", alert.Clean(e.Detail)
	}
	return alert.Clean(e.Kind) + " " + who, alert.Clean(e.Detail)
}

// opening says when a pool opens: the detail of leads.EntryWaits.
func (t *teller) opening(detail string) string {
	at, err := time.Parse(time.RFC3339, detail)
	if err != nil {
		return ""
	}
	return ", " + t.moment(at).Clock
}

// talked says how long a talk was that did not reach anybody: the detail of
// leads.EntryTried.
func talked(detail string) string {
	d, err := time.ParseDuration(detail)
	if err != nil || d == 0 {
		return ""
	}
	return " and talked for " + length(d)
}
