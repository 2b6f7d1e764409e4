package cdr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Records stand in the file in the order in which calls ended. What ended before
// since by more than margin, on so many channels in a row, has nothing behind it
// that matters: clocks that were set and records that were held back are within
// these.
const (
	margin = time.Hour
	enough = 128
)

// csvSource reads Master.csv and what it was rotated to.
type csvSource struct{ path string }

func (s csvSource) Name() string { return "csv " + s.path }

func (s csvSource) Close() error { return nil }

// Read reads the files anew each time: Asterisk opens them anew for each record.
func (s csvSource) Read(ctx context.Context, since, until time.Time, calls []string) (Log, error) {
	q := newQuery(since, until, calls)
	var log Log
	err := readLog(ctx, s.path, q.bound.Add(-margin), func(files []logFile) (err error) {
		log, err = readCSV(ctx, s.path, files, q)
		return err
	})
	if err != nil {
		return Log{}, fmt.Errorf("cdr: read the call records %s: %w", s.path, err)
	}
	return log, nil
}

// readCSV reads rows of path and the files that it was rotated to, the oldest of
// which comes first. One of those that cannot be read is left out, unless the
// others tell nothing of the time.
func readCSV(ctx context.Context, path string, files []logFile, q *query) (log Log, err error) {
	k := kept{query: q, copies: newCopies()}
	var broken error
	for i := range files {
		f := &files[i]
		switch err := k.read(ctx, f); {
		case err != nil && (f.path == path || ctx.Err() != nil):
			return Log{}, err
		case err != nil:
			broken = errors.Join(broken, fmt.Errorf("cdr: a part of the call records is left out: %w", err))
		}
	}
	if broken != nil && !k.covered {
		return Log{}, broken
	}
	k.nameSingles()
	settle(k.records, k.fallback)
	log = Log{Records: q.wanted(k.records), Unreadable: k.unreadable, Coarser: broken}
	inOrder(log.Records)
	return log, nil
}

// kept are the records that were read so far, in the order in which they were
// written.
type kept struct {
	*query
	records    []Record
	singles    []single
	unreadable int
	covered    bool          // there is a row of the time that is asked for, or a later one
	fallback   time.Duration // the zone, by the time at which the newest file was written

	zone  time.Duration // of the row that was read last
	zoned bool

	copies copies
}

// single is a record whose only column between the plain and the new ones was
// taken for its id.
type single struct {
	at      int // its place in kept.records
	columns int
}

// read takes what matters of one file.
func (k *kept) read(ctx context.Context, f *logFile) error {
	if f.shut != nil {
		return f.shut
	}
	p := pass{kept: k, young: map[string]bool{}, old: map[string]bool{}}
	k.copies.next()
	var err error
	if f.zipped() {
		err = p.forward(ctx, f)
	} else {
		err = p.backward(ctx, f)
	}
	if !p.newest.IsZero() {
		k.fallback = writtenIn(p.newest, f.info.ModTime())
	}
	for _, r := range p.found {
		if r.single > 0 {
			k.singles = append(k.singles, single{len(k.records), r.single})
		}
		k.records = append(k.records, r.Record)
	}
	return err
}

// writtenIn is the zone in which a record ended at a local time, when it was
// written at that time.
func writtenIn(end, written time.Time) time.Duration {
	if offset := end.Sub(written).Round(quarter); -12*time.Hour <= offset && offset <= 14*time.Hour {
		return offset
	}
	_, seconds := written.Local().Zone()
	return time.Duration(seconds) * time.Second
}

// nameSingles decides what single columns are: unique ids, if the epoch in any of
// them is that of its record's start; user fields otherwise. A program may name
// its channels as it likes, and a user field may hold what it likes.
func (k *kept) nameSingles() {
	ids := map[int]bool{} // by the number of columns
	for _, s := range k.singles {
		if _, ok := ahead(&k.records[s.at]); ok {
			ids[s.columns] = true
		}
	}
	for _, s := range k.singles {
		if !ids[s.columns] {
			r := &k.records[s.at]
			r.UserField, r.UniqueID, r.Began = r.UniqueID, "", time.Time{}
		}
	}
}

// pass is one reading of one file.
type pass struct {
	*kept
	found []found
	// young are the channels of records that were kept and ended late enough to
	// matter; old are those in a row of which none did. All records of a channel are written when it
	// has ended, also those that ended long before.
	young, old map[string]bool
	newest     time.Time // the end of the file's last record, by its clock; zero: not seen
}

func (p *pass) forward(ctx context.Context, f *logFile) error {
	var b csvBlock
	return f.forward(ctx, func(text []byte, head, tail edge) (from int, more bool) {
		b.sift(text, head, tail)
		if p.allLate(b.rows) {
			p.newest, p.covered = time.Time{}, true
			return 0, false
		}
		p.unreadable += b.unreadable
		if len(b.rows) > 0 {
			p.newest = b.rows[0].time(endColumn)
		}
		for i := range slices.Backward(b.rows) {
			p.take(&b.rows[i])
		}
		return b.tail, true
	})
}

func (p *pass) backward(ctx context.Context, f *logFile) error {
	end, err := p.reach(ctx, f)
	if err != nil {
		return err
	}
	var b csvBlock
	err = f.backward(ctx, end, func(text []byte, head, tail edge) (again int, more bool) {
		b.sift(text, head, tail)
		p.unreadable += b.unreadable
		if len(b.rows) > 0 && p.newest.IsZero() {
			p.newest = b.rows[0].time(endColumn)
		}
		for i := range b.rows {
			if p.take(&b.rows[i]); len(p.old) >= enough {
				return 0, false
			}
		}
		return b.head, true
	})
	slices.Reverse(p.found)
	return err
}

// reach is where in a file everything behind ended too late to matter, which is
// found by halving.
func (p *pass) reach(ctx context.Context, f *logFile) (int64, error) {
	size := f.info.Size()
	if p.until.IsZero() || size < 2*nextBlock {
		return size, nil
	}
	var b csvBlock
	late := false
	look := func(end int64) error {
		return f.backward(ctx, end, func(text []byte, head, tail edge) (again int, more bool) {
			b.sift(text, head, tail)
			late = p.allLate(b.rows)
			return 0, false
		})
	}
	if err := look(size); err != nil || !late {
		return size, err
	}
	p.newest, p.covered = b.rows[0].time(endColumn), true
	low, high := int64(0), size
	for high-low > firstBlock {
		middle := low + (high-low)/2
		if err := look(middle); err != nil {
			return 0, err
		}
		if late {
			high = middle
		} else {
			low = middle
		}
	}
	return high, nil
}

// allLate says of neighbours that they all ended, whatever the zone is, longer
// after what is asked for than calls last.
func (p *pass) allLate(rows []csvRow) bool {
	if p.until.IsZero() || len(rows) == 0 {
		return false
	}
	for i := range rows {
		r := &rows[i]
		unique, _, _ := r.ids()
		told := Record{Began: began(unique), Start: r.time(startColumn)}
		offset, ok := ahead(&told)
		if !ok {
			offset = 14 * time.Hour
		}
		if r.time(endColumn).Add(-offset).Before(p.until.Add(longest + margin)) {
			return false
		}
	}
	return true
}

// found is a record with the number of its columns if it is a single.
type found struct {
	Record
	single int
}

// take keeps a row if it can matter, also for what its neighbours are.
func (p *pass) take(r *csvRow) {
	unique, linked, unsure := r.ids()
	channel := unique
	if channel == "" || unsure {
		channel = string(r.bytes(channelColumn))
	}
	end := p.end(r, unique)
	switch {
	case !end.Before(p.bound.Add(-margin)):
		p.covered = true
		clear(p.old)
		if !p.near(r, end, unique, linked) {
			return // it is passed on the way to what may stand before it
		}
		p.young[channel] = true
	case p.young[channel]:
	case len(p.old) == enough: // a file that is read forward may hold any number of them
		return
	default:
		p.old[channel] = true
	}
	if p.copies.has(r.text) {
		return
	}
	f := found{Record: r.record()}
	if unsure {
		f.single = r.n
	}
	p.found = append(p.found, f)
}

// near says that a row that ended then may be of a call that is asked for, or of
// one beside those.
func (p *pass) near(r *csvRow, end time.Time, unique, linked string) bool {
	switch {
	case p.named[unique] || p.named[linked]:
		return true
	case !began(linked).IsZero() || !began(unique).IsZero(): // which tells more than a clock on the wall: an hour may come twice
		return p.matters(unique, linked)
	case end.Before(p.since.Add(-nearby)):
		return false
	case p.until.IsZero():
		return true
	}
	start := r.time(startColumn).Add(-14 * time.Hour) // the zone that is farthest ahead
	if p.zoned {
		start = r.time(startColumn).Add(-p.zone - margin)
	}
	return start.Before(p.until)
}

// end is when a row's record ended; as late as can be while the zone is not
// known.
func (p *pass) end(r *csvRow, unique string) time.Time {
	told := Record{Began: began(unique), Start: r.time(startColumn)}
	if offset, ok := ahead(&told); ok {
		p.zone, p.zoned = offset, true
	}
	end := r.time(endColumn)
	if end.IsZero() {
		end = told.Start
	}
	if !p.zoned {
		return end.Add(12 * time.Hour)
	}
	return end.Add(-p.zone)
}
