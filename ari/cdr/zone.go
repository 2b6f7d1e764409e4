package cdr

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// quarter is what the offsets of all time zones are multiples of.
const quarter = 15 * time.Minute

// The first record of a channel starts when the channel does: both are read off
// one clock, and the id cuts the seconds.
const (
	early = -2 * time.Second
	late  = 5 * time.Second
)

// began is the epoch in a unique id, "1795328308.12", behind the system's name
// and a hyphen if it has one; zero where it holds none.
func began(id string) time.Time {
	front, counter := cutLast(id, '.')
	name, epoch := cutLast(front, '-')
	named := len(name)+len(epoch) < len(front)
	if !digits(counter) || !digits(epoch) || len(epoch) < 9 || len(epoch) > 11 || named && name == "" {
		return time.Time{}
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// compareIDs is the order in which Asterisk has made two channels: the counter
// behind the dot is a number, so that .989 comes before .1232 of the same second.
// Ids that do not tell when they began come first, as text.
func compareIDs(a, b string) int {
	at := began(a)
	if at.IsZero() || !at.Equal(began(b)) {
		return cmp.Or(at.Compare(began(b)), strings.Compare(a, b))
	}
	_, counterA := cutLast(a, '.')
	_, counterB := cutLast(b, '.')
	// Neither has zeros in front: the longer one is the greater.
	return cmp.Or(cmp.Compare(len(counterA), len(counterB)), strings.Compare(a, b))
}

// cutLast cuts a text at the last of such bytes; without one, all is behind it.
func cutLast(text string, at byte) (front, back string) {
	i := strings.LastIndexByte(text, at)
	return text[:max(i, 0)], text[i+1:]
}

func digits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// settle brings the times of records from the PBX's local time to UTC. They come
// in the order in which the PBX wrote them, with Start, Answer and End as the
// columns say them, taken for UTC. The first record of each channel witnesses the
// offset at its time, so that any zone, summer time that begins or ends, and a
// changed setting come right; the others take the offset of their channel or of
// their neighbours, and fallback where there is no witness. It returns the newest
// offset that was witnessed.
func settle(records []Record, fallback time.Duration) (newest time.Duration, witnessed bool) {
	all := witnesses(records)
	byChannel := map[string]time.Duration{}
	for _, w := range all {
		byChannel[records[w.at].UniqueID] = w.offset
	}
	behind := 0 // the first witness at or behind the record
	for i := range records {
		for behind < len(all) && all[behind].at < i {
			behind++
		}
		r := &records[i]
		offset, known := byChannel[r.UniqueID]
		tooEarly := func() bool { return r.Start.Add(-offset).Sub(r.Began) < early }
		if !known || tooEarly() {
			offset = nearest(all, behind, i, fallback)
		}
		if known && tooEarly() { // summer time ended during the call, and nobody else rang
			offset -= time.Hour
		}
		r.shift(offset)
	}
	if len(all) == 0 {
		return fallback, false
	}
	return all[len(all)-1].offset, true
}

// witness is a record that tells by itself by how much local time was ahead of
// UTC.
type witness struct {
	at     int // its place among the records
	offset time.Duration
}

// witnesses are those that can be believed, in the order of the records.
func witnesses(records []Record) []witness {
	first := map[string]int{} // of each channel
	for i := range records {
		r := &records[i]
		if j, seen := first[r.UniqueID]; !seen || r.precedes(&records[j]) {
			first[r.UniqueID] = i
		}
	}
	var all []witness
	for i := range records {
		if offset, ok := ahead(&records[i]); ok && first[records[i].UniqueID] == i {
			all = append(all, witness{i, offset})
		}
	}
	// Where the PBX leaves out a channel's first record, its second may by chance
	// begin whole quarters of an hour later. Then it stands alone among others, all
	// of which tell less.
	alone := func(k int) bool {
		if k < 2 || k+2 >= len(all) || all[k].offset < all[k-1].offset {
			return false
		}
		for _, near := range all[max(0, k-20):min(len(all), k+21)] {
			if near.offset == all[k].offset && near.at != all[k].at {
				return false
			}
		}
		return true
	}
	believed := all[:0:0]
	for k := range all {
		if !alone(k) {
			believed = append(believed, all[k])
		}
	}
	return believed
}

// precedes says that the PBX began a record of a channel before another of it:
// by its own count where it gives one, since a clock on the wall may be set back
// between the two.
func (r *Record) precedes(other *Record) bool {
	if r.Sequence != other.Sequence && r.Sequence >= 0 && other.Sequence >= 0 {
		return r.Sequence < other.Sequence
	}
	return r.Start.Before(other.Start)
}

// ahead is by how much the record's start is ahead of the epoch in its id, in
// whole quarters of an hour; not ok where that is no zone's offset.
func ahead(r *Record) (offset time.Duration, ok bool) {
	if r.Began.IsZero() || r.Start.IsZero() {
		return 0, false
	}
	d := r.Start.Sub(r.Began)
	offset = d.Round(quarter)
	rest := d - offset
	return offset, -12*time.Hour <= offset && offset <= 14*time.Hour && early <= rest && rest <= late
}

// nearest is the offset of the witness nearest to record i, of which behind is
// the first that does not stand before it.
func nearest(all []witness, behind, i int, fallback time.Duration) time.Duration {
	switch {
	case len(all) == 0:
		return fallback
	case behind == len(all):
		return all[behind-1].offset
	case behind > 0 && i-all[behind-1].at <= all[behind].at-i:
		return all[behind-1].offset
	}
	return all[behind].offset
}

// shift takes the offset at its start from the record's times. Summer time may
// begin or end during a call: how long it lasted tells.
func (r *Record) shift(offset time.Duration) {
	back := func(t time.Time, after time.Duration) time.Time {
		if t.IsZero() {
			return t
		}
		t = t.Add(-offset)
		change := t.Sub(r.Start.Add(after))
		for _, step := range []time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour} {
			if (change.Abs() - step).Abs() <= 2*time.Second {
				if change < 0 {
					step = -step
				}
				return t.Add(-step)
			}
		}
		return t
	}
	if !r.Start.IsZero() {
		r.Start = r.Start.Add(-offset)
	}
	r.End = back(r.End, r.Duration)
	r.Answer = back(r.Answer, r.Duration-r.Billed)
}

// inOrder puts records into the order of the epochs in their ids, of their start
// where there is none, and of their sequence.
func inOrder(records []Record) {
	slices.SortStableFunc(records, func(a, b Record) int {
		return cmp.Or(a.beginning().Compare(b.beginning()), cmp.Compare(a.Sequence, b.Sequence))
	})
}

// beginning is when the record's channel began as far as is known, by the
// second, as ids tell it.
func (r *Record) beginning() time.Time {
	if r.Began.IsZero() {
		return r.Start.Truncate(time.Second)
	}
	return r.Began
}
