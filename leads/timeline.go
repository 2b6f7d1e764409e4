package leads

import (
	"database/sql"
	"fmt"

	"ringback/leads/db"
)

// What an Entry tells. The words are shown as they are.
const (
	EntryMissed        = "missed"         // a missed call; detail: its reason
	EntryAnswered      = "answered"       // the contact rang and was answered
	EntryAsked         = "asked"          // somebody asked for a call back; detail: how
	EntryAssigned      = "assigned"       // the lead has a manager; detail: why this one
	EntryWaits         = "waits"          // the lead waits for the pool's opening; detail: when that is
	EntryTried         = "tried"          // somebody rang the contact and did not reach them; detail: how long they talked
	EntryTalkedElse    = "talked_other"   // somebody of another pool talked with the contact: settled?
	EntryClosed        = "closed"         // the lead is settled; detail: its outcome
	EntrySettledBefore = "settled_before" // a miss that opened no lead, because a talk has settled it
	EntryAlertSent     = "alert_sent"     // a message was handed to its channel
	EntryAlertFailed   = "alert_failed"   // a message was given up; detail: why
	EntryAlertDoubt    = "alert_doubt"    // a message may have been sent: the daemon died in the middle
	EntryAlertWould    = "alert_would"    // mode observe: what would have been sent
	EntryNobodyToTell  = "nobody_to_tell" // a rung that found nobody or no channel to tell by
	EntryFoundLate     = "found_late"     // the call was over long before the daemon learned of it: detail is by how much
	EntryDigest        = "digest"         // it was named in the digest to that person
	EntrySuspicious    = "suspicious"     // the caller never rang before and hung up at once: nobody is told until they ring again
	EntryAcknowledged  = "acknowledged"   // somebody has taken the lead on; channel: how; detail: until when that holds
	EntryAckEnded      = "ack_ended"      // the contact has rung again: whoever had taken the lead on is reminded of it
	EntryHandedOn      = "handed_on"      // the lead has another manager; channel: how; detail: whose it was
	EntryNobodyElse    = "nobody_else"    // the lead stays with its manager: nobody else could take it; channel: how
	EntryCallDue       = "call_due"       // the manager is to be rung
	EntryCallWould     = "call_would"     // mode observe: who would have been rung
	EntryCallNot       = "call_not"       // a rung at which nobody was rung; detail: why
	EntryNoted         = "noted"          // what a person wrote; who: they; detail: the text
	EntryLater         = "later"          // somebody has put the lead off; detail: until when
	EntryAway          = "away"           // somebody is away; detail: from/until, RFC 3339; channel: how they said so
	EntryBack          = "back"           // somebody is not away any more, or will not be after all
	EntryChose         = "chose"          // somebody has chosen how they are told
	EntrySkipped       = "alert_skipped"  // a message that was not sent on purpose; detail: why
	EntryHeld          = "alert_held"     // a message waits; detail: until when
	EntryDropped       = "alert_dropped"  // a message that waited is of no use any more; detail: why
	EntryBegun         = "begun"          // the daemon only observed until now: the ladder begins anew
	EntryRobotCall     = "robot_call"     // the manager was rung, or could not be; detail: what became of it
	EntryAccount       = "account"        // something about who comes in, and how; who: whose login, or api:NAME of a token; detail: one of Account…
	EntryClick         = "click_call"     // somebody asked to be connected with the contact; channel: how; detail: "connected", or what was in the way
)

// What is told of accounts and tokens.
const (
	AccountCameIn    = "came_in"   // by an invitation, without a password
	AccountLoggedIn  = "logged_in" // by a password
	AccountInvited   = "invited"
	AccountPassword  = "password"       // it was set or changed; all other sessions ended by it
	AccountEnded     = "session_ended"  // one of theirs
	AccountEndedAll  = "sessions_ended" // all of theirs, or all others
	AccountLocked    = "locked"
	AccountUnlocked  = "unlocked"
	AccountLanguage  = "language"
	AccountConnected = "telegram" // the chat with the bot is theirs from now on
	AccountToken     = "token_made"
	AccountRevoked   = "token_revoked"
)

// ByCommand is how somebody says something at the machine itself.
const ByCommand = "command"

// Program is how timelines call a program, by the name of its token. No login holds
// a colon: however a token is named, nobody takes its deeds for a person's, and no
// person's leads are its.
func Program(token string) string { return "api:" + token }

// Author is who does something, and how: as timelines tell it.
type Author struct {
	Who string // login of a person, or a Program; empty: nobody
	How string // ByPage and the like
}

// deeds are the entries that tell what Who has done; of the others Actor did it, or
// nobody.
var deeds = map[string]bool{
	EntryAsked: true, EntryTried: true, EntryTalkedElse: true, EntryClosed: true, EntryAcknowledged: true, EntryNoted: true, EntryLater: true, EntryAway: true,
	EntryBack: true, EntryChose: true, EntryClick: true, EntryAccount: true, EntryCard: true, EntryMerged: true, EntryJoined: true, EntryAgreed: true, EntryRefused: true,
}

// author is whose doing an entry tells; empty: nobody's.
func (e *Entry) author() string {
	switch {
	case e.Actor != "":
		return e.Actor
	case deeds[e.Kind]:
		return e.Who
	case e.Kind == EntryHandedOn && e.Channel != ByLadder && e.Channel != ByAbsence: // whoever had it has said so
		return e.Detail
	}
	return ""
}

// Entry is one line of the append-only history of a lead, contact or
// appointment.
type Entry struct {
	ID                  int64
	Lead, Contact, Call sql.NullInt64
	Appointment         sql.NullInt64
	Kind                string
	Who                 string // login or phone it is about
	Channel             string // of an alert; of what a person said: how they said it
	Detail              string
	// Actor is the login of the person who did it, where Who is another.
	Actor string
	// Changes are what was changed of what the entry is about, each cut to half of
	// MaxListed bytes.
	Changes []Change
}

// Change is what stood in a field, and what stands there now.
type Change struct {
	Field string `json:"field"`
	From  string `json:"from"`
	To    string `json:"to"`
}

// changed is how changes are kept; empty: there are none.
func changed(list []Change) string {
	if len(list) == 0 {
		return ""
	}
	short := make([]Change, len(list))
	for i, c := range list {
		short[i] = Change{c.Field, clipped(Clip(c.From), MaxListed/2), clipped(Clip(c.To), MaxListed/2)}
	}
	return string(payload(short))
}

// TopicTimeline is told every Entry that has been written.
const TopicTimeline = "timeline"

// Note appends an entry, in the transaction of what it tells.
func Note(tx *db.Tx, e Entry) error {
	var err error
	e.ID, err = tx.Insert(`INSERT INTO timeline (lead, contact, call, appointment, at, kind, who, channel, detail, actor, changes, author)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		e.Lead, e.Contact, e.Call, e.Appointment, db.Millis(tx.Now()), e.Kind, e.Who, e.Channel, e.Detail, e.Actor, changed(e.Changes), e.author())
	if err != nil {
		return fmt.Errorf("leads: timeline: %w", err)
	}
	tx.Notify(TopicTimeline, e)
	return nil
}

// Ref is the reference to a row by its id; 0 refers to none.
func Ref(id int64) sql.NullInt64 { return sql.NullInt64{Int64: id, Valid: id != 0} }
