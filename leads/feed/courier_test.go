package feed

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/hook"
)

// settled waits until nothing moves, and a little for the place to be written.
func settled() {
	time.Sleep(2 * saveEvery)
	synctest.Wait()
}

// status answers a status to events of some leads, and takes all others.
func status(code int, of ...int64) func(e *Event) hook.Answer {
	return func(e *Event) hook.Answer {
		if e.Data.Lead != nil && (len(of) == 0 || slices.Contains(of, e.Data.Lead.ID)) {
			return hook.Answer{Status: code, Left: true}
		}
		return hook.Answer{Status: 200, Left: true}
	}
}

func TestWhatHappensIsToldInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, 2)
		o.happens(1, leads.EntryMissed) // before the hook was there
		o.do(func(tx *db.Tx) error {
			_, err := tx.Exec("DELETE FROM hooks")
			return err
		})
		o.close()
		o.open()
		o.happens(1, leads.EntryNoted) // before anything is posted
		o.start()
		settled()
		o.took("1:lead.noted")
		o.happens(1, leads.EntryMissed, leads.EntryAssigned, leads.EntryCallDue, leads.EntryAlertSent, leads.EntryAcknowledged, leads.EntryClosed)
		o.happens(2, leads.EntryAsked)
		o.do(func(tx *db.Tx) error {
			return leads.Note(tx, leads.Entry{Contact: leads.Ref(2), Kind: "merged", Detail: "3"})
		})
		settled()
		o.took("1:lead.rang_again", "1:lead.assigned", "1:alert.sent", "1:lead.taken", "1:lead.closed", "2:lead.opened", "contact.merged")
		if s := o.state(); s.Waiting != 0 || s.Delivered.IsZero() || s.Trouble != "" || o.rows() != 0 {
			t.Errorf("the state is %+v, with %d rows", s, o.rows())
		}
	})
}

func TestHookGetsWhatItWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, 1)
		o.close()
		o.events = []Pattern{"alert.*", "lead.closed"}
		o.open()
		o.start()
		settled()
		o.happens(1, leads.EntryMissed, leads.EntryAlertSent, leads.EntryAlertFailed, leads.EntryNoted, leads.EntryClosed)
		settled()
		o.took("1:alert.sent", "1:alert.failed", "1:lead.closed")
		if s := o.state(); s.Waiting != 0 {
			t.Errorf("the state is %+v", s)
		}
	})
}

// A lead that the receiver chokes on holds back itself alone, for a day; then it
// is given up, can be replayed, and what came after it goes on.
func TestOneThatIsNotTakenHoldsBackItsLeadAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, 3)
		o.start()
		settled()
		o.crm.answer(func(e *Event) hook.Answer {
			time.Sleep(time.Second) // meanwhile more happens
			return status(422, 2)(e)
		})
		o.happens(2, leads.EntryMissed, leads.EntryAssigned)
		o.happens(1, leads.EntryMissed)
		o.happens(2, leads.EntryNoted)
		o.happens(3, leads.EntryMissed)
		settled()
		settled()
		o.took("1:lead.opened", "3:lead.opened")
		if s := o.state(); s.Waiting != 3 || !strings.Contains(s.Trouble, "https://crm.example.com answered 422 Unprocessable") || s.Troubled.IsZero() {
			t.Errorf("the state is %+v", s)
		}
		var told, last int64
		if err := o.db.Reader().QueryRow("SELECT told, (SELECT MAX(id) FROM timeline) FROM hooks").Scan(&told, &last); err != nil || told != last {
			t.Errorf("the place is %d of %d (%v)", told, last, err)
		}
		o.again() // what waits is on the disk
		time.Sleep(23 * time.Hour)
		o.happens(2, leads.EntryLater)
		o.happens(3, leads.EntryAssigned)
		settled()
		o.took("3:lead.assigned")
		if n := o.crm.posts(); n < 10 || n > 80 {
			t.Errorf("in 23 hours it was posted %d times", n)
		}
		time.Sleep(2 * time.Hour)
		if s := o.state(); s.GivenUp != 3 || s.Waiting != 1 {
			t.Errorf("after a day the state is %+v", s)
		}
		o.crm.answer(nil)
		time.Sleep(2 * time.Hour)
		o.took("2:lead.later")
		if n, err := o.replay(Replay{Failed: true}); n != 3 || err != nil {
			t.Errorf("%d are replayed (%v)", n, err)
		}
		settled()
		o.took("2:lead.opened again", "2:lead.assigned again", "2:lead.noted again")
		if s := o.state(); s.GivenUp != 0 || s.Waiting != 0 || o.rows() != 0 {
			t.Errorf("after the replay the state is %+v, with %d rows", s, o.rows())
		}
	})
}

// A dead receiver costs a post a minute or so, and a row for each beside what was
// taken in before that was known; what happens stays in the timeline. When it is back it gets everything, in order.
func TestDeadReceiverGetsEverythingWhenItIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 200
		o := newOffice(t, n)
		o.start()
		settled()
		o.crm.answer(status(503))
		for i := range int64(n) {
			o.happens(i+1, leads.EntryMissed)
		}
		for i := range int64(n) {
			o.happens(i+1, leads.EntryAssigned)
		}
		time.Sleep(30 * time.Minute)
		if posts := o.crm.posts(); posts > 450 {
			t.Errorf("in half an hour it was posted %d times", posts)
		}
		if rows := o.rows(); rows > 60 {
			t.Errorf("there are %d rows", rows)
		}
		if s := o.state(); s.Waiting != 2*n || s.Oldest.IsZero() {
			t.Errorf("the state is %+v", s)
		}
		o.again()
		o.crm.answer(nil)
		time.Sleep(10 * time.Minute)
		got := map[string]int{}
		for at, what := range o.crm.taken() {
			got[what] = at + 1
		}
		for i := range n {
			opened, assigned := got[fmt.Sprintf("%d:lead.opened", i+1)], got[fmt.Sprintf("%d:lead.assigned", i+1)]
			if opened == 0 || assigned < opened {
				t.Errorf("lead %d was told at %d and %d", i+1, opened, assigned)
			}
		}
		if s := o.state(); s.Waiting != 0 || s.GivenUp != 0 {
			t.Errorf("the state is %+v", s)
		}
	})
}

// What has waited for long is tried as soon as a dead receiver takes anything.
func TestWhatWaitsIsTriedWhenTheReceiverIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, 12)
		o.start()
		settled()
		o.crm.answer(status(503))
		for lead := range int64(12) {
			if lead == 10 {
				time.Sleep(time.Minute) // it counts as dead: the last two are tried a minute apart
			}
			o.happens(lead+1, leads.EntryNoted)
		}
		time.Sleep(10*time.Hour + 2*time.Minute)
		o.crm.answer(nil)
		back := time.Now()
		for o.state().Waiting > 0 {
			time.Sleep(time.Second)
		}
		if took := time.Since(back); took > 31*time.Minute || len(o.crm.taken()) != 12 {
			t.Errorf("it took %s", took)
		}
		var first, last time.Time
		for i := range o.crm.at {
			if at := o.crm.at[i]; at.After(back) && first.IsZero() {
				first = at
			}
			last = o.crm.at[i]
		}
		if last.Sub(first) > time.Minute {
			t.Errorf("from the first to the last it took %s", last.Sub(first))
		}
	})
}

// What waits by itself above the place, as after a kill, is posted once.
func TestWhatWaitsAboveThePlaceIsPostedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, 1)
		o.happens(1, leads.EntryMissed)
		o.do(func(tx *db.Tx) error {
			kept := delivery{entry: 1, subject: (&entry{lead: leads.Ref(1)}).subject(), since: tx.Now()}
			return kept.wait(tx, "crm")
		})
		o.start()
		time.Sleep(time.Minute)
		o.took("1:lead.opened")
	})
}

// A replay that is asked for while another place is being written stands.
func TestReplayIsNotWrittenOver(t *testing.T) {
	o := newOffice(t, 1)
	o.happens(1, leads.EntryMissed, leads.EntryNoted)
	o.do(func(tx *db.Tx) error {
		if _, err := tx.Exec("UPDATE hooks SET told = 2"); err != nil {
			return err
		}
		old, err := findPlace(tx, "crm")
		if err != nil {
			return err
		}
		if _, err := o.feed.Replay(tx, "crm", Replay{Since: time.Unix(1, 0)}); err != nil {
			return err
		}
		old.again = 2
		if err := old.keep(tx, "crm"); err != nil {
			return err
		}
		if at, err := findPlace(tx, "crm"); err != nil || at.again != 0 || at.until != 2 {
			t.Errorf("the place is %+v (%v)", at, err)
		}
		return nil
	})
}

func TestReceiverThatWantsToBeLeftAloneIs(t *testing.T) {
	for name, answer := range map[string]hook.Answer{"gone": {Status: 410}, "retry after": {Status: 429, After: 3 * time.Hour}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice(t, 2)
				o.start()
				settled()
				o.crm.answer(func(*Event) hook.Answer { return answer })
				o.happens(1, leads.EntryMissed)
				settled()
				o.happens(2, leads.EntryMissed)
				time.Sleep(55 * time.Minute)
				if n := o.crm.posts(); n != 1 {
					t.Errorf("in an hour it was posted %d times", n)
				}
				o.crm.answer(nil)
				time.Sleep(10 * time.Minute)
				o.took("1:lead.opened", "2:lead.opened")
			})
		})
	}
}

func TestReplays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, 2)
		o.start()
		settled()
		o.happens(1, leads.EntryMissed)
		time.Sleep(time.Hour)
		noon := time.Now()
		o.happens(1, leads.EntryAssigned)
		o.happens(2, leads.EntryMissed)
		settled()
		ids := map[string]bool{}
		o.crm.mu.Lock()
		for _, e := range o.crm.took {
			ids[e.ID] = true
		}
		o.crm.mu.Unlock()
		o.took("1:lead.opened", "1:lead.assigned", "2:lead.opened")
		if n, err := o.replay(Replay{Lead: 1}); n != 2 || err != nil {
			t.Errorf("%d are replayed (%v)", n, err)
		}
		settled()
		o.took("1:lead.opened again", "1:lead.assigned again")
		for range 2 { // the second finds the first at work, or done
			if n, err := o.replay(Replay{Since: noon}); n != 2 || err != nil {
				t.Errorf("%d are replayed (%v)", n, err)
			}
			settled()
			o.took("1:lead.assigned again", "2:lead.opened again")
		}
		if _, err := o.replay(Replay{Since: time.Now().Add(time.Hour)}); err != nil {
			t.Error(err)
		}
		settled()
		o.took()
		for _, wrong := range []Replay{{}, {Lead: 1, Failed: true}, {Failed: true, Since: noon}, {Lead: -1}, {Lead: 1, Since: noon, Failed: true}} {
			if _, err := o.replay(wrong); err == nil {
				t.Errorf("%+v was taken", wrong)
			}
		}
		if _, err := o.replayTo("erp", Replay{Lead: 1}); err == nil {
			t.Error("a hook that is not there was taken")
		}
		for _, e := range o.crm.seen {
			if !ids[e.ID] {
				t.Errorf("%s came with another id", e.ID)
			}
		}
	})
}

// Whatever a receiver does, and however often the daemon is started anew: every
// event is taken, and those of one lead in their order.
func TestOrderOfALeadUnderTrouble(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { trouble(t, rand.New(rand.NewPCG(seed, 6))) })
		})
	}
}

func trouble(t *testing.T, roll *rand.Rand) {
	const n = 12
	o := newOffice(t, n)
	o.start()
	settled()
	dice := make(chan int) // the receiver's, which is asked from many sides
	over := make(chan struct{})
	defer close(over)
	source := rand.New(rand.NewPCG(roll.Uint64(), 1))
	go func() {
		for {
			select {
			case dice <- source.IntN(100):
			case <-over:
				return
			}
		}
	}()
	bad := roll.IntN(90)
	o.crm.answer(func(e *Event) hook.Answer {
		time.Sleep(time.Duration(<-dice) * 20 * time.Millisecond)
		switch roll := <-dice; {
		case roll >= bad:
			return hook.Answer{Status: 200, Left: true}
		case roll%5 == 0:
			return hook.Answer{Status: 429, After: time.Duration(roll) * time.Second, Left: true}
		case roll%5 == 1:
			return hook.Answer{Err: fmt.Errorf("cut off"), Left: true}
		}
		return hook.Answer{Status: 500, Left: true}
	})
	kinds := []string{leads.EntryMissed, leads.EntryAssigned, leads.EntryNoted, leads.EntryTried, leads.EntryClosed}
	want := map[int64]int{}
	for range 120 {
		lead := 1 + roll.Int64N(n)
		o.happens(lead, kinds[roll.IntN(len(kinds))])
		want[lead]++
		if roll.IntN(4) == 0 {
			time.Sleep(time.Duration(roll.IntN(60)) * time.Second)
		}
		if roll.IntN(30) == 0 {
			o.again()
		}
	}
	time.Sleep(20 * time.Hour)
	o.crm.answer(nil)
	time.Sleep(3 * time.Hour)
	inOrder(t, o, want)
}

// inOrder holds what was taken against how much happened to each lead: every
// event, and each before those after it.
func inOrder(t *testing.T, o *office, want map[int64]int) {
	t.Helper()
	o.crm.mu.Lock()
	defer o.crm.mu.Unlock()
	got, last, known := map[int64]int{}, map[int64]int64{}, map[string]bool{}
	for i := range o.crm.took {
		e := &o.crm.took[i]
		if known[e.ID] {
			continue // posted again: the receiver knows it
		}
		known[e.ID] = true
		var id, at int64
		if _, err := fmt.Sscanf(e.ID, "evt_%d_%d", &id, &at); err != nil {
			t.Fatal(err)
		}
		lead := e.Data.Lead.ID
		if id < last[lead] {
			t.Errorf("of lead %d, %d came after %d", lead, id, last[lead])
		}
		last[lead] = id
		got[lead]++
	}
	for lead, n := range want {
		if got[lead] != n {
			t.Errorf("of lead %d, %d of %d events were taken", lead, got[lead], n)
		}
	}
	if s := o.state(); s.Waiting != 0 || s.GivenUp != 0 {
		t.Errorf("the state is %+v", s)
	}
}

// The daemon dies beside every commit of a story in which a receiver refuses now
// and then; the next one goes on.
func TestDeathBesideEveryCommit(t *testing.T) {
	for _, after := range []bool{false, true} {
		for commit := 1; ; commit++ {
			died := false
			t.Run(fmt.Sprint(commit, after), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { died = death(t, db.Boundary{Commit: commit, After: after}) })
			})
			if !died || t.Failed() {
				break
			}
		}
	}
}

func death(t *testing.T, at db.Boundary) (died bool) {
	o := newOffice(t, 3)
	o.start()
	settled()
	posts := 0
	o.crm.answer(func(e *Event) hook.Answer {
		o.crm.mu.Lock()
		defer o.crm.mu.Unlock()
		if posts++; posts%3 == 1 {
			return hook.Answer{Status: 500, Left: true}
		}
		return hook.Answer{Status: 200, Left: true}
	})
	var gone atomic.Bool
	commits := 0
	o.do(func(tx *db.Tx) error {
		tx.AfterCommit(func() { // on the writer's goroutine, which alone asks for it
			o.dies = func(b db.Boundary) error {
				if !b.After {
					commits++
				}
				if !gone.Load() && commits == at.Commit && b.After == at.After {
					gone.Store(true)
					return fmt.Errorf("death")
				}
				return nil
			}
		})
		return nil
	})
	want := map[int64]int{}
	for i := range 9 {
		lead := int64(1 + i%3)
		err := o.db.Do(t.Context(), func(tx *db.Tx) error {
			return leads.Note(tx, leads.Entry{Lead: leads.Ref(lead), Kind: leads.EntryNoted})
		})
		if err == nil || at.After && gone.Load() {
			want[lead]++
		}
		if err != nil {
			o.again()
		}
		time.Sleep(7 * time.Second)
		if gone.Load() && o.db.Health(t.Context()) != nil {
			o.again()
		}
	}
	time.Sleep(time.Hour)
	if gone.Load() && o.db.Health(t.Context()) != nil {
		o.again()
		time.Sleep(time.Hour)
	}
	inOrder(t, o, want)
	return gone.Load()
}
