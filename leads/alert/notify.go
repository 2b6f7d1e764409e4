package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/jobs"
)

// giveUpAfter is how long a message is worth sending.
const giveUpAfter = 30 * time.Minute

// usualTimeout bounds one Send of a channel that does not say.
const usualTimeout = 15 * time.Second

// company is how long it may take until it is written down that a message was
// sent.
const company = 100 * time.Millisecond

// retries are the pauses before a message to somebody who is away is tried again.
var retries = []time.Duration{15 * time.Second, time.Minute, 3 * time.Minute, 10 * time.Minute}

// What the timeline says of messages that were not sent in peace.
const (
	cutOff     = "the daemon stopped while it was being sent"
	timeRanOut = "its time ran out"
	noChannel  = "the channel is not configured any more"
)

// notify is the work of one channel.
func (l *Ladder) notify(ch Named) jobs.Work {
	timeout := ch.Timeout
	if timeout == 0 {
		timeout = usualTimeout
	}
	patience := time.Duration(0)
	if ch.Crash == jobs.Repeat { // a crash meanwhile has it sent again, and that does no harm
		patience = company
	}
	return jobs.Work{
		Kind: kindOf(ch.Name), Crash: ch.Crash, Workers: 4, Timeout: timeout, AtOnce: true, Patience: patience,
		Do:      func(ctx context.Context, j jobs.Job) jobs.Result { return l.send(ctx, ch, j) },
		InDoubt: func(tx *db.Tx, j jobs.Job) error { return l.inDoubt(tx, j, cutOff) },
		Expired: func(tx *db.Tx, j jobs.Job) error { return l.givenUp(tx, j, timeRanOut) },
		GaveUp:  func(tx *db.Tx, j jobs.Job, err error) error { return l.givenUp(tx, j, err.Error()) },
	}
}

// send makes one attempt. Only the last failure is noted: one message leaves
// one entry.
func (l *Ladder) send(ctx context.Context, ch Named, j jobs.Job) jobs.Result {
	var m Message
	if err := json.Unmarshal(j.Payload, &m); err != nil {
		return jobs.Result{Err: fmt.Errorf("alert: message: %w", err)}
	}
	if l.cfg.Mode != Act { // it was promised when people were told
		return jobs.Result{Note: func(tx *db.Tx) error { return note(tx, ch.Name, &m, leads.EntryAlertWould, string(m.Why)) }}
	}
	if j.Attempt == 1 && !m.Double && !m.Due.IsZero() { // an older daemon's message has no Due
		l.late.WithLabelValues(ch.Name).Observe(time.Since(m.Due).Seconds())
	}
	outcome, detail := ch.Channel.Send(ctx, m)
	l.sent.WithLabelValues(ch.Name, string(outcome)).Inc()
	if outcome == Sent {
		return jobs.Result{Note: func(tx *db.Tx) error { return note(tx, ch.Name, &m, leads.EntryAlertSent, string(m.Why)) }}
	}
	err := fmt.Errorf("alert: %s to %s: %s: %s", ch.Name, m.To, outcome, detail)
	l.cfg.Log.Warn("an alert was not delivered", "channel", ch.Name, "to", m.To, "lead", m.Lead, "outcome", outcome, "detail", detail, "attempt", j.Attempt)
	again := outcome == Unreachable || outcome == TimedOut && ch.Crash == jobs.Repeat
	if again && !ch.Once && len(m.Turn) == 0 && j.Attempt <= len(retries) {
		return jobs.Result{Again: retries[j.Attempt-1], Err: err}
	}
	detail = fmt.Sprintf("%s: %s", outcome, detail)
	if outcome == TimedOut && ch.Crash == jobs.InDoubt {
		return jobs.Result{Err: err, Doubt: true, Note: func(tx *db.Tx) error { return l.inDoubt(tx, j, detail) }}
	}
	kind := leads.EntryAlertFailed
	if outcome == TimedOut {
		kind = leads.EntryAlertDoubt
	}
	return jobs.Result{Err: err, Note: func(tx *db.Tx) error { return l.lose(tx, j, &m, kind, detail) }}
}

// inDoubt follows a message of which nobody knows whether it was taken, because
// the daemon died while it was being sent or no answer came: it is not repeated,
// the next rung comes forward. After the last rung, and where there is no ladder,
// it is repeated, and says that it may be a double (DESIGN.md §6).
func (l *Ladder) inDoubt(tx *db.Tx, j jobs.Job, why string) error {
	var m Message
	if err := json.Unmarshal(j.Payload, &m); err != nil {
		return fmt.Errorf("alert: message: %w", err)
	}
	if err := note(tx, j.Lane, &m, leads.EntryAlertDoubt, why); err != nil {
		return err
	}
	if m.Lead != 0 {
		lead, _, err := l.standing(tx, m.Lead, m.Ladder)
		if err != nil || lead == nil {
			return err
		}
		if m.Why != RangAgain && !m.Last {
			return leads.BringForward(tx, lead, leads.RungDue{Ladder: m.Ladder, Rung: m.Rung + 1}, tx.Now(), leads.After(j))
		}
	}
	if m.Double { // it was repeated once already
		if done, err := l.nextInTurn(tx, j, &m); err != nil || done {
			return err
		}
		return l.passOn(tx, j, &m)
	}
	if m.Why.lists() {
		if tried, _, err := l.told(tx, j, &m); err != nil || slices.ContainsFunc(tried, func(s jobs.Standing) bool { return s.State == jobs.Done }) {
			return err // another channel has delivered it
		}
	}
	return l.repeat(tx, j, m)
}

// repeat sends a message once more, as one that may be a double.
func (l *Ladder) repeat(tx *db.Tx, j jobs.Job, m Message) error {
	m.Double = true
	for _, ch := range l.cfg.Channels {
		if ch.Name == j.Lane {
			m.ID += again
			return l.promise(tx, ch, m, j.Key+again)
		}
	}
	if err := l.tell(tx, m, m.without(j.Lane)); err != nil { // its channel is gone
		return err
	}
	return l.passOn(tx, j, &m)
}

// givenUp follows a message that was never handed over.
func (l *Ladder) givenUp(tx *db.Tx, j jobs.Job, why string) error {
	var m Message
	if err := json.Unmarshal(j.Payload, &m); err != nil {
		return errors.Join(fmt.Errorf("alert: message: %w", err), errors.New(why))
	}
	return l.lose(tx, j, &m, leads.EntryAlertFailed, why)
}

func note(tx *db.Tx, channel string, m *Message, kind, detail string) error {
	return leads.Note(tx, m.entry(kind, channel, detail))
}
