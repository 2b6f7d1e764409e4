package cdr

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
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

// An hour comes twice while somebody rings: what Asterisk wrote of the time before
// and after is one call of a few seconds, whenever it is asked for.
func TestCallWhileSummerTimeEnds(t *testing.T) {
	zone := func(hours int) *time.Location { return time.FixedZone("", hours*3600) }
	began := time.Date(2026, 10, 25, 0, 59, 58, 0, time.UTC)
	id := fmt.Sprintf("%d.7", began.Unix())
	rings := Record{UniqueID: id, LinkedID: id, Channel: "PJSIP/trunk-1", Source: "+4930123", Dialed: "100", App: "Dial", Began: began, Start: began,
		End: began.Add(3 * time.Second), Duration: 3 * time.Second, Disposition: NoAnswer, Sequence: 41}
	ends := rings
	ends.App, ends.Start, ends.Duration, ends.Sequence = "Hangup", rings.End, 0, 42
	summer, winter := pen{zone: zone(2), unique: true, news: true}, pen{zone: zone(1), unique: true, news: true}
	first := strings.Replace(summer.row(rings), "03:00:01", "02:00:01", 1) // which it was then
	path := filepath.Join(t.TempDir(), "Master.csv")
	writeFile(t, path, first+winter.row(ends))
	for _, until := range []time.Time{{}, began.Add(time.Minute)} {
		log, err := csvSource{path}.Read(t.Context(), began.Add(-2*time.Second), until, nil)
		if err != nil || !slices.Equal(log.Records, []Record{rings, ends}) {
			t.Errorf("until %v: %+v, %v", until, log.Records, err)
		}
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
