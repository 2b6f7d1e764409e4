package leads

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"ringback/ari/call"
	"ringback/leads/db"
	"ringback/leads/number"
	"ringback/routing"
)

// record is the one transaction of a fact.
func (b *Book) record(tx *db.Tx, f *call.Fact) error {
	row, err := findCall(tx, f.Call.PBX, f.Call.ID)
	if err != nil {
		return err
	}
	if row.ended {
		return nil // told before
	}
	j := b.office.Judge(f.Call, tx.Now())
	switch f.Kind {
	case call.Started, call.Moved, call.Reached:
		return b.recordOpen(tx, f, &j, row)
	case call.Ended, call.Lost:
		return b.recordEnd(tx, f, &j, row)
	}
	return fmt.Errorf("leads: call %s: a fact of kind %s is not known", f.Call.ID, f.Kind)
}

// recordOpen keeps a call that runs, so that a restart can go on from it.
func (b *Book) recordOpen(tx *db.Tx, f *call.Fact, j *Judged, row callRow) error {
	contact, err := b.contactOf(tx, j, row)
	if err != nil {
		return err
	}
	c := f.Call
	c.CallerName = kept(c.CallerName)
	resume, err := writeResume(c)
	if err != nil {
		return err
	}
	if err := b.learnTrunk(tx, &c); err != nil {
		return err
	}
	open := *j
	open.Verdict, open.Reason, open.Wait, open.Talk = "", "", 0, 0
	_, err = saveCall(tx, &open, b.whose(j), row, contact, sql.NullInt64{}, resume, false)
	return err
}

// learnTrunk remembers by which trunk a call came in: a call that is found in
// mid-life after a restart is known by it to be inbound.
func (b *Book) learnTrunk(tx *db.Tx, c *call.Call) error {
	trunk := [2]string{c.PBX, c.From.Endpoint}
	if _, known := b.trunks.Load(trunk); known || c.Direction != call.Inbound || !c.From.Outside {
		return nil
	}
	if _, err := tx.Exec("INSERT INTO trunks (pbx, endpoint) VALUES ($1, $2) ON CONFLICT DO NOTHING", c.PBX, c.From.Endpoint); err != nil {
		return fmt.Errorf("leads: trunk %s: %w", c.From.Endpoint, err)
	}
	tx.AfterCommit(func() { b.trunks.Store(trunk, true) })
	return nil
}

// recordEnd gives a call its verdict and does what follows from it.
func (b *Book) recordEnd(tx *db.Tx, f *call.Fact, j *Judged, row callRow) error {
	contact, err := b.contactOf(tx, j, row)
	if err != nil {
		return err
	}
	b.checkOrigin(tx, &f.Call, j)
	row.id, err = saveCall(tx, j, b.whose(j), row, contact, sql.NullInt64{Int64: db.Millis(j.Ended), Valid: true}, "", b.settles(j))
	if err != nil {
		return err
	}
	end := &ending{b: b, tx: tx, j: j, call: row.id, contact: contact}
	switch {
	case j.Direction == call.Outbound && contact.Valid && j.Reason != routing.Own:
		err = end.triedToReach()
	case j.Verdict == routing.Answered && contact.Valid:
		err = end.gotThrough()
	case j.Verdict == routing.Missed && j.Pool != nil && j.Pool.OpensLead(j.Reason):
		err = end.missed()
	}
	if err != nil {
		return err
	}
	kind, heard := f.Kind, f.Heard
	tx.AfterCommit(func() { b.m.called(j); b.m.committed(kind, heard) })
	tx.Notify(TopicCalls, CallRecorded{ID: row.id, Judged: *j})
	return nil
}

// checkOrigin warns of the mistake that would leave every missed call unseen: a
// call to one of the lines that began in a context which is not configured as
// one of those where trunks deliver calls.
func (b *Book) checkOrigin(tx *db.Tx, c *call.Call, j *Judged) {
	if j.Direction != call.Internal || b.office.Directory.Line(c.PBX, c.Dialed, j.Dialed.Value) == nil {
		return
	}
	tx.AfterCommit(func() { b.strayedFrom(c) })
}

func (b *Book) strayedFrom(c *call.Call) {
	b.m.strayed.WithLabelValues(c.PBX).Inc()
	if _, said := b.strayed.LoadOrStore([2]string{c.PBX, c.Origin}, true); !said {
		b.log.Warn("a call to a line of the configuration did not begin in a context of inbound.contexts: such calls are taken for internal ones",
			"pbx", c.PBX, "context", c.Origin, "dialed", number.Mask(c.Dialed), "do", "add the context to asterisk[].inbound.contexts if trunks deliver calls there")
	}
}

// whose is the login of who talked in a call, or placed it; empty: nobody of the
// house has, as yet.
func (b *Book) whose(j *Judged) string {
	switch {
	case j.Reason == routing.Own || j.Direction == call.Inbound && j.Verdict != routing.Answered:
		return ""
	case j.Direction == call.Inbound || j.Long > 0 && j.Direction == call.Outbound:
		return b.office.person(j.PBX, j.Spoke)
	}
	return b.office.person(j.PBX, j.From)
}

// settles says that the call was a talk that settles misses; of a call out every
// pool has its own idea how long that must be.
func (b *Book) settles(j *Judged) bool {
	switch j.Direction {
	case call.Inbound:
		return j.Verdict == routing.Answered
	case call.Outbound:
		return j.Long > 0
	}
	return false
}

// TopicCalls is told a CallRecorded for every call that has ended.
const TopicCalls = "calls"

// CallRecorded is the note of a call that has ended and is on the disk.
type CallRecorded struct {
	ID int64
	Judged
}

// contactOf finds the contact of a call. Whoever rings from a number that is
// not known yet becomes one; whom we ring does not.
func (b *Book) contactOf(tx *db.Tx, j *Judged, row callRow) (sql.NullInt64, error) {
	switch {
	case row.contact.Valid:
		return row.contact, nil
	case j.Direction == call.Inbound && j.Reason != routing.Own:
		return findOrMakeContact(tx, j.Caller)
	case j.Direction == call.Outbound:
		return findContact(tx, j.Dialed)
	}
	return sql.NullInt64{}, nil
}

// callRow is what the database knows of a call before a fact is recorded.
type callRow struct {
	id      int64 // 0: nothing
	ended   bool
	contact sql.NullInt64
}

func findCall(tx *db.Tx, pbx, id string) (callRow, error) {
	var r callRow
	err := tx.QueryRow("SELECT id, ended IS NOT NULL, contact FROM calls WHERE pbx = $1 AND call = $2", pbx, id).
		Scan(&r.id, &r.ended, &r.contact)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return r, fmt.Errorf("leads: call %s: %w", id, err)
	}
	return r, nil
}

// saveCall writes the row of a call, which is the manager's, and returns its id.
func saveCall(tx *db.Tx, j *Judged, manager string, row callRow, contact, ended sql.NullInt64, resume string, reached bool) (int64, error) {
	pool := ""
	if j.Pool != nil {
		pool = j.Pool.Name
	}
	values := []any{string(j.Direction), j.Caller.Value, kept(j.CallerName), j.Dialed.Value, j.Line, pool,
		db.Millis(j.Started), ended, string(j.Verdict), string(j.Reason), j.Wait.Milliseconds(), j.Talk.Milliseconds(),
		strings.Join(j.Rang, " "), j.AnsweredBy, reached, j.Voicemail, contact, resume, j.Explanation, j.Source.String(), manager,
		j.Long.Milliseconds(), db.Millis(j.Parted)}
	var err error
	if row.id == 0 {
		row.id, err = tx.Insert(`INSERT INTO calls (direction, caller, caller_name, dialed, line, pool, started, ended, verdict, reason,
			wait_ms, talk_ms, rang, answered_by, reached, voicemail, contact, resume, explanation, source, manager, long_ms, parted, pbx, call)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)`,
			append(values, j.PBX, j.Call)...)
	} else {
		_, err = tx.Exec(`UPDATE calls SET direction = $1, caller = $2, caller_name = $3, dialed = $4, line = $5, pool = $6,
			started = $7, ended = $8, verdict = $9, reason = $10, wait_ms = $11, talk_ms = $12, rang = $13, answered_by = $14,
			reached = $15, voicemail = $16, contact = $17, resume = $18,
			explanation = $19, source = $20, manager = $21, long_ms = $22, parted = $23 WHERE id = $24`, append(values, row.id)...)
	}
	if err != nil {
		return 0, fmt.Errorf("leads: call %s: %w", j.Call, err)
	}
	return row.id, nil
}

// kept is a caller's name as the database holds it: bounded, and without what
// no text column of every engine takes. What shows it cleans it.
func kept(name string) string { return Clip(strings.ReplaceAll(name, "\x00", "")) }

func writeResume(c call.Call) (string, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("leads: call %s: %w", c.ID, err)
	}
	return string(text), nil
}

func readResume(text string) (call.Call, error) {
	var c call.Call
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return c, fmt.Errorf("a call that was open cannot be read back: %w", err)
	}
	return c, nil
}

// callable says that there is somebody to call back at the number.
func callable(n number.Number) bool { return n.Kind != number.Withheld }
