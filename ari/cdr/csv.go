package cdr

import (
	"context"
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
	// nearby is how long before since a record may have ended to be kept for what it
	// tells of its neighbours.
	nearby = 15 * time.Minute
)

// csvSource reads Master.csv and what it was rotated to.
type csvSource struct{ path string }

func (s csvSource) Name() string { return "csv " + s.path }

func (s csvSource) Close() error { return nil }

// Read reads the files anew each time: Asterisk opens them anew for each record.
func (s csvSource) Read(ctx context.Context, since time.Time, calls []string) (Log, error) {
	bound := since
	named := map[string]bool{}
	for _, id := range calls {
		named[id] = true
		if at := began(id); !at.IsZero() && at.Before(bound) {
			bound = at
		}
	}
	var log Log
	err := readLog(ctx, s.path, bound.Add(-margin), func(files []logFile) (err error) {
		log, err = readCSV(ctx, files, &query{since: since, bound: bound, named: named})
		return err
	})
	if err != nil {
		return Log{}, fmt.Errorf("cdr: read the call records %s: %w", s.path, err)
	}
	return log, nil
}

// query says which calls are asked for.
type query struct {
	since time.Time
	bound time.Time // the earliest beginning of those and of the named ones
	named map[string]bool
}

// readCSV reads rows of files, the oldest of which comes first.
func readCSV(ctx context.Context, files []logFile, q *query) (log Log, err error) {
	k := kept{query: q, copies: newCopies()}
	for i := range files {
		if err := k.read(ctx, &files[i]); err != nil {
			return Log{}, err
		}
	}
	k.nameSingles()
	settle(k.records, k.fallback)
	log = Log{Records: q.wanted(k.records), Unreadable: k.unreadable}
	inOrder(log.Records)
	return log, nil
}

// wanted leaves only records of calls that are asked for, and all of theirs.
func (q *query) wanted(records []Record) []Record {
	key := func(r *Record) string {
		if r.LinkedID != "" {
			return r.LinkedID
		}
		if r.UniqueID != "" {
			return r.UniqueID
		}
		return r.Channel
	}
	since := q.since.Truncate(time.Second) // as exact as the records are
	begins := map[string]time.Time{}
	asked := map[string]bool{}
	for i := range records {
		r := &records[i]
		at := began(r.LinkedID)
		if at.IsZero() {
			at = r.beginning()
		}
		if old, seen := begins[key(r)]; !seen || at.Before(old) {
			begins[key(r)] = at
		}
		if q.named[r.UniqueID] || q.named[r.LinkedID] {
			asked[key(r)] = true
		}
	}
	return slices.DeleteFunc(records, func(r Record) bool {
		return !asked[key(&r)] && begins[key(&r)].Before(since)
	})
}

// kept are the records that were read so far, in the order in which they were
// written.
type kept struct {
	*query
	records    []Record
	singles    []single
	unreadable int
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
	p := pass{kept: k, young: map[string]bool{}, old: map[string]bool{}}
	k.copies.next()
	var b csvBlock
	var err error
	if f.zipped() {
		err = f.forward(ctx, func(text []byte, head, tail edge) (from int, more bool) {
			b.sift(text, head, tail)
			k.unreadable += b.unreadable
			for i := range slices.Backward(b.rows) {
				p.take(&b.rows[i])
			}
			return b.tail, true
		})
	} else {
		err = f.backward(ctx, func(text []byte, head, tail edge) (again int, more bool) {
			b.sift(text, head, tail)
			k.unreadable += b.unreadable
			for i := range b.rows {
				if p.take(&b.rows[i]); len(p.old) >= enough {
					return 0, false
				}
			}
			return b.head, true
		})
		slices.Reverse(p.found)
	}
	if len(p.found) > 0 {
		k.fallback = writtenIn(p.found[len(p.found)-1].Record, f.info.ModTime())
	}
	for _, r := range p.found {
		if r.single > 0 {
			k.singles = append(k.singles, single{len(k.records), r.single})
		}
		k.records = append(k.records, r.Record)
	}
	return err
}

// writtenIn is the zone in which a record tells its end, when it was written at
// that time.
func writtenIn(r Record, written time.Time) time.Duration {
	if offset := r.End.Sub(written).Round(quarter); -12*time.Hour <= offset && offset <= 14*time.Hour {
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
	// young are the channels of records that ended late enough to matter; old are
	// those in a row of which none did. All records of a channel are written when it
	// has ended, also those that ended long before.
	young, old map[string]bool
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
		p.young[channel] = true
		clear(p.old)
		if end.Before(p.since.Add(-nearby)) && !p.named[unique] && !p.named[linked] {
			return // it is passed on the way to what may stand before it
		}
	case p.named[unique] || p.named[linked]:
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
