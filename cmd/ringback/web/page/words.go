package page

import (
	"strings"
	"time"

	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/view"
)

// say says what the catalog has for pages under the id, in the reader's language.
func (t *teller) say(id string, pairs ...any) string { return t.words.Say("page."+id, pairs...) }

// known says it of an id that ends in a word from elsewhere; a word that the
// catalog lacks stands for itself.
func (t *teller) known(prefix, word string, pairs ...any) string {
	if id := "page." + prefix + word; word != "" && t.words.Has(id) {
		return t.words.Say(id, pairs...)
	}
	return alert.Clean(word)
}

// why says the reason of a verdict.
func (t *teller) why(reason string) string { return t.known("reason.", reason) }

// settled says how a lead was closed.
func (t *teller) settled(outcome, who string) string {
	return t.known("settled.", outcome, "who", who)
}

// entryRow is one line of a timeline. Detail stands apart because it may come
// from outside.
type entryRow struct {
	At     moment
	Kind   string // also a class of the style sheet
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

// entry says an entry of the timeline in plain words. A kind that the catalog
// does not know is shown as it stands: nothing of a history is left out.
func (t *teller) entry(e *view.Entry) entryRow {
	who := t.person(e.Who)
	row := entryRow{At: t.moment(e.At.Time), Kind: shade[e.Kind]}
	switch e.Kind {
	case leads.EntryMissed, leads.EntrySettledBefore:
		row.Text = t.say("entry."+e.Kind, "why", t.why(e.Detail))
	case leads.EntryAssigned, leads.EntryHandedOn:
		row.Text = t.given(e, who)
	case leads.EntryWaits, leads.EntryHeld, leads.EntryAcknowledged, leads.EntryLater:
		row.Text = t.until(e, who)
	case leads.EntryTried:
		row.Text = t.tried(e, who)
	case leads.EntryClosed:
		row.Text = t.say("entry.closed", "how", t.settled(e.Detail, who))
	case leads.EntryNoted:
		row.Text, row.Detail = t.say("entry.noted", "who", who), lines(e.Detail)
	case leads.EntryAsked:
		row.Text, row.Detail = t.asked(e, who), alert.Clean(e.Detail)
	case leads.EntryFoundLate:
		row.Text = t.say("entry.found_late", "d", t.lasted(e.Detail))
	case leads.EntryAlertSent, leads.EntryAlertWould:
		row.Text = t.say("entry."+e.Kind, "who", who, "channel", alert.Clean(e.Channel), "about", t.known("about.", e.Detail))
	case leads.EntryAnswered, leads.EntryDigest, leads.EntrySuspicious, leads.EntryAckEnded, leads.EntryNobodyElse, leads.EntryTalkedElse,
		leads.EntryCallDue, leads.EntryCallWould, leads.EntryNobodyToTell, leads.EntryBegun:
		row.Text = t.say("entry."+e.Kind, "who", who)
	default:
		row.Text, row.Detail = t.known("entry.", e.Kind, "who", who, "channel", alert.Clean(e.Channel)), t.known("why.", e.Detail)
		if !t.words.Has("page.entry." + e.Kind) {
			row.Text += " " + who
		}
	}
	return row
}

// shade is how entries that matter more than others are set off.
var shade = map[string]string{
	leads.EntryMissed: "missed", leads.EntryClosed: "answered", leads.EntryAlertFailed: "missed", leads.EntryNobodyToTell: "missed",
	leads.EntryAcknowledged: "running", leads.EntryTalkedElse: "running",
}

// given says to whom a lead was given, why, and by whom.
func (t *teller) given(e *view.Entry, who string) string {
	by, byAnother := t.person(e.Actor), e.Actor != "" && e.Actor != e.Who
	switch id := "entry.assigned." + e.Detail; {
	case e.Kind == leads.EntryHandedOn && byAnother && e.Actor != e.Detail:
		return t.say("entry.handed_on_by", "who", who, "by", t.person(e.Detail), "actor", by)
	case e.Kind == leads.EntryHandedOn && e.Actor == e.Who && e.Actor != "":
		return t.say("entry.taken_from", "who", who, "by", t.person(e.Detail))
	case e.Kind == leads.EntryHandedOn:
		return t.say("entry.handed_on", "who", who, "by", t.person(e.Detail))
	case byAnother:
		return t.say("entry.assigned_by", "who", who, "by", by)
	case t.words.Has("page." + id):
		return t.say(id, "who", who)
	}
	return t.say("entry.assigned", "who", who)
}

// asked says who asked for a call back.
func (t *teller) asked(e *view.Entry, who string) string {
	if who == "" {
		return t.say("entry.asked")
	}
	return t.say("entry.asked_by", "who", who)
}

// lines are what a person has written, line by line.
func lines(s string) string {
	list := strings.Split(s, "\n")
	for i := range list {
		list[i] = alert.Line(list[i], leads.MaxRemark)
	}
	return strings.Join(list, "\n")
}

// until says of an entry whose detail is a time until when it holds.
func (t *teller) until(e *view.Entry, who string) string {
	clock := ""
	if at, err := time.Parse(time.RFC3339, e.Detail); err == nil {
		clock = t.moment(at).Clock
	}
	switch {
	case e.Kind != leads.EntryWaits:
		return t.say("entry."+e.Kind, "who", who, "channel", alert.Clean(e.Channel), "until", clock)
	case clock == "":
		return t.say("entry.waits")
	}
	return t.say("entry.waits_until", "until", clock)
}

// tried says who tried to reach the contact, and how long a talk was that did
// not reach anybody.
func (t *teller) tried(e *view.Entry, who string) string {
	if d, err := time.ParseDuration(e.Detail); err == nil && d > 0 {
		return t.say("entry.tried_talked", "who", who, "d", t.length(d))
	}
	return t.say("entry.tried", "who", who)
}

// lasted says a duration that an entry has for its detail.
func (t *teller) lasted(detail string) string {
	d, err := time.ParseDuration(detail)
	if err != nil {
		return alert.Clean(detail)
	}
	return t.length(d)
}
