package feed

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"ringback/leads"
	"ringback/leads/hook"
)

// A receiver that is back is known as such within a minute or so: whether it counts
// as dead or not, and where nothing happens but to leads that wait already, too.
func TestReceiverThatIsBackIsSoonKnown(t *testing.T) {
	for name, n := range map[string]int64{"one lead": 1, "dead": 12} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice(t, int(n))
				o.start()
				settled()
				o.crm.answer(func(*Event) hook.Answer { return hook.Answer{Err: fmt.Errorf("connection refused")} })
				for i := range 8 * n {
					o.happens(1+i%n, leads.EntryNoted)
					time.Sleep(time.Minute)
				}
				time.Sleep(5 * time.Hour)
				o.crm.posts()
				time.Sleep(time.Hour)
				if posts := o.crm.posts(); posts > 60*2+2*int(n) {
					t.Errorf("in an hour it was posted %d times", posts)
				}
				o.crm.answer(nil)
				go func() {
					for i := range n {
						o.happens(1+i, leads.EntryNoted)
						time.Sleep(5 * time.Second)
					}
				}()
				time.Sleep(probeEvery + 20*time.Second)
				inOrder(t, o, map[int64]int{1: 9})
			})
		})
	}
}

// Who asks for events again says that the receiver is there.
func TestReplayWakesTheCourier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, 2)
		o.start()
		settled()
		o.happens(1, leads.EntryNoted)
		settled()
		o.took("1:lead.noted")
		o.crm.answer(status(410))
		o.happens(2, leads.EntryMissed, leads.EntryNoted)
		settled()
		o.crm.answer(nil)
		if _, err := o.replay(Replay{Lead: 1}); err != nil {
			t.Error(err)
		}
		settled()
		o.took("1:lead.noted again", "2:lead.opened", "2:lead.noted")
	})
}

// Who has seen that the receiver is there says so.
func TestWakeHasWhatWaitsPosted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, 1)
		o.start()
		settled()
		o.crm.answer(status(410))
		o.happens(1, leads.EntryMissed, leads.EntryNoted)
		settled()
		o.crm.answer(nil)
		o.feed.Wake("another")
		settled()
		o.took()
		o.feed.Wake("crm")
		settled()
		o.took("1:lead.opened", "1:lead.noted")
	})
}

// What waits is not rewritten by a replay: it comes once, and is given up when its
// day is over. What was given up and is gone through again counts as such no more.
func TestReplayLeavesWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, 2)
		o.start()
		settled()
		o.crm.answer(status(422, 2))
		begun := time.Now()
		o.happens(2, leads.EntryMissed, leads.EntryNoted)
		o.happens(1, leads.EntryMissed)
		time.Sleep(23 * time.Hour)
		o.took("1:lead.opened")
		if _, err := o.replay(Replay{Since: begun}); err != nil {
			t.Error(err)
		}
		settled()
		o.took("1:lead.opened again")
		if s := o.state(); s.Waiting != 2 {
			t.Errorf("the state is %+v", s)
		}
		time.Sleep(2 * time.Hour)
		if s := o.state(); s.Waiting != 0 || s.GivenUp != 2 {
			t.Errorf("after a day the state is %+v", s)
		}
		o.crm.answer(nil)
		if _, err := o.replay(Replay{Since: begun}); err != nil {
			t.Error(err)
		}
		settled()
		o.took("1:lead.opened again", "2:lead.opened again", "2:lead.noted again")
		if s := o.state(); s.GivenUp != 0 || o.rows() != 0 {
			t.Errorf("after the replay the state is %+v", s)
		}
	})
}
