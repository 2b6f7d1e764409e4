package telegram

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/db"
	"ringback/leads/text"
)

// stale are the leads of which something has become that their alerts may not say
// yet: at the start, all whose alerts stand in chats.
type stale struct {
	mu    sync.Mutex
	leads map[int64]bool
	more  chan struct{}
}

func newStale() stale { return stale{leads: map[int64]bool{}, more: make(chan struct{}, 1)} }

const (
	// mostStale bounds them.
	mostStale = 10_000
	// retryAfter is how long an alert that could not be changed is left alone, unless
	// something else becomes stale.
	retryAfter = time.Minute
)

// changes are the entries after which an alert says something else.
var changes = map[string]bool{leads.EntryClosed: true, leads.EntryAcknowledged: true, leads.EntryLater: true, leads.EntryAckEnded: true, leads.EntryHandedOn: true, leads.EntryAssigned: true}

// hear hears the timeline.
func (s *stale) hear(note any) {
	if e, ok := note.(leads.Entry); ok && changes[e.Kind] && e.Lead.Valid {
		s.add(e.Lead.Int64)
	}
}

func (s *stale) add(lead int64) {
	s.keep(lead)
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// keep adds a lead that nobody need look at now.
func (s *stale) keep(lead int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.leads) < mostStale {
		s.leads[lead] = true
	}
}

func (s *stale) take() map[int64]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.leads
	s.leads = map[int64]bool{}
	return all
}

// remember notes where an alert stands, so that it can be changed. Where that
// fails, it stays as it is.
func (c *Channel) remember(ctx context.Context, m *alert.Message, chat, message int64, said, link string) {
	err := c.cfg.DB.Do(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(`INSERT INTO chat_alerts (chat, message, lead, login, manager, link, text) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (chat, message) DO NOTHING`, chat, message, m.Lead, m.To, m.Manager, link, said)
		return err
	})
	if err != nil {
		c.cfg.Log.Warn("where an alert stands was not noted", "lead", m.Lead, "err", err)
		return
	}
	c.stale.add(m.Lead) // it may have been taken meanwhile
}

// refresh changes what stands in chats.
func (c *Channel) refresh(ctx context.Context) {
	if err := c.recall(ctx); err != nil && ctx.Err() == nil {
		c.cfg.Log.Error("alerts may go on saying what was", "err", err)
	}
	again := time.NewTicker(retryAfter)
	defer again.Stop()
	for {
		select {
		case <-c.stale.more:
		case <-again.C:
		case <-ctx.Done():
			return
		}
		for lead := range c.stale.take() {
			if err := c.refreshLead(ctx, lead); err != nil && ctx.Err() == nil {
				c.cfg.Log.Warn("an alert still says what was; it is tried again", "lead", lead, "err", err)
				c.stale.keep(lead)
			}
		}
	}
}

// recall has all alerts that stand in chats looked at again: before a crash, or
// while Telegram could not be reached, something may have become of their leads.
func (c *Channel) recall(ctx context.Context) error {
	rows, err := c.cfg.DB.Reader().QueryContext(ctx, "SELECT DISTINCT lead FROM chat_alerts ORDER BY lead LIMIT $1", mostStale)
	if err != nil {
		return fmt.Errorf("telegram: alerts in chats: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var lead int64
		if err := rows.Scan(&lead); err != nil {
			return fmt.Errorf("telegram: alerts in chats: %w", err)
		}
		c.stale.add(lead)
	}
	return rows.Err()
}

// standing is one alert in a chat.
type standing struct {
	chat, message                     int64
	login, manager, link, text, shown string
}

// refreshLead changes the alerts of a lead.
func (c *Channel) refreshLead(ctx context.Context, id int64) error {
	list, err := c.standing(ctx, id)
	if err != nil || len(list) == 0 {
		return err
	}
	var lead *leads.Lead
	var now time.Time
	err = c.cfg.DB.Do(ctx, func(tx *db.Tx) (err error) {
		lead, err = leads.Find(tx, id)
		now = tx.Now()
		return err
	})
	if err != nil {
		return err
	}
	var errs []error
	for i := range list {
		errs = append(errs, c.change(ctx, lead, &list[i], id, now))
	}
	return errors.Join(errs...)
}

func (c *Channel) standing(ctx context.Context, lead int64) ([]standing, error) {
	rows, err := c.cfg.DB.Reader().QueryContext(ctx, "SELECT chat, message, login, manager, link, text, shown FROM chat_alerts WHERE lead = $1 ORDER BY message", lead)
	if err != nil {
		return nil, fmt.Errorf("telegram: alerts of lead %d: %w", lead, err)
	}
	defer rows.Close()
	var list []standing
	for rows.Next() {
		var s standing
		if err := rows.Scan(&s.chat, &s.message, &s.login, &s.manager, &s.link, &s.text, &s.shown); err != nil {
			return nil, fmt.Errorf("telegram: alerts of lead %d: %w", lead, err)
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// state is what has become of a lead, for who was told of it.
func (c *Channel) state(words *text.Words, lead *leads.Lead, s *standing, now time.Time) (said string, over bool) {
	switch {
	case lead == nil || !lead.Closed.IsZero():
		return words.Say("alerts.telegram.done"), true
	case lead.Acknowledged(now) && lead.AckBy == s.login:
		return words.Say("alerts.telegram.yours"), false
	case lead.Acknowledged(now):
		return words.Say("alerts.telegram.taken", "who", c.name(lead.AckBy)), false
	case lead.Manager != s.manager && lead.Manager != "":
		return words.Say("alerts.telegram.handed", "who", c.name(lead.Manager)), false
	}
	return "", false
}

// change changes one alert, and forgets it once its lead is settled. The error says
// that it may be changed later; one that Telegram refuses to change is not.
func (c *Channel) change(ctx context.Context, lead *leads.Lead, s *standing, id int64, now time.Time) error {
	words := text.In(c.cfg.Speaks(s.login))
	said, over := c.state(words, lead, s, now)
	if said == s.shown {
		return nil
	}
	out := outgoing{Chat: s.chat, Message: s.message, Text: s.text, Preview: noPreview}
	if said != "" {
		out.Text = fit(s.text + "\n\n" + said)
	}
	if !over {
		out.Keys = leadKeys(words, &alert.Message{Lead: id, Opened: lead.Opened, Link: s.link})
	} else if s.link != "" {
		out.Keys = &keyboard{Rows: [][]button{{{Text: words.Say("alerts.telegram.open"), URL: s.link}}}}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, ok := c.pace.wait(ctx, s.chat); !ok {
		return errors.New("telegram: there was no turn in time")
	}
	err := c.bot.call(ctx, "editMessageText", out, nil)
	var r *refusal
	switch refused := errors.As(err, &r); {
	case refused && r.Code == http.StatusTooManyRequests:
		c.pace.rest(s.chat, r.RetryAfter)
		return err
	case err != nil && (!refused || r.Code >= 500):
		return err
	case err != nil:
		c.cfg.Log.Warn("an alert goes on saying what was", "lead", id, "err", err)
	}
	return c.cfg.DB.Do(ctx, func(tx *db.Tx) error {
		if over {
			_, err := tx.Exec("DELETE FROM chat_alerts WHERE chat = $1 AND message = $2", s.chat, s.message)
			return err
		}
		_, err := tx.Exec("UPDATE chat_alerts SET shown = $1 WHERE chat = $2 AND message = $3", said, s.chat, s.message)
		return err
	})
}
