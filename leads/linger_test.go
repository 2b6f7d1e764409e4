package leads_test

import (
	"testing"
	"testing/synctest"
	"time"

	"ringback/ari/call"
)

// The beginning of a call waits a moment for what comes next, and is written in its
// newest state; the end of any call waits for nothing.
func TestBeginningsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, nil)
		stop := q.run()
		synctest.Wait()
		facts := missed(3)
		wantRows := func(when string, want int) {
			t.Helper()
			synctest.Wait()
			if got := read(t, q.db, "SELECT call FROM calls"); len(got) != want {
				t.Errorf("%s %d calls are on the disk: %v", when, len(got), got)
			}
		}
		q.book.Tell(facts[:1])
		wantRows("at once", 0)
		time.Sleep(249 * time.Millisecond)
		wantRows("after 249 ms", 0)
		time.Sleep(time.Millisecond)
		wantRows("after 250 ms", 1)

		q.book.Tell(facts[2:3])
		rang := facts[2]
		rang.Kind, rang.Call.Legs = call.Moved, []call.Leg{{Party: anna, Channel: "leg", Rang: true}}
		q.book.Tell([]call.Fact{rang})
		wantRows("with nobody's end", 1)
		q.book.Tell(facts[5:])
		wantRows("with the end of another", 2)
		time.Sleep(250 * time.Millisecond)
		wantRows("250 ms later", 3)
		open, err := q.book.OpenCalls(t.Context(), main)
		if err != nil || len(open) != 2 || len(open[1].Legs) != 1 {
			t.Errorf("the calls in progress are kept as %+v, %v", open, err)
		}
		time.Sleep(10 * time.Millisecond)
		q.book.Tell(facts[4:5]) // a beginning that comes after its end
		time.Sleep(250 * time.Millisecond)
		wantRows("in the end", 3)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
