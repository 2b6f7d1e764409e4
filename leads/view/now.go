package view

import (
	"context"
)

// LeadNow reads a lead as it stands, for programs that are told of it;
// ErrNotFound is in the error when there is none.
func (v *View) LeadNow(ctx context.Context, id int64) (*Lead, error) {
	l, err := scanLead(v.db.QueryRowContext(ctx, leadQuery, id))
	if err != nil {
		return nil, missing("lead", id, err)
	}
	return &l, nil
}

// ContactNow is LeadNow of a contact.
func (v *View) ContactNow(ctx context.Context, id int64) (*Contact, error) {
	c, err := scanContact(v.db.QueryRowContext(ctx, contactQuery, id))
	if err != nil {
		return nil, missing("contact", id, err)
	}
	one := []Contact{c}
	if err := v.fillNumbers(ctx, one); err != nil {
		return nil, err
	}
	return &one[0], nil
}
