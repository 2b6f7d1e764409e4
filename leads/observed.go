package leads

import (
	"context"
	"fmt"
	"time"

	"ringback/leads/db"
	"ringback/leads/jobs"
)

// Observed is the outcome of leads that were opened while the daemon only
// observed, and were old when it began to act.
const Observed Outcome = "observed"

// observedFor is how old a miss may be for which somebody is told when the
// daemon begins to act.
const observedFor = 24 * time.Hour

// BeginToAct deals with the open leads of which nobody was told, because the
// daemon only observed until now. The ladder of a recent one begins anew, so
// that its manager hears of it before any supervisor; an older one is closed.
// It does nothing where people were told all the time. Of each lead it takes the
// decision once: what is told may wait for the opening, for the end of a quiet
// time or for a channel, and the daemon be started again meanwhile.
func (b *Book) BeginToAct(ctx context.Context) error {
	var begun, closed int
	err := b.db.Do(ctx, func(tx *db.Tx) error {
		begun, closed = 0, 0
		list, err := selectLeads(tx, `SELECT `+leadColumns+` FROM leads WHERE closed IS NULL AND manager <> ''
			AND EXISTS (SELECT 1 FROM timeline t WHERE t.lead = leads.id AND t.kind IN ($1, $2))
			AND NOT EXISTS (SELECT 1 FROM timeline t WHERE t.lead = leads.id AND t.kind IN ($3, $4, $5, $6, $7, $8)) ORDER BY id`,
			EntryAlertWould, EntryCallWould, EntryAlertSent, EntryAlertFailed, EntryAlertDoubt, EntryCallDue, EntryHeld, EntryBegun)
		if err != nil {
			return err
		}
		for i := range list {
			l := &list[i]
			if tx.Now().Sub(l.LastMissed) > observedFor {
				closed++
				err = b.close(tx, l, Observed, Entry{})
			} else {
				begun++
				err = b.climbAnew(tx, l)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("leads: begin to act: %w", err)
	}
	if begun+closed > 0 {
		b.log.Info("the daemon only observed until now", "leads told of from now on", begun, "older leads closed as observed", closed)
	}
	return nil
}

// climbAnew begins the ladder of a lead from its first rung; what is booked of
// the old one is withdrawn.
func (b *Book) climbAnew(tx *db.Tx, l *Lead) error {
	pool := b.office.Directory.Pool(l.Pool)
	if pool == nil {
		return fmt.Errorf("leads: lead %d: no pool %q", l.ID, l.Pool)
	}
	if _, err := jobs.CancelLead(tx, l.ID, ""); err != nil {
		return err
	}
	if err := Note(tx, Entry{Lead: Ref(l.ID), Contact: l.Contact, Kind: EntryBegun}); err != nil {
		return err
	}
	return b.climb(tx, l, pool, tx.Now())
}
