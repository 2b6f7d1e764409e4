package cdr

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// looked is how many of the newest records are looked at when a source shows
// itself.
const looked = 1000

// inspect looks at the newest rows of the newest file that has any.
func (s csvSource) inspect(ctx context.Context) (in Inspection, err error) {
	err = readLog(ctx, s.path, time.Time{}, func(files []logFile) error {
		in = Inspection{}
		for i := range slices.Backward(files) {
			if files[i].zipped() || files[i].shut != nil {
				continue // older than those that are not, or not to be read
			}
			if err := in.look(ctx, &files[i]); err != nil || in.Records > 0 {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Inspection{}, fmt.Errorf("cdr: read the call records %s: %w", s.path, err)
	}
	return in, nil
}

// look reads the newest rows of one file.
func (in *Inspection) look(ctx context.Context, f *logFile) error {
	k := kept{query: &query{}}
	var b csvBlock
	var newest csvRow
	err := f.backward(ctx, f.info.Size(), func(text []byte, head, tail edge) (again int, more bool) {
		b.sift(text, head, tail)
		in.Unreadable += b.unreadable
		for i := range b.rows {
			if len(k.records) == 0 {
				newest = b.rows[i]
			}
			if _, _, unsure := b.rows[i].ids(); unsure {
				k.singles = append(k.singles, single{len(k.records), b.rows[i].n})
			}
			k.records = append(k.records, b.rows[i].record())
		}
		return b.head, len(k.records) < looked
	})
	if err != nil || len(k.records) == 0 {
		return err
	}
	k.nameSingles()
	in.UniqueID, in.LinkedID = k.records[0].UniqueID != "", newest.added() > 0
	slices.Reverse(k.records)
	in.Zone, in.Zoned = settle(k.records, writtenIn(k.records[len(k.records)-1].End, f.info.ModTime()))
	in.Written = f.info.ModTime()
	in.tell(k.records)
	return nil
}

// tell notes what settled records show.
func (in *Inspection) tell(records []Record) {
	in.Records = len(records)
	for i := range records {
		r := &records[i]
		if r.End.After(in.Newest) {
			in.Newest = r.End
		}
		in.Alone = in.Alone || r.Peer == "" && r.Disposition != Answered
		if r.Context != "" {
			in.Contexts = append(in.Contexts, r.Context)
		}
	}
	slices.Sort(in.Contexts)
	in.Contexts = slices.Compact(in.Contexts)
}
