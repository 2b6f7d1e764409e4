package jobs

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ringback/leads/db"
)

// TestJobsMoveOnceWithTheClock also when the Runner could not know that they
// have moved and moves them again, while new ones are promised.
func TestJobsMoveOnceWithTheClock(t *testing.T) {
	for _, by := range []time.Duration{-time.Hour, time.Hour, 90 * time.Second} {
		t.Run(by.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var set atomic.Int64
				wall := func() time.Time { return time.Now().Add(time.Duration(set.Load())) }
				d, says := openT(t, db.Config{Now: wall}), newDiary()
				r, err := NewRunner(d, []Work{simple(says, "count")}, Options{})
				if err != nil {
					t.Fatal(err)
				}
				promise := func(key string) time.Time {
					due := wall().Add(50 * time.Minute).Truncate(time.Millisecond)
					enqueue(t, d, Job{Kind: "count", Key: key, Due: due})
					return due
				}
				old := promise("old")
				time.Sleep(time.Minute)
				var clock dial
				clock.step(wall())
				time.Sleep(5 * time.Second)
				set.Store(int64(by))
				m := clock.step(wall())
				var fresh time.Time
				for try := range 3 {
					if err := d.Do(t.Context(), func(tx *db.Tx) error { return r.setClock(tx, m) }); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Minute)
					if try == 0 {
						fresh = promise("fresh")
					}
				}
				for key, want := range map[string]time.Time{"old": old.Add(by), "fresh": fresh} {
					if row := look(t, d, key); row.due != db.Millis(want) {
						t.Errorf("%s is due %v, want %v", key, db.Time(row.due), want)
					}
				}
			})
		})
	}
}

// TestTheClockIsSet sets the clock while promises wait: what counts time is
// done after the time that was promised, what is a date when the clock shows it,
// nothing by an earlier clock than its own, nothing twice, nothing never. That
// the clock jumped over a date is seen when the Runner looks up next.
func TestTheClockIsSet(t *testing.T) {
	for _, by := range []time.Duration{-time.Hour, time.Hour, -90 * time.Second, 90 * time.Second, -48 * time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var set atomic.Int64
				wall := func() time.Time { return time.Now().Add(time.Duration(set.Load())) }
				d, says := openT(t, db.Config{Now: wall}), newDiary()
				dated := simple(says, "date")
				dated.Dated = true
				_, stop := run(t, d, simple(says, "count"), dated)
				start := wall()
				enqueue(t, d,
					Job{Kind: "count", Key: "in 10 min", Due: start.Add(10 * time.Minute)},
					Job{Kind: "count", Key: "in an hour, for a minute", Due: start.Add(time.Hour), Expires: start.Add(time.Hour + time.Minute)},
					Job{Kind: "count", Key: "in a day", Due: start.Add(24 * time.Hour)},
					Job{Kind: "date", Key: "at half past", Due: start.Add(30 * time.Minute)},
					Job{Kind: "date", Key: "at 3", Due: start.Add(3 * time.Hour)})
				time.Sleep(5 * time.Minute)
				set.Store(int64(by))
				enqueue(t, d, Job{Kind: "count", Key: "1 min after", Due: wall().Add(time.Minute)}, Job{Kind: "count", Key: "at once"})
				time.Sleep(80 * time.Hour)
				stop()
				for key, want := range map[string]time.Duration{
					"at once": 5 * time.Minute, "1 min after": 6 * time.Minute, "in 10 min": 10 * time.Minute, "in an hour, for a minute": time.Hour,
					"at 3": 3*time.Hour - by, "in a day": 24*time.Hour - by,
					"at half past": max(30*time.Minute-by, 5*time.Minute),
				} {
					var at int64
					if err := d.Reader().QueryRow("SELECT ended FROM jobs WHERE key = $1 AND state = 'done'", key).Scan(&at); err != nil {
						t.Fatalf("%s: %v: %+v", key, err, look(t, d, key))
					}
					passed := db.Time(at).Sub(start)
					if passed >= 5*time.Minute+by || by < 0 { // ended after the clock was set
						passed -= by
					}
					if off := passed - want; off < 0 || off > time.Millisecond && (off > recheck || want != 5*time.Minute) {
						t.Errorf("%s was done after %v, wanted after %v", key, passed, want)
					}
				}
				if n := says.len(); n != 7 {
					t.Errorf("%d jobs were done: %v", n, says.lines)
				}
			})
		})
	}
}
