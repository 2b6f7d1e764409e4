package view

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// LeadNow reads a lead as it stands, for programs that are told of it;
// ErrNotFound is in the error when there is none.
func (v *View) LeadNow(ctx context.Context, id int64) (*Lead, error) {
	l, err := scanLead(v.db.QueryRowContext(ctx, leadQuery, id))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, fmt.Errorf("view: lead %d: %w", id, ErrNotFound)
	case err != nil:
		return nil, failed("lead", err)
	}
	return &l, nil
}

// ContactNow is LeadNow of a contact.
func (v *View) ContactNow(ctx context.Context, id int64) (*Contact, error) {
	c, err := scanContact(v.db.QueryRowContext(ctx, contactQuery, id))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, fmt.Errorf("view: contact %d: %w", id, ErrNotFound)
	case err != nil:
		return nil, failed("contact", err)
	}
	one := []Contact{c}
	if err := v.fillNumbers(ctx, one); err != nil {
		return nil, err
	}
	return &one[0], nil
}
