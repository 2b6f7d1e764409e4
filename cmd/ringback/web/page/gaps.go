package page

import (
	"time"

	"ringback/leads"
)

// askedGaps is how many of the newest blind intervals are looked at.
const askedGaps = 100

// The front page shows so many gaps of so long ago.
const (
	recentGaps   = 5
	gapIsRecent  = 24 * time.Hour
	gapIsNothing = 3 * time.Second // a reconnect in which nobody had rung
)

// gapRow is a blind interval for people.
type gapRow struct {
	PBX          string
	Bad          bool
	Since, Until moment
	Text         string
}

// gaps are the newest blind intervals of the last day that somebody should know
// of: those whose records are not read yet, and those in which calls were.
func (t *teller) gaps(list []*leads.Gap) (rows []gapRow) {
	for _, g := range list {
		short := g.Until.Sub(g.Since) < gapIsNothing && g.Recovered+g.Unconfirmed == 0
		if t.now.Sub(g.Until) > gapIsRecent || short && g.State() != leads.GapReading || len(rows) == recentGaps {
			continue
		}
		rows = append(rows, gapRow{PBX: g.PBX, Bad: g.State() != leads.GapDone || g.Unconfirmed > 0, Since: t.moment(g.Since), Until: t.moment(g.Until), Text: t.gapText(g)})
	}
	return rows
}

// gapText says what is known of a blind interval. Why records cannot be read
// stays in the API and the log: it may name addresses.
func (t *teller) gapText(g *leads.Gap) string {
	found := t.say("gap.found", "found", g.Recovered, "missed", g.Missed)
	if g.Unconfirmed > 0 {
		found += "; " + t.say("gap.unknown", "k", g.Unconfirmed)
	}
	switch g.State() {
	case leads.GapUnread:
		found = t.say("gap.unread")
		if g.Unconfirmed > 0 {
			found += "; " + t.say("gap.unread_unknown", "k", g.Unconfirmed)
		}
	case leads.GapReading:
		found = t.say("gap.reading")
		if g.Error != "" {
			found = t.say("gap.error")
		}
	}
	return t.known("cause.", string(g.Cause)) + "; " + found
}
