package feed

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"ringback/leads"
)

// The types of events that an entry of the timeline does not tell by its kind
// alone.
const (
	leadOpened    = "lead.opened"     // the first of its misses, or of its requests
	leadRangAgain = "lead.rang_again" // a later miss
	leadAsked     = "lead.asked"      // a later request
	Ping          = "ping"            // posted by hand, to see whether a hook works
)

// types are the events that entries of a lead are told as. Receivers rely on the
// names.
var types = map[string]string{
	leads.EntryWaits:        "lead.waits",
	leads.EntryAssigned:     "lead.assigned",
	leads.EntryAcknowledged: "lead.taken",
	leads.EntryLater:        "lead.later",
	leads.EntryAckEnded:     "lead.released",
	leads.EntryHandedOn:     "lead.handed_on",
	leads.EntryNobodyElse:   "lead.nobody_else",
	leads.EntryNoted:        "lead.noted",
	leads.EntryTried:        "lead.attempt",
	leads.EntryTalkedElse:   "lead.talked",
	leads.EntryClosed:       "lead.closed",
	leads.EntrySuspicious:   "lead.suspicious",
	leads.EntryFoundLate:    "lead.found_late",
	leads.EntryAlertSent:    "alert.sent",
	leads.EntryAlertFailed:  "alert.failed",
	leads.EntryAlertDoubt:   "alert.in_doubt",
	leads.EntryAlertWould:   "alert.would_send",
	leads.EntryNobodyToTell: "alert.nobody_to_tell",
	leads.EntryDigest:       "alert.digest",
	leads.EntryCallWould:    "alert.would_call",
	leads.EntryCallNot:      "alert.not_called",
	leads.EntryRobotCall:    "alert.called",
	leads.EntrySkipped:      "alert.skipped",
	leads.EntryHeld:         "alert.held",
	leads.EntryDropped:      "alert.dropped",
	leads.EntryClick:        "lead.calling",
	leads.EntryJoined:       "lead.joined",
}

// untold are entries that say nothing to others: what follows from them does.
var untold = map[string]bool{leads.EntryCallDue: true, leads.EntryChose: true, leads.EntryBegun: true, leads.EntryAccount: true}

// ofContact are the events that entries about a contact alone are told as.
var ofContact = map[string]string{
	leads.EntryAnswered:      "contact.answered",
	leads.EntrySettledBefore: "contact.settled_before",
	leads.EntryNoted:         "contact.noted",
	leads.EntryCard:          "contact.changed",
	leads.EntryMerged:        "contact.merged",
	leads.EntryAgreed:        "contact.agreed",
	leads.EntryRefused:       "contact.refused",
}

// ofPeople are the events about those who call back.
var ofPeople = map[string]string{
	leads.EntryAway: "manager.away",
	leads.EntryBack: "manager.back",
}

// Types lists the types of events that a hook may name.
func Types() []string {
	list := slices.Concat([]string{leadOpened, leadRangAgain, leadAsked}, slices.Collect(maps.Values(types)), slices.Collect(maps.Values(ofContact)),
		slices.Collect(maps.Values(ofPeople)))
	slices.Sort(list)
	return list
}

// typeOf is the type of the event that an entry tells; empty: none. An entry of a
// kind that is not listed above is told by its own name.
func typeOf(e *entry) string {
	switch {
	case untold[e.kind], e.appointment.Valid:
		return ""
	case e.lead.Valid && e.opens && e.first:
		return leadOpened
	case e.lead.Valid && e.kind == leads.EntryMissed:
		return leadRangAgain
	case e.lead.Valid && e.kind == leads.EntryAsked:
		return leadAsked
	case e.lead.Valid:
		return named(types, "lead.", e.kind)
	case e.contact.Valid:
		return named(ofContact, "contact.", e.kind)
	}
	return ofPeople[e.kind]
}

func named(known map[string]string, group, kind string) string {
	if name, ok := known[kind]; ok {
		return name
	}
	return group + kind
}

// Pattern chooses types of events: one by its name, or a group as in lead.*, or
// all (*).
type Pattern string

// pattern is how patterns are written.
var pattern = regexp.MustCompile(`^(\*|[a-z]+\.(\*|[a-z_]+))$`)

// Valid says whether the pattern can be meant.
func (p Pattern) Valid() bool { return pattern.MatchString(string(p)) }

// Chooses says whether a type is among those meant.
func (p Pattern) Chooses(name string) bool {
	group, all := strings.CutSuffix(string(p), "*")
	return string(p) == name || all && strings.HasPrefix(name, group)
}

// chosen says whether any of the patterns means the type; no pattern: all are
// meant.
func chosen(patterns []Pattern, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p Pattern) bool { return p.Chooses(name) })
}
