package dials_test

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringback/leads/db"
	"ringback/leads/dials"
)

func openT(t *testing.T) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{Path: filepath.Join(t.TempDir(), "t.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// do runs fn in a transaction.
func do(t *testing.T, d *db.DB, fn func(tx *db.Tx) error) {
	t.Helper()
	if err := d.Do(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// book inserts calls out.
func book(t *testing.T, d *db.DB, list ...dials.Dial) {
	t.Helper()
	do(t, d, func(tx *db.Tx) error {
		for _, one := range list {
			if one.Call == "" {
				one.Call = one.Channel
			}
			if err := dials.Insert(tx, &one); err != nil {
				return err
			}
		}
		return nil
	})
}

func end(t *testing.T, d *db.DB, channel string, o dials.Outcome) {
	t.Helper()
	do(t, d, func(tx *db.Tx) error { return dials.End(tx, channel, o, "") })
}

func TestLifeOfADial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openT(t)
		var ends []dials.Dial
		stop := d.Listen(dials.TopicEnded, func(note any) { ends = append(ends, note.(dials.Dial)) })
		defer stop()
		want := dials.Dial{ID: 1, Channel: "a", Call: "a", PBX: "main", Trunk: "out", Kind: dials.Reminder, Number: "+79161234567",
			Device: "Local/79161234567@out", Who: "anna", Job: 7, Lead: 8, Reminder: 9, Booked: time.Now().UTC()}
		book(t, d, want, dials.Dial{Channel: "b", PBX: "main", Kind: dials.Manager, Job: 7}, dials.Dial{Channel: "c", PBX: "other", Job: 1})
		read := func() (job, open []dials.Dial) {
			do(t, d, func(tx *db.Tx) (err error) {
				if job, err = dials.OfJob(tx, 7); err != nil {
					return err
				}
				open, err = dials.Open(tx, "main")
				return err
			})
			return job, open
		}
		job, open := read()
		if len(job) != 2 || len(open) != 2 || job[0].Channel != "b" || !reflect.DeepEqual(open[0], want) {
			t.Errorf("of the job %+v, open %+v, want %+v", job, open, want)
		}
		step := func(fn func(tx *db.Tx) error) time.Time {
			time.Sleep(time.Second)
			do(t, d, fn)
			return time.Now().UTC()
		}
		want.Answered = step(func(tx *db.Tx) error { return dials.MarkAnswered(tx, "a") })
		step(func(tx *db.Tx) error { return dials.MarkAnswered(tx, "a") })
		step(func(tx *db.Tx) error { return dials.MarkKey(tx, "a", "1") })
		hostile := "Busy\r\nhere\x00 " + strings.Repeat("x", 1000)
		want.Ended = step(func(tx *db.Tx) error { return dials.End(tx, "a", dials.Busy, hostile) })
		step(func(tx *db.Tx) error { return dials.End(tx, "a", dials.Failed, "later") })
		step(func(tx *db.Tx) error { return dials.MarkAnswered(tx, "a") })
		want.Key, want.Outcome = "1", dials.Busy
		want.Detail = "Busy here " + strings.Repeat("x", 289) + "…"
		job, open = read()
		if len(open) != 1 || open[0].Channel != "b" || !reflect.DeepEqual(job[1], want) {
			t.Errorf("after its end %+v, want %+v; open %+v", job[1], want, open)
		}
		if len(ends) != 1 || ends[0].Kind != dials.Reminder || ends[0].Outcome != dials.Busy {
			t.Errorf("told were the ends %+v", ends)
		}
		if err := d.Do(t.Context(), func(tx *db.Tx) error { return dials.Insert(tx, &dials.Dial{Channel: "a"}) }); err == nil {
			t.Error("one channel id was booked twice")
		}
	})
}

func TestConsumed(t *testing.T) {
	list := []dials.Dial{{Call: "a", Outcome: dials.NoAnswer}, {Call: "a", Outcome: dials.Busy}, {Call: "b", Outcome: dials.Congestion}, {Call: "c"}}
	if n := dials.Consumed(list); n != 2 {
		t.Errorf("%d attempts, want 2: two legs are one, congestion none", n)
	}
}

const client = "+79161234567"

// look reads a history.
func look(t *testing.T, d *db.DB, of dials.Of) dials.History {
	t.Helper()
	var h dials.History
	do(t, d, func(tx *db.Tx) (err error) {
		h, err = dials.Look(tx, of)
		return err
	})
	return h
}

func TestHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openT(t)
		begin := time.Now().UTC()
		reminder := func(channel string) dials.Dial {
			return dials.Dial{Channel: channel, Kind: dials.Reminder, Number: client, PBX: "main", Trunk: "out"}
		}
		book(t, d, reminder("r1"))
		end(t, d, "r1", dials.Congestion)
		if h := look(t, d, dials.Of{Number: client}); len(h.ToNumber) != 0 || h.NumberBusy || len(h.Begun) != 1 {
			t.Errorf("a trunk without room: %+v", h)
		}
		time.Sleep(time.Second)
		book(t, d, reminder("r2"))
		h := look(t, d, dials.Of{Number: client, PBX: "main", Trunk: "out"})
		if len(h.ToNumber) != 1 || !h.ToNumber[0].Equal(begin.Add(time.Second)) || !h.NumberBusy || h.Open != 1 || h.OpenOnTrunk != 1 || len(h.BegunOnTrunk) != 1 {
			t.Errorf("one that rings: %+v", h)
		}
		if h := look(t, d, dials.Of{Number: "+79160000000", PBX: "other", Trunk: "out"}); h.ToNumber != nil || h.NumberBusy || h.Open != 1 || h.OpenOnTrunk != 0 ||
			len(h.Begun) != 1 || h.BegunOnTrunk != nil {
			t.Errorf("another number by another trunk: %+v", h)
		}
		if h := look(t, d, dials.Of{Number: client, Call: "r2"}); h.ToNumber != nil || h.NumberBusy {
			t.Errorf("of the same call: %+v", h)
		}
		time.Sleep(time.Second)
		end(t, d, "r2", dials.NoAnswer)
		if h := look(t, d, dials.Of{Number: client, PBX: "main", Trunk: "out"}); h.NumberBusy || h.Open != 0 || h.OpenOnTrunk != 0 || h.Begun != nil || len(h.ToNumber) != 1 {
			t.Errorf("one that has ended: %+v", h)
		}
		time.Sleep(dials.NumberSpan)
		if h := look(t, d, dials.Of{Number: client}); h.ToNumber != nil {
			t.Errorf("one of a month ago: %+v", h)
		}
	})
}

func TestHistoryOfAJob(t *testing.T) {
	d := openT(t)
	book(t, d, dials.Dial{Channel: "a", Kind: dials.Reminder, Job: 7, Number: client}, dials.Dial{Channel: "b", Kind: dials.Reminder, Job: 7, Number: client},
		dials.Dial{Channel: "talk", Kind: dials.Connect, Job: 7}, dials.Dial{Channel: "c", Kind: dials.Reminder, Job: 8})
	channels := func(h dials.History) (names string) {
		for _, one := range h.Former {
			names += one.Channel
		}
		return names
	}
	for want, of := range map[string]dials.Of{"ba": {Job: 7}, "a": {Job: 7, Call: "b"}, "c": {Job: 8}, "": {}} {
		if got := channels(look(t, d, of)); got != want {
			t.Errorf("former calls of %+v are %q, want %q", of, got, want)
		}
	}
}

func TestHistoryOfAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openT(t)
		leg := func(channel, call, who string) dials.Dial {
			return dials.Dial{Channel: channel, Call: call, Who: who, Kind: dials.Manager, Device: "PJSIP/" + who}
		}
		book(t, d, leg("a", "a", "anna"), leg("b", "a", "anna"), leg("c", "c", "boris"))
		if h := look(t, d, dials.Of{Who: "anna"}); len(h.ToPerson) != 1 || !h.PersonBusy || h.Open != 0 || h.Begun != nil {
			t.Errorf("two legs of one call: %+v", h)
		}
		if h := look(t, d, dials.Of{Who: "anna", Call: "a"}); h.ToPerson != nil || h.PersonBusy {
			t.Errorf("of the same call: %+v", h)
		}
		end(t, d, "a", dials.NoAnswer)
		end(t, d, "b", dials.NoAnswer)
		book(t, d, dials.Dial{Channel: "talk", Kind: dials.Connect, Number: client, Who: "anna"})
		if h := look(t, d, dials.Of{Who: "anna"}); !h.PersonBusy || len(h.ToPerson) != 1 {
			t.Errorf("connected with a client: %+v", h)
		}
		end(t, d, "talk", dials.Answered)
		book(t, d, dials.Dial{Channel: "r", Kind: dials.Reminder, Number: client, Who: "anna"})
		if h := look(t, d, dials.Of{Who: "anna"}); h.PersonBusy {
			t.Errorf("a reminder in her name keeps nobody's phone busy: %+v", h)
		}
		if h := look(t, d, dials.Of{}); h.ToPerson != nil || h.PersonBusy || h.ToNumber != nil || h.NumberBusy || h.OpenOnTrunk != 0 {
			t.Errorf("of nobody: %+v", h)
		}
		time.Sleep(dials.PersonSpan)
		if h := look(t, d, dials.Of{Who: "anna"}); h.ToPerson != nil {
			t.Errorf("after three hours: %+v", h)
		}
	})
}

// A client who is on the phone with anybody is not rung.
func TestNumberInACallOfOthers(t *testing.T) {
	d := openT(t)
	do(t, d, func(tx *db.Tx) error {
		for _, change := range []string{
			"INSERT INTO contacts (id, name, created) VALUES (1, 'x', 0)",
			"INSERT INTO numbers (number, contact) VALUES ('" + client + "', 1), ('+79160000001', 1)",
			`INSERT INTO calls (pbx, call, direction, caller, caller_name, dialed, line, pool, started, source, contact, ended) VALUES
				('main', '1', 'inbound', '+79160000001', '', '', '', '', 1, 'ari', 1, NULL),
				('main', '2', 'outbound', '', '', '+79160000002', '', '', 1, 'ari', NULL, NULL),
				('main', '3', 'inbound', '+79160000003', '', '', '', '', 1, 'ari', NULL, 5)`,
		} {
			if _, err := tx.Exec(change); err != nil {
				return err
			}
		}
		return nil
	})
	for number, busy := range map[string]bool{client: true, "+79160000001": true, "+79160000002": true, "+79160000003": false, "+79160000004": false} {
		if h := look(t, d, dials.Of{Number: number}); h.NumberBusy != busy {
			t.Errorf("%s busy: %v, want %v", number, h.NumberBusy, busy)
		}
	}
}
