package page

import (
	"fmt"
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
		rows = append(rows, gapRow{PBX: g.PBX, Bad: g.State() != leads.GapDone || g.Unconfirmed > 0, Since: t.moment(g.Since), Until: t.moment(g.Until), Text: gapText(g)})
	}
	return rows
}

// gapText says what is known of a blind interval. Why records cannot be read
// stays in the API and the log: it may name addresses.
func gapText(g *leads.Gap) string {
	found := fmt.Sprintf("found in the call records: %d, missed: %d", g.Recovered, g.Missed)
	if g.Unconfirmed > 0 {
		found += fmt.Sprintf("; not known how they ended: %d", g.Unconfirmed)
	}
	switch g.State() {
	case leads.GapUnread:
		found = "calls that began and ended then are not known: no call records are configured"
		if g.Unconfirmed > 0 {
			found += fmt.Sprintf("; seen before, and not known how they ended: %d", g.Unconfirmed)
		}
	case leads.GapReading:
		found = "its call records are being read"
		if g.Error != "" {
			found = "its call records cannot be read: ringback doctor and the log say why"
		}
	}
	return causes[g.Cause] + "; " + found
}

// causes say why a PBX was not watched.
var causes = map[leads.Cause]string{
	leads.Stopped:    "Ringback did not run",
	leads.Unwatched:  "the PBX could not be reached",
	leads.Replaced:   "another program had taken the name of our ARI application",
	leads.Overflowed: "the database could not be written for too long",
}
