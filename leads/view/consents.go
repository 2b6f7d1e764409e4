package view

import (
	"context"
	"io"

	"ringback/leads/dials"
)

// Consents lists what people said about being called, in the order in which it
// was entered: at most limit words after a place, and the place after them; 0 is
// the beginning, and the end.
func (v *View) Consents(ctx context.Context, place int64, limit int) (words []dials.Word, next int64, err error) {
	return dials.Consents(ctx, v.db, place, limit)
}

// ExportConsents writes all of it as CSV.
func (v *View) ExportConsents(ctx context.Context, w io.Writer) error {
	return dials.ExportConsents(ctx, v.db, w)
}
