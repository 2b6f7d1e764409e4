package page

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/appointments"
	"ringback/leads/view"
)

// entryRow is one line of a timeline.
type entryRow struct {
	At     moment
	Kind   string // also a class of the style sheet
	Text   string
	Detail string // what a person has written
	How    string // by what somebody did it
	Fault  string // what a machine said of it, in English: for administrators
}

// pager leads to other parts of a list; empty: there is none.
type pager struct{ Newer, Older string }

// historyPages lead from a part of a history, on a card of ours, to what is older,
// and back to the newest.
func historyPages(r *http.Request, card, older string) (p pager) {
	if older != "" {
		p.Older = with(card, nil, "older", older) + "#history"
	}
	if r.URL.Query().Has("older") {
		p.Newer = card + "#history"
	}
	return p
}

func (t *teller) timeline(list []view.Entry) []entryRow {
	rows := make([]entryRow, len(list))
	for i := range list {
		rows[i] = t.entry(&list[i])
	}
	return rows
}

// entry says an entry of the timeline in plain words. Nothing of a history is left
// out: a kind that the catalog does not know is shown nearly as it stands.
func (t *teller) entry(e *view.Entry) entryRow {
	who := t.doer(e.Who)
	row := entryRow{At: t.moment(e.At.Time), Kind: shade[e.Kind], How: t.how(e)}
	said := func(what string) string {
		return ending(t.say("entry."+e.Kind, "who", who, "channel", t.channel(e.Channel), "about", what), what)
	}
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
	case leads.EntryAsked:
		row.Text, row.Detail = t.asked(e, who)
	case leads.EntryNoted:
		row.Text, row.Detail = t.say("entry.noted", "who", who), lines(e.Detail)
	case leads.EntryMerged:
		_, name, _ := strings.Cut(e.Detail, " ") // after its id
		row.Text, row.Detail = t.say("entry.merged"), alert.Clean(name)
	case leads.EntryFoundLate:
		row.Text = t.say("entry.found_late", "d", t.lasted(e.Detail))
	case leads.EntryAlertSent, leads.EntryAlertWould:
		row.Text = t.say("entry."+e.Kind, "who", who, "channel", t.channel(e.Channel), "about", t.known("about.", e.Detail))
	case leads.EntryAlertFailed, leads.EntryAlertDoubt:
		what, fault := t.undelivered(e.Detail)
		row.Text, row.Fault = said(what), fault
	case leads.EntrySkipped, leads.EntryDropped, leads.EntryCallNot:
		what, fault := t.spared(e.Detail)
		row.Text, row.Fault = said(what), fault
	case leads.EntryRobotCall, appointments.EntryTried:
		what, fault := t.came(e.Detail)
		row.Text, row.Fault = said(what), fault
	case leads.EntryClick:
		row.Text = said(t.known("click.", e.Detail))
	case leads.EntryCard:
		row.Text, row.Detail = t.card(who), t.changes(e)
	case leads.EntryJoined:
		row.Text = said(alert.Clean(e.Detail))
	case leads.EntryChose:
		row.Text = t.say("entry.chose", "who", who)
		if len(e.Changes) > 0 {
			row.Text, row.Detail = row.Text+":", t.changes(e)
		}
	case leads.EntryAccount:
		if row.Text = said(t.known("account.", e.Detail)); len(e.Changes) > 0 {
			row.Detail = t.changes(e)
		}
	case leads.EntryAway:
		row.Text = said(t.span(e.Detail))
	case appointments.EntryBooked, appointments.EntryMoved, appointments.EntryReminder:
		row.Text = said(t.clock(e.Detail))
	case appointments.EntryAnswered:
		row.Text = said(t.known("reminder.", e.Detail))
	case appointments.EntryNotMade:
		what, fault := t.unmade(e.Detail)
		row.Text, row.Fault = said(what), fault
	default: // these have no detail that says more
		if row.Text = said(""); !t.words.Has("page.entry." + e.Kind) {
			row.Text = strings.TrimSpace(strings.ReplaceAll(alert.Clean(e.Kind), "_", " ") + " " + who)
		}
	}
	return t.guarded(row)
}

// guarded keeps what machines say from people who can do nothing about it.
func (t *teller) guarded(row entryRow) entryRow {
	if row.Fault = alert.Clean(row.Fault); t.visitor == nil || !t.visitor.All {
		row.Fault = ""
	}
	return row
}

// ending is a text with what it leads up to; without that it ends before the colon.
func ending(text, what string) string {
	if what == "" {
		return strings.TrimRight(text, ":— ")
	}
	return text + " " + what
}

// doer is who did something: a person, a phone, a program, or the client by a key.
func (t *teller) doer(who string) string {
	if who == theClient {
		return t.say("the_client")
	}
	return t.person(who)
}

// theClient is the name under which a client enters something by a key.
const theClient = "client"

// deeds are the entries whose channel says by what somebody did it.
var deeds = map[string]bool{
	leads.EntryAsked: true, leads.EntryAssigned: true, leads.EntryClosed: true, leads.EntryAcknowledged: true, leads.EntryHandedOn: true,
	leads.EntryNobodyElse: true, leads.EntryNoted: true, leads.EntryLater: true, leads.EntryAway: true, leads.EntryBack: true,
	leads.EntryChose: true, leads.EntryClick: true, leads.EntryCard: true, leads.EntryMerged: true, leads.EntryJoined: true,
	leads.EntryAgreed: true, leads.EntryRefused: true, leads.EntryAccount: true,
	appointments.EntryBooked: true, appointments.EntryMoved: true, appointments.EntryChanged: true, appointments.EntryCancelled: true,
}

// unsaid are the entries whose words do not name who did it.
var unsaid = map[string]bool{leads.EntryMerged: true, leads.EntryJoined: true, appointments.EntryBooked: true, appointments.EntryMoved: true,
	appointments.EntryChanged: true, appointments.EntryCancelled: true}

// actorSaid are the entries whose words name the actor already.
var actorSaid = map[string]bool{leads.EntryAssigned: true, leads.EntryHandedOn: true}

// how says by what somebody did it, and who that was where the words do not.
func (t *teller) how(e *view.Entry) string {
	if !deeds[e.Kind] {
		return ""
	}
	how := t.known("how.", e.Channel)
	if name, is := strings.CutPrefix(e.Channel, leads.Program("")); is {
		how = t.say("how.program", "name", alert.Clean(name))
	}
	if unsaid[e.Kind] {
		return strings.Trim(t.doer(cmp.Or(e.Actor, e.Who))+", "+how, ", ")
	}
	if e.Actor != "" && e.Actor != e.Who && !actorSaid[e.Kind] {
		how = strings.TrimSuffix(t.say("said_by", "who", t.person(e.Actor))+", "+how, ", ")
	}
	return how
}

// channel is how a way to tell people is called: one of which the administrator
// has written the name has that.
func (t *teller) channel(name string) string { return t.known("channel.", name) }

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

// asked says who asked for a call back, and what about.
func (t *teller) asked(e *view.Entry, who string) (said, about string) {
	about = alert.Line(e.Detail, leads.MaxWhy)
	switch {
	case e.Detail == leads.AskedByKey:
		said, about = t.say("entry.asked_by_key"), ""
	case who == "":
		said = t.say("entry.asked")
	default:
		said = t.say("entry.asked_by", "who", who)
	}
	if about == "" {
		return ending(said, ""), ""
	}
	return said, about
}

// until says of an entry whose detail is a time until when it holds.
func (t *teller) until(e *view.Entry, who string) string {
	clock := ""
	if at, err := time.Parse(time.RFC3339, e.Detail); err == nil {
		clock = t.moment(at).Clock
	}
	switch {
	case e.Kind != leads.EntryWaits:
		return t.say("entry."+e.Kind, "who", who, "until", clock)
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
