package robotcall_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"ringback/ari/pbx"
	"ringback/ari/softphone"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/robotcall"
	"ringback/routing"
)

// A manager is rung, hears who waits, presses 1, and the two are talking; what
// the tracker sees of that closes the lead.
func TestConnected(t *testing.T) {
	t.Parallel()
	o := openOffice(t, nil)
	o.missed(firstClient)
	anna := o.rung(pbx.Manager1)
	o.hears(anna, softphone.Voice)
	o.presses(anna, "1")
	client := o.clientRung()
	o.hears(client, annasTone)
	o.hears(anna, clientTone)
	o.eventually("the talk is seen", "1", "SELECT COUNT(*) FROM calls WHERE direction = 'outbound' AND answered_by = '101'")
	time.Sleep(time.Second + 200*time.Millisecond) // a talk that counts takes a second
	o.do(client.Hangup(o.ctx))
	o.over(anna)
	o.eventually("the lead is closed", "called_back anna", "SELECT outcome || ' ' || closed_by FROM leads")
	o.eventually("the dials have ended", "connect answered, manager answered", `SELECT group_concat(kind || ' ' || outcome, ', ')
		FROM (SELECT * FROM dials WHERE ended > 0 ORDER BY kind)`)
}

// A key that is pressed while digits are said ends what is said.
func TestKeyDuringTheNumber(t *testing.T) {
	t.Parallel()
	o := openOffice(t, nil)
	o.missed(firstClient)
	anna := o.rung(pbx.Manager1)
	said := func() string {
		log, err := os.ReadFile(o.pbx.LogFile)
		o.do(err)
		return string(log)
	}
	for !strings.Contains(said(), "Playing 'digits/"+firstClient[2:3]) {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-o.ctx.Done():
			t.Fatal("the number is not said")
		}
	}
	o.presses(anna, "1")
	client := o.clientRung()
	o.hears(client, annasTone)
	if strings.Contains(said(), "Playing 'vm-tocallnum") {
		t.Error("all was said to the end before")
	}
}

// A conversation goes on when the daemon stops, and when it comes back.
func TestConversationOutlivesTheDaemon(t *testing.T) {
	t.Parallel()
	o := openOffice(t, nil)
	o.missed(firstClient)
	anna := o.rung(pbx.Manager1)
	o.hears(anna, softphone.Voice)
	o.presses(anna, "1")
	client := o.clientRung()
	o.hears(client, annasTone)
	o.stop()
	o.live()
	o.eventually("the dials are taken over", "2", "SELECT COUNT(*) FROM dials WHERE ended = 0")
	if client.Heard()[len(client.Heard())-1].Until != (time.Time{}) {
		t.Errorf("the client has heard %v", client.Heard())
	}
	o.do(anna.Hangup(o.ctx))
	o.over(client)
	o.eventually("the dials have ended", "2", "SELECT COUNT(*) FROM dials WHERE outcome = 'answered'")
}

// What each key does, and what is said to none and to a wrong one.
func TestKeys(t *testing.T) {
	t.Parallel()
	o := openOffice(t, nil, func(p robotcall.Prompts) {
		for _, long := range []robotcall.Prompt{robotcall.PromptNumberIs, robotcall.PromptLine, robotcall.PromptReceived, robotcall.PromptMenu} {
			p[long] = nil
		}
	})
	for _, c := range []struct {
		name  string
		press []string // each after a voice was heard
		want  string   // state of the lead
	}{
		{"later", []string{"2"}, "open anna acknowledged: answered: later"},
		{"hand_on", []string{"3"}, "open boris: answered: handed on to boris"},
		{"settled", []string{"4"}, "settled anna: answered: settled"},
		{"wrong_then_right", []string{"7", "*", "4"}, "settled anna: answered: settled"},
		{"none", nil, "open anna: answered: no key was pressed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o.afresh()
			o.missed(firstClient)
			anna := o.rung(pbx.Manager1)
			for _, key := range c.press {
				o.hears(anna, softphone.Voice)
				o.presses(anna, key)
			}
			o.over(anna)
			o.eventually("what becomes of the lead", c.want, `SELECT CASE WHEN closed IS NULL THEN 'open' ELSE outcome END || ' ' || manager ||
				CASE WHEN ack_until > 0 THEN ' acknowledged' ELSE '' END || ': ' ||
				(SELECT detail FROM timeline t WHERE t.lead = leads.id AND t.kind = 'robot_call') FROM leads ORDER BY id DESC LIMIT 1`)
		})
	}
}

// One call is about all that is owed, the oldest first, and a key is for the
// one that was just announced.
func TestOneCallForAll(t *testing.T) {
	t.Parallel()
	o := openOffice(t, func(d *routing.Directory, _ *robotcall.Exchange) {
		d.Pools[0].Ladder.Rungs[0].After = time.Hour
		d.Pools[0].Managers = []string{"anna"}
	})
	o.missed(firstClient)
	o.missed(secondClient)
	o.eventually("both wait", "2", "SELECT COUNT(*) FROM leads")
	o.do(o.db.Do(o.ctx, func(tx *db.Tx) error {
		for _, id := range []int64{1, 2} {
			l, err := leads.Find(tx, id)
			if err != nil {
				return err
			}
			if err := leads.BringForward(tx, l, leads.RungDue{Ladder: l.Ladder}, tx.Now(), "now"); err != nil {
				return err
			}
		}
		return nil
	}))
	anna := o.rung(pbx.Manager1)
	o.hears(anna, softphone.Voice)
	o.presses(anna, "4")
	o.eventually("the first is settled", "settled", "SELECT outcome FROM leads ORDER BY id LIMIT 1")
	o.pressesUntil(anna, "2", "1", "SELECT COUNT(*) FROM leads WHERE closed IS NULL AND ack_by = 'anna'")
	o.over(anna)
	o.eventually("there was one call", "1", "SELECT COUNT(DISTINCT call) FROM dials")
}

// A stranger's premium number is not dialed by a key.
func TestPremiumNumberIsNotConnected(t *testing.T) {
	t.Parallel()
	o := openOffice(t, nil)
	o.missed("+78091234567")
	anna := o.rung(pbx.Manager1)
	o.hears(anna, softphone.Voice)
	o.presses(anna, "1")
	o.over(anna)
	o.eventually("nothing was dialed", "0", "SELECT COUNT(*) FROM dials WHERE kind = 'connect'")
	o.eventually("it is said why", "1", "SELECT COUNT(*) FROM timeline WHERE kind = 'robot_call' AND detail LIKE 'answered: not connected:%type%'")
}

// Whoever is on the phone is not rung before they have hung up.
func TestOnThePhone(t *testing.T) {
	t.Parallel()
	o := openOffice(t, nil)
	talk, err := o.desks[pbx.Manager1].Dial(o.ctx, "*97", softphone.DialOptions{})
	o.do(err)
	o.do(talk.WaitAnswer(o.ctx))
	o.missed(firstClient)
	o.eventually("the rung waits", "1", "SELECT COUNT(*) FROM jobs WHERE kind = 'rung' AND state = 'waiting' AND due > "+nowMillis())
	o.eventually("nobody was rung", "0", "SELECT COUNT(*) FROM dials")
	o.do(talk.Hangup(o.ctx))
	anna := o.rung(pbx.Manager1)
	o.do(anna.Hangup(o.ctx))
	o.eventually("it is noted", "answered: hung up, before this was told", "SELECT detail FROM timeline WHERE kind = 'robot_call'")
}

// Nobody answers: the ladder hears why, and nobody is rung again for it.
func TestUnanswered(t *testing.T) {
	t.Parallel()
	o := openOffice(t, nil)
	for _, c := range []struct {
		name, want string
		react      func(in *softphone.Incoming) error
	}{
		{"busy", "busy", func(in *softphone.Incoming) error { return in.Reject(486, "Busy Here") }},
		{"declined", "rejected", func(in *softphone.Incoming) error { return in.Reject(603, "Decline") }},
		{"let_ring", "no_answer", func(in *softphone.Incoming) error {
			if err := in.Ring(); err != nil {
				return err
			}
			<-in.Cancelled()
			return nil
		}},
		{"rings_and_fails", "no_answer", func(in *softphone.Incoming) error {
			if err := in.Ring(); err != nil {
				return err
			}
			return in.Reject(503, "Service Unavailable")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o.afresh()
			o.missed(firstClient)
			in, err := o.desks[pbx.Manager1].ExpectRing(o.ctx)
			o.do(err)
			o.do(c.react(in))
			o.eventually("the dial has ended", c.want, "SELECT outcome FROM dials ORDER BY id DESC LIMIT 1")
			o.eventually("its job is done", "done", "SELECT state FROM jobs WHERE kind = 'call' ORDER BY id DESC LIMIT 1")
		})
	}
	t.Run("away", func(t *testing.T) {
		o.afresh()
		o.missed(firstClient, func() { o.do(o.desks[pbx.Manager1].Unregister(o.ctx)) })
		o.eventually("it is noted", "not rung: phone 101 is not registered", "SELECT detail FROM timeline WHERE kind = 'robot_call' ORDER BY id DESC LIMIT 1")
	})
}

// afresh settles all that is owed and lets the calls there were lie in the past.
func (o *office) afresh() {
	o.t.Helper()
	o.eventually("the calls before are over", "0", "SELECT COUNT(*) FROM jobs WHERE kind = 'call' AND ended = 0")
	o.do(o.db.Do(o.ctx, func(tx *db.Tx) error {
		for _, sql := range []string{
			"UPDATE dials SET booked = booked - 86400000",
			"UPDATE leads SET closed = opened, outcome = 'settled' WHERE closed IS NULL",
			"UPDATE contacts SET manager = ''",
			"UPDATE pool_turns SET last = 'boris'",
		} {
			if _, err := tx.Exec(sql); err != nil {
				return err
			}
		}
		return nil
	}))
}

// Keys come in all the ways in which phones send them: RFC 4733 elsewhere in
// these tests, by INFO and in the audio here.
func TestKeysOfOtherPhones(t *testing.T) {
	t.Parallel()
	o := openOffice(t, nil)
	for name, keys := range map[string]softphone.Keys{"info": softphone.InfoKeys, "inband": softphone.InbandKeys} {
		t.Run(name, func(t *testing.T) {
			o.afresh()
			o.do(o.desks[pbx.Manager1].Close())
			o.desks[pbx.Manager1] = o.desk(pbx.Manager1, softphone.Options{Keys: keys})
			o.missed(firstClient)
			anna := o.rung(pbx.Manager1)
			o.hears(anna, softphone.Voice)
			o.presses(anna, "4")
			o.over(anna)
			o.eventually("the key was heard", "answered: settled", "SELECT detail FROM timeline WHERE kind = 'robot_call' ORDER BY id DESC LIMIT 1")
		})
	}
}

// Several phones of a manager ring together, and the first that picks up has the
// call; or one after the other.
func TestSeveralPhones(t *testing.T) {
	t.Parallel()
	for _, ring := range []routing.Ring{routing.RingTogether, routing.RingInTurn} {
		t.Run(string(ring), func(t *testing.T) {
			t.Parallel()
			o := openOffice(t, func(d *routing.Directory, _ *robotcall.Exchange) {
				d.Managers[0].Devices = append(d.Managers[0].Devices, routing.Device{PBX: "main", Endpoint: pbx.Manager2})
				d.Managers[0].Ring = ring
				d.Managers[1].Devices = nil
			})
			o.missed(firstClient)
			first, err := o.desks[pbx.Manager1].ExpectRing(o.ctx)
			o.do(err)
			o.do(first.Ring())
			if ring == routing.RingInTurn {
				o.do(first.Reject(486, "Busy Here"))
			}
			second := o.rung(pbx.Manager2)
			if ring == routing.RingTogether {
				o.closed(first.Cancelled(), "the other phone rings on")
			}
			o.hears(second, softphone.Voice)
			o.presses(second, "4")
			o.over(second)
			want := map[routing.Ring]string{routing.RingTogether: "101 no_answer, 102 answered", routing.RingInTurn: "101 busy, 102 answered"}[ring]
			o.eventually("both dials have ended", want, `SELECT group_concat(substr(device, 7) || ' ' || outcome, ', ')
				FROM (SELECT * FROM dials WHERE ended > 0 ORDER BY device)`)
			o.eventually("it was one call", "1", "SELECT COUNT(DISTINCT call) FROM dials")
		})
	}
}
