package view

import (
	"context"

	"ringback/leads"
)

// Gaps lists the newest intervals in which a PBX was not watched, the newest
// first.
func (v *View) Gaps(ctx context.Context, limit int) ([]*leads.Gap, error) {
	return leads.Gaps(ctx, v.db, limit)
}
