package feed

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ringback/leads"
	"ringback/leads/view"
)

// Query says which events are wanted.
type Query struct {
	// Cursor is what the page before gave as its next; empty: from the first event
	// that is kept.
	Cursor string
	// Since is from when on, where there is no Cursor; zero: from the first.
	Since time.Time
	Limit int // 0: view.DefaultLimit; from 1 to view.MaxLimit otherwise
	// Types are the patterns of types; none: all.
	Types []Pattern
	Lead  int64 // 0: of all
	// Wait is how long an event is waited for where there is none.
	Wait time.Duration
}

// MaxWait is how long may be waited for an event.
const MaxWait = 20 * time.Second

var (
	// ErrType is in the error of a pattern that no type can fit.
	ErrType = errors.New("a type is one such as lead.closed, or a group such as lead.*")
	// ErrWait is in the error of a time to wait that is out of bounds.
	ErrWait = fmt.Errorf("it can be waited from 0s to %s", MaxWait)
)

const (
	// step is how many entries are looked at in one reading, mostSteps how many
	// readings one page takes: few events may be wanted of many, and an answer
	// must not take long for that.
	step      = 1000
	mostSteps = 5
)

// List lists events, the oldest first. Next always leads on: to events that are
// there, or that come. Where few of many are wanted a page may be empty though
// there are others further on; its next has moved then.
func (f *Feed) List(ctx context.Context, q Query) (view.List[*Event], error) {
	list := view.List[*Event]{Items: []*Event{}}
	from, err := q.check()
	if err == nil && q.Cursor == "" && !q.Since.IsZero() {
		from, err = f.source.before(ctx, q.Since)
	}
	if err != nil {
		return list, err
	}
	news := make(chan struct{}, 1)
	if q.Wait > 0 {
		defer f.db.Listen(leads.TopicTimeline, func(any) { signal(news) })()
	}
	late := time.NewTimer(q.Wait)
	defer late.Stop()
	for {
		last, err := f.page(ctx, &q, &from, &list)
		if err != nil || !last || len(list.Items) > 0 || q.Wait == 0 {
			return list, err
		}
		select {
		case <-news:
		case <-late.C:
			return list, nil
		case <-f.over:
			return list, nil
		case <-ctx.Done():
			return list, ctx.Err()
		}
	}
}

// check reads the cursor, and says what is wrong.
func (q *Query) check() (from int64, err error) {
	if q.Limit < 0 || q.Limit > view.MaxLimit {
		return 0, fmt.Errorf("feed: limit %d: %w", q.Limit, view.ErrLimit)
	}
	if q.Limit == 0 {
		q.Limit = view.DefaultLimit
	}
	if q.Wait < 0 || q.Wait > MaxWait {
		return 0, fmt.Errorf("feed: wait %s: %w", q.Wait, ErrWait)
	}
	for _, p := range q.Types {
		if !p.Valid() {
			return 0, fmt.Errorf("feed: %w", ErrType)
		}
	}
	return readCursor(q.Cursor)
}

// page reads what follows an entry into the list; last says that there is nothing
// more now. from moves with it.
func (f *Feed) page(ctx context.Context, q *Query, from *int64, list *view.List[*Event]) (last bool, err error) {
	defer func() { list.Next = writeCursor(*from) }()
	for range mostSteps {
		query, args := entriesQuery, []any{*from, int64(1 << 62), step}
		if q.Lead != 0 {
			query, args = leadEntriesQuery, []any{q.Lead, *from, int64(1 << 62), step}
		}
		entries, err := f.source.entries(ctx, query, args...)
		if err != nil {
			return false, err
		}
		for i := range entries {
			e := &entries[i]
			if name := typeOf(e); name == "" || !chosen(q.Types, name) {
				*from = e.id
				continue
			}
			if len(list.Items) == q.Limit {
				return false, nil
			}
			told, err := f.source.event(ctx, e)
			if err != nil {
				return false, err
			}
			list.Items = append(list.Items, told)
			*from = e.id
		}
		if len(entries) < step {
			return true, nil
		}
	}
	return false, nil
}

const (
	cursorPrefix  = "events."
	longestCursor = 80
)

// writeCursor makes a cursor of the last entry that was looked at.
func writeCursor(id int64) string {
	return base64.RawURLEncoding.EncodeToString(strconv.AppendInt([]byte(cursorPrefix), id, 10))
}

// readCursor takes only what writeCursor gave.
func readCursor(cursor string) (int64, error) {
	if cursor == "" {
		return 0, nil
	}
	wrong := fmt.Errorf("feed: %w", view.ErrCursor)
	if len(cursor) > longestCursor {
		return 0, wrong
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return 0, wrong
	}
	digits, ours := strings.CutPrefix(string(text), cursorPrefix)
	id, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !ours || id < 0 || writeCursor(id) != cursor {
		return 0, wrong
	}
	return id, nil
}
