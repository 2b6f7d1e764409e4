package leads

import (
	"context"
	"fmt"

	"ringback/ari/call"
)

// settleOrphans ends the open calls of PBXes that the configuration does not
// name any more: nobody watches them, and nobody will see their end.
func (b *Book) settleOrphans(ctx context.Context) error {
	gone, err := b.unwatched(ctx)
	if err != nil {
		return err
	}
	for _, pbx := range gone {
		calls, err := b.OpenCalls(ctx, pbx)
		if err != nil {
			return err
		}
		until, err := b.WatchedUntil(ctx, pbx)
		if err != nil {
			return err
		}
		now, facts := b.db.Now(), make([]call.Fact, len(calls))
		for i, c := range calls {
			facts[i] = call.Fact{Kind: call.Lost, At: now, Call: c.Lose(until, now)}
		}
		if err := firstError(b.Record(ctx, facts)); err != nil {
			return fmt.Errorf("leads: open calls of %s: %w", pbx, err)
		}
		b.log.Warn("a PBX with open calls is not configured any more; how they ended is not known", "pbx", pbx, "calls", len(calls))
	}
	return nil
}

// unwatched lists the PBXes with open calls that are not configured.
func (b *Book) unwatched(ctx context.Context) ([]string, error) {
	rows, err := b.db.Reader().QueryContext(ctx, "SELECT DISTINCT pbx FROM calls WHERE ended IS NULL ORDER BY pbx")
	if err != nil {
		return nil, fmt.Errorf("leads: open calls: %w", err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var pbx string
		if err := rows.Scan(&pbx); err != nil {
			return nil, fmt.Errorf("leads: open calls: %w", err)
		}
		if _, configured := b.office.Plans[pbx]; !configured {
			list = append(list, pbx)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("leads: open calls: %w", err)
	}
	return list, nil
}
