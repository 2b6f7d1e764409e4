package people

import (
	"context"
	"fmt"
	"sync"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/text"
)

// chosen are the languages that people have chosen, at hand for every message
// that is written.
type chosen struct {
	mu sync.Mutex
	of map[string]text.Language
}

// Speaks is the language that a person has chosen for pages and alerts; empty:
// none.
func (r *Register) Speaks(login string) text.Language {
	r.chosen.mu.Lock()
	defer r.chosen.mu.Unlock()
	return r.chosen.of[login]
}

// SetLanguage keeps the language that a person has chosen.
func (r *Register) SetLanguage(ctx context.Context, login string, language text.Language) error {
	if !language.Known() {
		return fmt.Errorf("people: language %q is none of ours", language)
	}
	err := r.change(ctx, login, "language", func(tx *db.Tx) error {
		before := r.Speaks(login)
		_, err := tx.Exec(`INSERT INTO accounts (login, language) VALUES ($1, $2) ON CONFLICT (login) DO UPDATE SET language = excluded.language`, login, language)
		if err != nil {
			return err
		}
		return tell(tx, login, leads.AccountLanguage, leads.ByPage, leads.Change{Field: "language", From: string(before), To: string(language)})
	})
	if err == nil {
		r.chosen.mu.Lock()
		r.chosen.of[login] = language
		r.chosen.mu.Unlock()
	}
	return err
}

// readChosen reads what people have chosen so far.
func (r *Register) readChosen(ctx context.Context) error {
	rows, err := r.read.QueryContext(ctx, "SELECT login, language FROM accounts WHERE language <> ''")
	if err != nil {
		return fmt.Errorf("people: languages: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var login string
		var language text.Language
		if err := rows.Scan(&login, &language); err != nil {
			return fmt.Errorf("people: languages: %w", err)
		}
		r.chosen.of[login] = language
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("people: languages: %w", err)
	}
	return nil
}
