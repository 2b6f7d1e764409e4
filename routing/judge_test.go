package routing_test

import (
	"slices"
	"testing"
	"time"

	"ringback/routing"
)

// officePool is open on weekdays, and has every threshold and exception set.
func officePool(t *testing.T) *routing.Pool {
	t.Helper()
	p := &routing.Pool{
		Name:    "sales",
		Missed:  routing.Thresholds{MinTalk: 3 * time.Second, ExternalAfter: 20 * time.Second, ShortAbandon: 4 * time.Second},
		Hours:   routing.Hours{Week: map[string]string{"mon-fri": "09:00-18:00"}},
		Handled: routing.HandledBy{Applications: []string{"ReceiveFAX"}, Contexts: []string{"self-service"}, Lines: []string{"fax"}},
		Block:   []string{"+79160000666"},
	}
	if err := p.Hours.Compile(time.UTC); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestJudge(t *testing.T) {
	monday := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	sunday := monday.Add(-24 * time.Hour)
	ending := func(shown routing.Reason, change func(*routing.Ending)) routing.Ending {
		e := routing.Ending{Shown: shown, Rang: true, Started: monday, Ended: monday.Add(15 * time.Second),
			Application: "Dial", Context: "from-trunk", Line: "sales", Caller: "+79161234567"}
		if change != nil {
			change(&e)
		}
		return e
	}
	type test struct {
		name    string
		ending  routing.Ending
		verdict routing.Verdict
		reason  routing.Reason
	}
	tests := []test{
		{"talked", ending(routing.Person, func(e *routing.Ending) { e.Talk = time.Minute }), routing.Answered, routing.Person},
		{"talked just long enough", ending(routing.Person, func(e *routing.Ending) { e.Talk = 3 * time.Second }), routing.Answered, routing.Person},
		{"picked up and gone", ending(routing.Person, func(e *routing.Ending) { e.Talk = 3*time.Second - 1 }), routing.Missed, routing.Dropped},
		{"a mobile outside, long enough", ending(routing.Person, func(e *routing.Ending) { e.OutsideTalk = 20 * time.Second }), routing.Answered, routing.Person},
		{"a mobile's voicemail", ending(routing.Person, func(e *routing.Ending) { e.OutsideTalk = 19 * time.Second }), routing.Missed, routing.ExternalUnconfirmed},
		{"dropped inside beats unconfirmed outside", ending(routing.Person, func(e *routing.Ending) { e.Talk, e.OutsideTalk = time.Second, time.Second }), routing.Missed, routing.Dropped},
		{"talked, then rang on and gave up", ending(routing.AbandonedRinging, func(e *routing.Ending) { e.Talk = time.Minute }), routing.Answered, routing.Person},
		{"talked, was transferred, reached nobody", ending(routing.LostInTransfer, func(e *routing.Ending) { e.Talk = time.Minute }), routing.Missed, routing.LostInTransfer},
		{"a talk is a talk outside hours", ending(routing.Person, func(e *routing.Ending) { e.Talk = time.Minute; e.Started = sunday }), routing.Answered, routing.Person},

		{"hung up at once", ending(routing.AbandonedRinging, func(e *routing.Ending) { e.Ended = e.Started.Add(3 * time.Second) }), routing.Ignored, routing.Short},
		{"hung up at once in a menu", ending(routing.AbandonedIVR, func(e *routing.Ending) { e.Ended, e.Rang = e.Started.Add(time.Second), false }), routing.Ignored, routing.Short},
		{"hung up at once in a queue", ending(routing.AbandonedQueue, func(e *routing.Ending) { e.Ended = e.Started.Add(time.Second) }), routing.Ignored, routing.Short},
		{"waited long enough to count", ending(routing.AbandonedRinging, func(e *routing.Ending) { e.Ended = e.Started.Add(4 * time.Second) }), routing.Missed, routing.AbandonedRinging},
		{"the PBX was quick, not the caller", ending(routing.Busy, func(e *routing.Ending) { e.Ended = e.Started.Add(time.Second) }), routing.Missed, routing.Busy},

		{"a fax", ending(routing.IVREnded, func(e *routing.Ending) { e.Application = "receivefax" }), routing.Ignored, routing.Handled},
		{"self-service", ending(routing.AbandonedIVR, func(e *routing.Ending) { e.Context = "self-service" }), routing.Ignored, routing.Handled},
		{"the fax line", ending(routing.NoAnswer, func(e *routing.Ending) { e.Line = "fax" }), routing.Ignored, routing.Handled},
		{"no application is not a handled one", ending(routing.NoAnswer, func(e *routing.Ending) { e.Application, e.Context, e.Line = "", "", "" }), routing.Missed, routing.NoAnswer},
		{"a person on the fax line was reached", ending(routing.Person, func(e *routing.Ending) { e.Line, e.Talk = "fax", time.Minute }), routing.Answered, routing.Person},

		{"on the block list, even when talked to", ending(routing.Person, func(e *routing.Ending) { e.Caller, e.Talk = "+79160000666", time.Minute }), routing.Ignored, routing.Blocked},
		{"the block list wants the whole number", ending(routing.NoAnswer, func(e *routing.Ending) { e.Caller = "+7916000066" }), routing.Missed, routing.NoAnswer},
		{"our own call", ending(routing.NoAnswer, func(e *routing.Ending) { e.Own, e.Caller = true, "+79160000666" }), routing.Ignored, routing.Own},

		{"closed, and an announcement said so", ending(routing.IVREnded, func(e *routing.Ending) { e.Started, e.Rang = sunday, false }), routing.Missed, routing.Closed},
		{"closed, but phones rang", ending(routing.NoAnswer, func(e *routing.Ending) { e.Started = sunday }), routing.Missed, routing.NoAnswer},
		{"open, and an announcement only", ending(routing.IVREnded, func(e *routing.Ending) { e.Rang = false }), routing.Missed, routing.IVREnded},
		{"open when it began, closed when it ended", ending(routing.AbandonedIVR, func(e *routing.Ending) {
			e.Rang, e.Started, e.Ended = false, monday.Add(6*time.Hour-time.Minute), monday.Add(6*time.Hour+time.Minute)
		}), routing.Missed, routing.AbandonedIVR},
		{"voicemail tells more than closed", ending(routing.Voicemail, func(e *routing.Ending) { e.Started, e.Rang = sunday, false }), routing.Missed, routing.Voicemail},
		{"a fault tells more than closed", ending(routing.Failed, func(e *routing.Ending) { e.Started, e.Rang = sunday, false }), routing.Missed, routing.Failed},
		{"unseen tells more than closed", ending(routing.Unconfirmed, func(e *routing.Ending) { e.Started, e.Rang = sunday, false }), routing.Missed, routing.Unconfirmed},
	}
	for _, r := range []routing.Reason{routing.AbandonedRinging, routing.NoAnswer, routing.Busy, routing.Rejected, routing.Unreachable,
		routing.AbandonedQueue, routing.QueueTimeout, routing.QueueFull, routing.QueueEmpty, routing.QueueKey,
		routing.AbandonedIVR, routing.IVREnded, routing.Voicemail, routing.LostInTransfer, routing.Failed, routing.Unconfirmed} {
		tests = append(tests, test{"shown: " + string(r), ending(r, nil), routing.Missed, r})
	}
	pool := officePool(t)
	produced := map[routing.Reason]bool{}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			verdict, reason := pool.Judge(c.ending)
			if verdict != c.verdict || reason != c.reason {
				t.Errorf("%s (%s), want %s (%s)", verdict, reason, c.verdict, c.reason)
			}
			if !slices.Contains(routing.Reasons[verdict], reason) {
				t.Errorf("%s is no reason of %s", reason, verdict)
			}
			produced[reason] = true
		})
	}
	for verdict, reasons := range routing.Reasons {
		for _, r := range reasons {
			if !produced[r] {
				t.Errorf("no case above yields %s (%s)", verdict, r)
			}
		}
	}
}

// Replay without a configuration judges by a pool that is all zero: there any
// talk is one, whatever it lasted, and nothing is too short or out of hours.
func TestJudgeWithoutConfiguration(t *testing.T) {
	var pool routing.Pool
	for _, c := range []struct {
		ending  routing.Ending
		verdict routing.Verdict
		reason  routing.Reason
	}{
		{routing.Ending{Shown: routing.Person, Talk: 1}, routing.Answered, routing.Person},
		{routing.Ending{Shown: routing.Person, OutsideTalk: 1}, routing.Answered, routing.Person},
		{routing.Ending{Shown: routing.AbandonedRinging}, routing.Missed, routing.AbandonedRinging},
		{routing.Ending{Shown: routing.IVREnded}, routing.Missed, routing.IVREnded},
	} {
		if verdict, reason := pool.Judge(c.ending); verdict != c.verdict || reason != c.reason {
			t.Errorf("%+v: %s (%s), want %s (%s)", c.ending, verdict, reason, c.verdict, c.reason)
		}
	}
}

func TestReasonsStandOnce(t *testing.T) {
	seen := map[routing.Reason]routing.Verdict{}
	for verdict, reasons := range routing.Reasons {
		for _, r := range reasons {
			if other, twice := seen[r]; twice {
				t.Errorf("%s is a reason of %s and %s", r, other, verdict)
			}
			seen[r] = verdict
		}
	}
}
