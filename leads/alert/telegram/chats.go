package telegram

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/people"
)

// Chats know which private chat with the bot is whose. They are read once, and
// then asked without the database.
type Chats struct {
	db    *db.DB
	fixed map[string]int64 // those of the configuration

	mu      sync.Mutex
	of      map[string]int64
	refused map[string]time.Time
}

// OpenChats reads the chats; fixed are those that the configuration names, by
// login.
func OpenChats(ctx context.Context, d *db.DB, fixed map[string]int64) (*Chats, error) {
	c := &Chats{db: d, fixed: fixed, of: map[string]int64{}, refused: map[string]time.Time{}}
	rows, err := d.Reader().QueryContext(ctx, "SELECT login, chat, refused FROM chats")
	if err != nil {
		return nil, fmt.Errorf("telegram: chats: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var login string
		var chat, refused int64
		if err := rows.Scan(&login, &chat, &refused); err != nil {
			return nil, fmt.Errorf("telegram: chats: %w", err)
		}
		c.of[login] = chat
		if refused != 0 && c.Of(login) == chat { // and not a new one that the configuration names
			c.refused[login] = db.Time(refused)
		}
	}
	return c, rows.Err()
}

// Of is the chat of a person; 0: they have none.
func (c *Chats) Of(login string) int64 {
	if chat := c.fixed[login]; chat != 0 {
		return chat
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of[login]
}

// Reaches says whether a person can be written to: they have a chat, and have
// not blocked the bot.
func (c *Chats) Reaches(login string) bool {
	chat := c.Of(login)
	c.mu.Lock()
	defer c.mu.Unlock()
	_, refused := c.refused[login]
	return chat != 0 && !refused
}

// Refused are those who have blocked the bot, and since when.
func (c *Chats) Refused() map[string]time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := map[string]time.Time{}
	for login, since := range c.refused {
		list[login] = since
	}
	return list
}

// whose is whose chat it is; empty: nobody's that is known.
func (c *Chats) whose(chat int64) string {
	for login, fixed := range c.fixed {
		if fixed == chat {
			return login
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for login, own := range c.of {
		if own == chat && c.fixed[login] == 0 {
			return login
		}
	}
	return ""
}

// codeFor is how long a code can be told to the bot.
const codeFor = time.Hour

// Code makes a code by which the person tells the bot who they are (/start CODE),
// once, within an hour. An older one of theirs holds no more.
func (c *Chats) Code(tx *db.Tx, login string) (string, error) {
	code := rand.Text()
	if _, err := tx.Exec("DELETE FROM chat_codes WHERE login = $1 OR expires < $2", login, db.Millis(tx.Now())); err != nil {
		return "", fmt.Errorf("telegram: code of %s: %w", login, err)
	}
	_, err := tx.Exec("INSERT INTO chat_codes (code, login, expires) VALUES ($1, $2, $3)", hashed(code), login, db.Millis(tx.Now().Add(codeFor)))
	if err != nil {
		return "", fmt.Errorf("telegram: code of %s: %w", login, err)
	}
	return code, nil
}

func hashed(code string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(code))) }

// Forget ends that a person is reached by Telegram.
func (c *Chats) Forget(tx *db.Tx, login string) error {
	if _, err := tx.Exec("DELETE FROM chats WHERE login = $1", login); err != nil {
		return fmt.Errorf("telegram: chat of %s: %w", login, err)
	}
	tx.AfterCommit(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.of, login)
		delete(c.refused, login)
	})
	return nil
}

// join gives a chat to the person of the code; empty: it is nobody's, or too old.
func (c *Chats) join(tx *db.Tx, code string, chat int64) (login string, err error) {
	err = tx.QueryRow("SELECT login FROM chat_codes WHERE code = $1 AND expires >= $2", hashed(code), db.Millis(tx.Now())).Scan(&login)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("telegram: code: %w", err)
	}
	if locked, err := people.Locked(tx, login); err != nil || locked { // since it was made
		return "", err
	}
	// One chat is one person's, and the other way round.
	for _, step := range []struct {
		query string
		args  []any
	}{
		{"DELETE FROM chat_codes WHERE login = $1", []any{login}},
		{"DELETE FROM chats WHERE login = $1 OR chat = $2", []any{login, chat}},
		{"INSERT INTO chats (login, chat, since) VALUES ($1, $2, $3)", []any{login, chat, db.Millis(tx.Now())}},
	} {
		if _, err := tx.Exec(step.query, step.args...); err != nil {
			return "", fmt.Errorf("telegram: chat of %s: %w", login, err)
		}
	}
	if err := leads.Note(tx, leads.Entry{Kind: leads.EntryAccount, Who: login, Channel: leads.ByTelegram, Detail: leads.AccountConnected}); err != nil {
		return "", err
	}
	tx.AfterCommit(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for other, own := range c.of {
			if own == chat {
				delete(c.of, other)
			}
		}
		c.of[login] = chat
		delete(c.refused, login)
	})
	return login, nil
}

// refuse notes that a person has blocked the bot.
func (c *Chats) refuse(ctx context.Context, login string, chat int64) error {
	err := c.db.Do(ctx, func(tx *db.Tx) error {
		now := db.Millis(tx.Now())
		_, err := tx.Exec(`INSERT INTO chats (login, chat, since, refused) VALUES ($1, $2, $3, $3)
			ON CONFLICT (login) DO UPDATE SET refused = excluded.refused WHERE chats.refused = 0`, login, chat, now)
		if err != nil {
			return err
		}
		tx.AfterCommit(func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.refused[login] = db.Time(now)
		})
		return nil
	})
	if err != nil {
		return fmt.Errorf("telegram: chat of %s: %w", login, err)
	}
	return nil
}

// heard notes that a person has written to the bot again.
func (c *Chats) heard(tx *db.Tx, login string) error {
	c.mu.Lock()
	_, refused := c.refused[login]
	c.mu.Unlock()
	if !refused {
		return nil
	}
	if _, err := tx.Exec("UPDATE chats SET refused = 0 WHERE login = $1", login); err != nil {
		return fmt.Errorf("telegram: chat of %s: %w", login, err)
	}
	tx.AfterCommit(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.refused, login)
	})
	return nil
}
