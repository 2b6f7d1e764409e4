package cdr

import (
	"slices"
	"testing"
	"time"
)

func TestBegan(t *testing.T) {
	for id, want := range map[string]int64{
		"1795328308.12": 1795328308, "pbx-1795328308.12": 1795328308, "a-1.b-1795328308.0": 1795328308, "-1-999999999.1": 999999999,
		"": 0, "1795328308": 0, "1795328308.": 0, ".12": 0, "-1795328308.12": 0, "pbx1795328308.12": 0, "17953283.12": 0, "179532830812.1": 0,
		"1795328308.1x": 0, "1795328308.1.2": 0, "robot-12": 0,
	} {
		if at := began(id); want == 0 && !at.IsZero() || want != 0 && !at.Equal(time.Unix(want, 0)) {
			t.Errorf("%q began at %v, want %d", id, at, want)
		}
	}
}

// A channel whose first record was left out tells no zone, where its neighbours
// tell another; the hour that comes twice comes right.
func TestSettle(t *testing.T) {
	at := func(hour, minute int) time.Time { return time.Date(2026, 10, 25, hour, minute, 0, 0, time.UTC) }
	var records []Record
	add := func(id string, began, local time.Time) {
		records = append(records, Record{UniqueID: id, Began: began, Start: local, End: local.Add(time.Minute), Duration: time.Minute})
	}
	add("a", at(0, 1), at(2, 1)) // two hours ahead
	add("b", at(0, 2), at(2, 2))
	add("c", at(0, 3), at(2, 33)) // began again after half an hour
	add("robot", time.Time{}, at(2, 4))
	add("d", at(0, 5), at(2, 5))
	add("e", at(0, 59), at(2, 59))
	records[5].End = at(2, 0) // and it was two o'clock again
	add("f", at(1, 2), at(2, 2))
	add("g", at(1, 3), at(2, 3))
	offset, witnessed := settle(records, 0)
	if offset != time.Hour || !witnessed {
		t.Errorf("the zone is %v, %v", offset, witnessed)
	}
	for i, want := range []time.Time{at(0, 1), at(0, 2), at(0, 33), at(0, 4), at(0, 5), at(0, 59), at(1, 2), at(1, 3)} {
		if r := &records[i]; !r.Start.Equal(want) || !r.End.Equal(want.Add(time.Minute)) {
			t.Errorf("%s started %v until %v, want %v", r.UniqueID, r.Start, r.End, want)
		}
	}
	if offset, witnessed := settle([]Record{{Start: at(2, 0)}}, 3*time.Hour); offset != 3*time.Hour || witnessed {
		t.Errorf("nobody tells the zone, and it is %v, %v", offset, witnessed)
	}
}

func TestChannelsOfOneSecondAreOrderedByTheirCounter(t *testing.T) {
	ids := []string{"1795380979.1232", "pbx-1795380979.7", "1795380979.989", "no id", "1795380978.5000", "b.1", "1795380979.88", "a.22", "ab"}
	slices.SortFunc(ids, compareIDs)
	want := []string{"a.22", "ab", "b.1", "no id", "1795380978.5000", "pbx-1795380979.7", "1795380979.88", "1795380979.989", "1795380979.1232"}
	if !slices.Equal(ids, want) {
		t.Errorf("%q, want %q", ids, want)
	}
}
