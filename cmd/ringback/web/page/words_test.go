package page

import (
	"strings"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/call"
	"ringback/cmd/ringback/web/health"
	"ringback/leads"
	"ringback/leads/dials"
	"ringback/leads/text"
	"ringback/leads/view"
	"ringback/routing"
)

// anyone is a teller who speaks the language.
func anyone(l text.Language) *teller {
	return &teller{now: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC), zone: time.UTC, directory: &routing.Directory{}, words: text.In(l)}
}

func TestThereAreWordsForEverything(t *testing.T) {
	tell := anyone(text.English)
	for _, list := range routing.Reasons {
		for _, r := range list {
			if tell.why(string(r)) == string(r) {
				t.Errorf("no words for reason %s", r)
			}
		}
	}
	for _, cause := range leads.Causes {
		if tell.known("cause.", string(cause)) == string(cause) {
			t.Errorf("there are no words for %q", cause)
		}
	}
	for _, trouble := range ari.Troubles {
		if p := tell.problem(health.PBXProblem(ari.Status{PBX: "main", Trouble: trouble})); p.What != "PBX main" || p.Why == string(trouble) || (p.Hint == "") != (trouble == ari.Starting || trouble == ari.Certificate) {
			t.Errorf("%s is said as %+v", trouble, p)
		}
	}
	for _, state := range []ari.State{ari.Waiting, ari.Ended} {
		if p := tell.problem(health.PBXProblem(ari.Status{State: state})); p.Why == state.String() {
			t.Errorf("%s is said as %+v", state, p)
		}
	}
	for _, o := range leads.Outcomes {
		if tell.settled(string(o), "Anna") == string(o) {
			t.Errorf("no words for outcome %s", o)
		}
	}
	for kind, want := range map[string]struct{ detail, text string }{
		leads.EntryMissed:        {"busy", "Missed call: every phone was busy"},
		leads.EntryAnswered:      {"", "Rang and was answered"},
		leads.EntryAssigned:      {"turn", "Given to anna, whose turn it was"},
		leads.EntryWaits:         {"2026-11-23T09:00:00Z", "Waits until the pool opens, Mon 23 Nov 09:00"},
		leads.EntryTried:         {"7s", "anna tried to reach them and talked for 7 s"},
		leads.EntryTalkedElse:    {"", "anna, who is not of this pool, talked with them: settled?"},
		leads.EntryClosed:        {"called_back", "Settled: anna called back"},
		leads.EntrySettledBefore: {"no_answer", "Missed call: nobody picked up in time; a talk has settled it already"},
		leads.EntryAlertSent:     {"new_lead", "Told anna by desk phone: somebody is to be called back"},
		leads.EntryAlertFailed:   {"refused: gone", "Could not tell anna by desk phone: it was refused"},
		leads.EntryAlertDoubt:    {"the daemon stopped while it was being sent", "May have told anna by desk phone: Ringback stopped while it was being sent"},
		leads.EntryAlertWould:    {"overdue", "Would have told anna by desk phone: nobody has called back yet"},
		leads.EntryNobodyToTell:  {"new_lead", "Nobody to tell: anna has no channel"},
		leads.EntrySuspicious:    {"", "Never rang before and hung up at once: nobody is told until they ring again"},
		leads.EntryAcknowledged:  {"2026-11-22T08:30:00Z", "anna has it in hand, until 08:30"},
		leads.EntryAckEnded:      {"", "They rang again: anna does not have it in hand any more"},
		leads.EntryHandedOn:      {"boris", "Handed on by boris to anna"},
		leads.EntryNobodyElse:    {"", "Nobody else could take it: it stays with anna"},
		leads.EntryCallDue:       {"", "To be rung: anna"},
		leads.EntryCallWould:     {"", "Would have rung anna"},
		leads.EntryCallNot:       {"they have no phone", "anna was not rung: they have no phone"},
		leads.EntryAsked:         {"by phone", "anna asked for a call back:"},
		leads.EntryRobotCall:     {"answered: later", "Robot call to anna: picked up: will call back later"},
		leads.EntryBegun:         {"", "People are told from now on: of this one from the first step"},
		"something_new":          {"x", "something new anna"},
	} {
		got := tell.entry(&view.Entry{Kind: kind, Who: "anna", Channel: "sip", Detail: want.detail, At: leads.Stamp{Time: tell.now}})
		if got.Text != want.text {
			t.Errorf("%s: %q, want %q", kind, got.Text, want.text)
		}
	}
}

func TestTimesAreSaidAsPeopleDo(t *testing.T) {
	zone := time.FixedZone("", 3*3600)
	tell := anyone(text.English)
	tell.now, tell.zone = time.Date(2026, 11, 22, 22, 30, 0, 0, time.UTC), zone
	for _, tc := range []struct {
		at         time.Time
		clock, ago string
	}{
		{tell.now, "01:30", "just now"},
		{tell.now.Add(time.Hour), "02:30", "just now"},
		{tell.now.Add(-59 * time.Second), "01:29", "just now"},
		{tell.now.Add(-90 * time.Second), "01:28", "1 min ago"},
		{tell.now.Add(-125 * time.Minute), "Sun 22 Nov 23:25", "2 h 5 min ago"},
		{tell.now.Add(-25 * time.Hour), "Sun 22 Nov 00:30", "1 day 1 h ago"},
		{tell.now.Add(-400 * 24 * time.Hour), "19 Oct 2025 01:30", "400 days ago"},
	} {
		if got := tell.moment(tc.at); got.Clock != tc.clock || got.Ago != tc.ago {
			t.Errorf("%s: %q and %q, want %q and %q", tc.at, got.Clock, got.Ago, tc.clock, tc.ago)
		}
	}
	for d, want := range map[time.Duration]string{0: "0 s", 61 * time.Second: "1 min 1 s", time.Hour: "1 h", 24 * time.Hour: "1 day"} {
		if got := tell.length(d); got != want {
			t.Errorf("length(%s) = %q, want %q", d, got, want)
		}
	}
}

func TestACallIsToldInTheReadersLanguage(t *testing.T) {
	c := view.Call{ListedCall: leads.ListedCall{Direction: call.Inbound, Rang: []string{"101"}, Explanation: "rang 101 for 5 s; the caller hung up"}}
	c.Started, c.Ended = leads.Stamp{Time: time.Unix(1, 0)}, leads.Stamp{Time: time.Unix(6, 0)}
	tell := anyone(text.Russian)
	if row := tell.call(&c); row.Story != "звонок на 101, 5 с; звонивший кладёт трубку" || row.English || row.Phones != "" {
		t.Errorf("%+v", row)
	}
	c.Explanation = "rang a; b for 5 s; the caller hung up"
	if row := tell.call(&c); row.Story != c.Explanation || !row.English || row.Phones == "" {
		t.Errorf("no words: %+v", row)
	}
	if row := anyone(text.English).call(&c); row.Story != c.Explanation || row.English {
		t.Errorf("English: %+v", row)
	}
}

// TestACallOfOursNamesWhomItCalled: the PBX knows the phones of the house by no
// number but "s".
func TestACallOfOursNamesWhomItCalled(t *testing.T) {
	for _, c := range []struct {
		kind      dials.Kind
		direction call.Direction
		dialed    string
		says      string // who, why and what became of it
	}{
		{dials.Manager, call.Internal, "s", "Анна · Ringback called Анна · placed by Ringback itself: rang 101; 101 picked up; heard Ringback for 3 s; 101 hung up"},
		{dials.Manager, call.Outbound, "+79161234567", "+7 916 123-45-67 · Ringback called Анна and connected them with the client · placed by Ringback itself: rang 101; 101 picked up; heard Ringback for 3 s; 101 hung up"},
		{dials.Reminder, call.Outbound, "+79161234567", "+7 916 123-45-67 · Ringback called with a reminder · placed by Ringback itself: rang 101; 101 picked up; heard Ringback for 3 s; 101 hung up"},
		{dials.Click, call.Internal, "s", "Анна · Ringback called Анна, who had pressed Call · placed by Ringback itself: rang 101; 101 picked up; heard Ringback for 3 s; 101 hung up"},
		{"", call.Internal, "s", "s · placed by Ringback · placed by Ringback itself: rang 101; 101 picked up; was in Stasis for 3 s; 101 hung up"},
	} {
		k := view.Call{Placed: c.kind, PlacedFor: "anna", ListedCall: leads.ListedCall{Direction: c.direction, Dialed: c.dialed, Reason: routing.Own,
			Caller: "+74951000001", Explanation: "placed by Ringback itself: rang 101; 101 picked up; was in Stasis for 3 s; 101 hung up"}}
		k.Started, k.Ended = leads.Stamp{Time: time.Unix(1, 0)}, leads.Stamp{Time: time.Unix(6, 0)}
		row := house(text.English).call(&k)
		if got := strings.ReplaceAll(row.Who.Title(), "\u00a0", " ") + " · " + row.Why + " · " + row.Story; got != c.says {
			t.Errorf("%s %s:\n got %q\nwant %q", c.kind, c.direction, got, c.says)
		}
		if row := house(text.Russian).call(&k); row.English || c.kind != "" && row.Why == "" {
			t.Errorf("in Russian: %+v", row)
		}
	}
	for _, kind := range dials.Kinds {
		for _, id := range []string{"placed." + string(kind), "placed." + string(kind) + ".connected"} {
			if tell := anyone(text.English); kind != dials.Reminder && tell.say(id) == "page."+id {
				t.Errorf("no words for %s", id)
			}
		}
	}
}
