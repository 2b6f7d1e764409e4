package leads_test

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/routing"
)

// began is when the calls of these tests began: on a Sunday at noon.
var began = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func after(s float64) call.After { return call.After(max(s*1000, 1)) }

// phone is a leg that rang for the call.
func phone(who call.Party, from, to float64, outcome call.Outcome) call.Leg {
	return call.Leg{Party: who, Channel: who.Endpoint, Rang: true, Dialed: after(from), Over: after(to), Outcome: outcome}
}

func unrung(who call.Party, from, to float64, outcome call.Outcome) call.Leg {
	l := phone(who, from, to, outcome)
	l.Rang = false
	return l
}

func spoke(who call.Party, from, to float64) call.Talk {
	return call.Talk{Channel: who.Endpoint, Who: who, Start: began.Add(seconds(from)), End: began.Add(seconds(to))}
}

// leaving is a talk whose far end hung up.
func leaving(t call.Talk) call.Talk {
	t.HungUp = true
	return t
}

func stay(place call.Place, name string, from, to float64) call.Stop {
	s := call.Stop{Place: place, Name: name, From: after(from)}
	if to > 0 {
		s.To = after(to)
	}
	return s
}

func left(s call.Stop, why call.How) call.Stop {
	s.Left = why
	return s
}

// TestSentence holds the words for every reason that a call can have.
func TestSentence(t *testing.T) {
	dora := call.Party{Endpoint: "PJSIP/103"}
	away := call.Party{Endpoint: "PJSIP/trunk", Outside: true, Number: client}
	type test struct {
		reason routing.Reason
		name   string
		lasted float64
		call   call.Call
		says   string
	}
	tests := []test{
		{routing.Person, "one phone", 50, call.Call{How: call.Person, HungUp: true, Legs: []call.Leg{phone(anna, 0, 8, call.LegAnswered)},
			Talks: []call.Talk{spoke(anna, 8, 50)}}, "rang 101 for 8 s; talked with 101 for 42 s; the caller hung up"},
		{routing.Person, "the agent hangs up", 50, call.Call{How: call.Person, Legs: []call.Leg{phone(anna, 0, 8, call.LegAnswered)},
			Talks: []call.Talk{leaving(spoke(anna, 8, 50))}}, "rang 101 for 8 s; talked with 101 for 42 s; 101 hung up"},
		{routing.Person, "the PBX ends it", 3700, call.Call{How: call.Person, Legs: []call.Leg{phone(anna, 0, 8, call.LegAnswered)},
			Talks: []call.Talk{spoke(anna, 8, 3700)}}, "rang 101 for 8 s; talked with 101 for 62 min; the PBX ended the call"},
		{routing.Person, "a group", 20, call.Call{How: call.Person, HungUp: true, Legs: []call.Leg{phone(anna, 0, 8, call.LegElsewhere),
			phone(boris, 0, 8, call.LegAnswered), unrung(dora, 0, 0.1, call.LegBusy)}, Talks: []call.Talk{spoke(boris, 8, 20)}},
			"rang 101 and 102 for 8 s; 103 was busy; talked with 102 for 12 s; the caller hung up"},
		{routing.Person, "a queue", 42, call.Call{How: call.Person, HungUp: true, Stops: []call.Stop{stay(call.Queue, "sales", 0, 30)},
			Legs:  []call.Leg{phone(anna, 1, 10, call.LegRejected), phone(boris, 12, 20, call.LegDialing), phone(anna, 22, 30, call.LegAnswered)},
			Talks: []call.Talk{spoke(anna, 30, 42)}}, "waited for 30 s in queue sales, which rang 101 and 102; 101 declined; talked with 101 for 12 s; the caller hung up"},
		{routing.Person, "a queue of Local channels", 42, call.Call{How: call.Person, HungUp: true, Stops: []call.Stop{left(stay(call.Queue, "sales", 0, 30), call.QueueKey)},
			Legs:  []call.Leg{phone(anna, 22, 30, call.LegAnswered)},
			Talks: []call.Talk{spoke(anna, 30, 42)}}, "waited for 30 s in queue sales, which rang 101; talked with 101 for 12 s; the caller hung up"},
		{routing.Person, "and nobody saw the end", 50, call.Call{How: call.Person, Unseen: true, Legs: []call.Leg{phone(anna, 0, 8, call.LegAnswered)},
			Talks: []call.Talk{spoke(anna, 8, 40)}}, "rang 101 for 8 s; talked with 101 for 32 s; how it ended nobody saw"},
		{routing.Person, "by the records", 50, call.Call{How: call.Person, Source: call.Records, Legs: []call.Leg{phone(anna, 0, 8, call.LegAnswered)},
			Talks: []call.Talk{spoke(anna, 8, 50)}}, "by the PBX's call records: rang 101 for 8 s; talked with 101 for 42 s"},
		{routing.Dropped, "by records that do not tell how long", 50, call.Call{How: call.Person, Source: call.Records, Legs: []call.Leg{phone(anna, 0, 8, call.LegAnswered)},
			Talks: []call.Talk{spoke(anna, 50, 50)}}, "by the PBX's call records: rang 101 for 8 s; talked with 101, how long they do not tell"},
		{routing.Failed, "by records that tell nothing else", 1, call.Call{How: call.Failed, Source: call.Records}, "by the PBX's call records: the PBX could not carry the call"},
		{routing.IVREnded, "by records that tell only that it was", 1, call.Call{How: call.IVREnded, Source: call.Records}, "by the PBX's call records: the PBX ended the call"},
		{routing.Person, "transferred", 70, call.Call{How: call.Person, HungUp: true, Legs: []call.Leg{phone(anna, 0, 5, call.LegAnswered),
			phone(boris, 20, 30, call.LegAnswered)}, Talks: []call.Talk{spoke(anna, 5, 20), spoke(boris, 30, 70)}},
			"rang 101 for 5 s; talked with 101 for 15 s, was transferred; rang 102 for 10 s; talked with 102 for 40 s; the caller hung up"},
		{routing.Person, "asked a colleague, and came back", 30, call.Call{How: call.Person, HungUp: true, Legs: []call.Leg{phone(anna, 0, 5, call.LegAnswered)},
			Talks: []call.Talk{spoke(anna, 5, 10), spoke(anna, 20, 30)}},
			"rang 101 for 5 s; talked with 101 for 5 s; talked with 101 for 10 s; the caller hung up"},
		{routing.Person, "a conference", 70, call.Call{How: call.Person, HungUp: true, Stops: []call.Stop{stay(call.Conference, "", 0, 5)},
			Talks: []call.Talk{leaving(spoke(anna, 5, 20)), spoke(boris, 10, 70)}},
			"was in a conference for 5 s; talked with 101 for 15 s; talked with 102 for 60 s; the caller hung up"},
		{routing.Person, "asked afterwards", 30, call.Call{How: call.Person, Legs: []call.Leg{phone(anna, 0, 5, call.LegAnswered)},
			Talks: []call.Talk{leaving(spoke(anna, 5, 20))}, Stops: []call.Stop{stay(call.Menu, "", 20, 30)}},
			"rang 101 for 5 s; talked with 101 for 15 s, who hung up; was in a menu for 10 s; the PBX ended the call"},
		{routing.Person, "forwarded to a mobile", 60, call.Call{How: call.Person, HungUp: true, Legs: []call.Leg{unrung(anna, 0, 0.1, call.LegForwarded),
			phone(mobile, 0.2, 10, call.LegAnswered)}, Talks: []call.Talk{spoke(mobile, 10, 60)}},
			"101 forwarded the call; rang +79990001122 for 9.8 s; talked with +79990001122 for 50 s; the caller hung up"},

		{routing.AbandonedRinging, "gave up", 6, call.Call{How: call.AbandonedRinging, HungUp: true, Legs: []call.Leg{phone(anna, 0, 6, call.LegDialing)}},
			"rang 101 for 6 s; the caller hung up"},
		{routing.NoAnswer, "one after the other", 30, call.Call{How: call.NoAnswer, Legs: []call.Leg{phone(anna, 0, 15, call.LegDialing),
			phone(boris, 15, 30, call.LegDialing)}}, "rang 101 for 15 s; rang 102 for 15 s; nobody answered; the PBX ended the call"},
		{routing.NoAnswer, "many", 15, call.Call{How: call.NoAnswer, Legs: crowd(9)},
			"rang 300, 301, 302 and 6 more for 15 s; nobody answered; the PBX ended the call"},
		{routing.NoAnswer, "never heard of", 15, call.Call{How: call.NoAnswer, Legs: []call.Leg{unrung(mobile, 0, 15, call.LegDialing)}},
			"tried +79990001122 for 15 s; nobody answered; the PBX ended the call"},
		{routing.NoAnswer, "a screen refused", 15, call.Call{How: call.NoAnswer, Legs: []call.Leg{phone(anna, 0, 5, call.LegAnswered)}},
			"rang 101 for 5 s; 101 picked up, and was not put through; nobody answered; the PBX ended the call"},
		{routing.NoAnswer, "when nobody saw the times", 15, call.Call{How: call.NoAnswer, Legs: []call.Leg{{Party: anna, Rang: true}}},
			"rang 101; nobody answered; the PBX ended the call"},
		{routing.Busy, "a phone", 1, call.Call{How: call.Busy, Legs: []call.Leg{unrung(anna, 0, 0.1, call.LegBusy)}}, "101 was busy; the PBX ended the call"},
		{routing.Busy, "a tone", 7, call.Call{How: call.Busy, Stops: []call.Stop{stay(call.Tone, "busy", 0, 0.01)}},
			"heard a busy tone; the PBX said that it is busy"},
		{routing.Failed, "a tone", 7, call.Call{How: call.Failed, Stops: []call.Stop{stay(call.Tone, "Congestion", 0, 0.01), stay(call.Tone, "!425/200", 1, 0)}},
			"heard a congestion tone; heard a tone for 6 s; the PBX could not carry the call"},
		{routing.Busy, "the dialplan", 1, call.Call{How: call.Busy}, "the PBX said that it is busy"},
		{routing.Rejected, "all", 3, call.Call{How: call.Rejected, Legs: []call.Leg{phone(anna, 0, 2, call.LegRejected), phone(boris, 0, 3, call.LegRejected)}},
			"rang 101 and 102 for 3 s; 101 declined; 102 declined; the PBX ended the call"},
		{routing.Unreachable, "not registered", 1, call.Call{How: call.Unreachable, Stops: []call.Stop{stay(call.Undialed, "PJSIP/101&PJSIP/102&Local/9@x", 0, 0.01)}},
			"101 and 102 could not be rung (not registered, or not known); the PBX ended the call"},
		{routing.Unreachable, "one of two", 1, call.Call{How: call.Unreachable, Stops: []call.Stop{stay(call.Undialed, "PJSIP/101&PJSIP/102", 0.2, 0.2)},
			Legs: []call.Leg{unrung(boris, 0, 0.1, call.LegUnreachable)}},
			"102 was not reachable; 101 could not be rung (not registered, or not known); the PBX ended the call"},
		{routing.Rejected, "where the phones are", 1, call.Call{How: call.Rejected, Stops: []call.Stop{stay(call.Undialed, "PJSIP/101/sip:101@127.0.0.1:35744&PJSIP/102/sips:1@h", 0.2, 0.2)},
			Legs: []call.Leg{phone(anna, 0, 0.1, call.LegRejected)}},
			"rang 101 for 0.1 s; 101 declined; 102 could not be rung (not registered, or not known); the PBX ended the call"},
		{routing.Rejected, "a trunk that was rung", 1, call.Call{How: call.Rejected, Stops: []call.Stop{
			stay(call.Undialed, "PJSIP/79990001122@trunk&PJSIP/trunk/sip:79990001122@h&SIP/trunk/+79990001122", 0.2, 0.2)},
			Legs: []call.Leg{phone(mobile, 0, 0.1, call.LegRejected)}},
			"rang +79990001122 for 0.1 s; +79990001122 declined; the PBX ended the call"},
		{routing.Unreachable, "another number by the same trunk", 1, call.Call{How: call.Unreachable, Stops: []call.Stop{
			stay(call.Undialed, "PJSIP/79990001133@trunk&IAX2/79990001144:secret@far", 0.2, 0.2)}, Legs: []call.Leg{unrung(mobile, 0, 0.1, call.LegUnreachable)}},
			"+79990001122 was not reachable; +79990001133 and +79990001144 could not be rung (not registered, or not known); the PBX ended the call"},
		{routing.Unreachable, "nothing is known", 1, call.Call{How: call.Unreachable}, "no phone could be rung; the PBX ended the call"},
		{routing.Dropped, "picked up and gone", 5, call.Call{How: call.Person, Legs: []call.Leg{phone(anna, 0, 4, call.LegAnswered)},
			Talks: []call.Talk{leaving(spoke(anna, 4, 5))}}, "rang 101 for 4 s; talked with 101 for 1 s, less than min_talk (3 s); 101 hung up"},
		{routing.ExternalUnconfirmed, "a mobile's voicemail", 14, call.Call{How: call.Person, HungUp: true, Legs: []call.Leg{phone(mobile, 0, 10, call.LegAnswered)},
			Talks: []call.Talk{spoke(mobile, 10, 14)}},
			"rang +79990001122 for 10 s; talked with +79990001122 for 4 s outside, less than external_after (20 s); the caller hung up"},

		{routing.AbandonedQueue, "", 32, call.Call{How: call.AbandonedQueue, HungUp: true, Stops: []call.Stop{stay(call.Queue, "sales", 2, 0)},
			Legs: []call.Leg{phone(anna, 3, 32, call.LegDialing), unrung(boris, 3, 3, call.LegBusy)}},
			"waited for 30 s in queue sales, which rang 101; 102 was busy; the caller hung up"},
		{routing.QueueTimeout, "then an announcement", 40, call.Call{How: call.QueueTimeout, Stops: []call.Stop{left(stay(call.Queue, "sales", 0, 30), call.QueueTimeout),
			stay(call.Announcement, "", 30, 0)}}, "waited for 30 s in queue sales, until its time was up; heard an announcement for 10 s; the PBX ended the call"},
		{routing.QueueFull, "", 1, call.Call{How: call.QueueFull, Stops: []call.Stop{left(stay(call.Queue, "sales", 0, 0.01), call.QueueFull)}},
			"queue sales was full; the PBX ended the call"},
		{routing.QueueEmpty, "", 1, call.Call{How: call.QueueEmpty, Stops: []call.Stop{left(stay(call.Queue, "sales", 0, 0.01), call.QueueEmpty)}},
			"queue sales had nobody there to answer; the PBX ended the call"},
		{routing.QueueKey, "", 20, call.Call{How: call.QueueKey, HungUp: true, Stops: []call.Stop{left(stay(call.Queue, "sales", 0, 15), call.QueueKey),
			stay(call.Announcement, "", 15, 0)}}, "waited for 15 s in queue sales, left it by a key; heard an announcement for 5 s; the caller hung up"},
		{routing.QueueEmpty, "the last one left", 12, call.Call{How: call.QueueEmpty, Stops: []call.Stop{left(stay(call.Queue, "sales", 0, 12), call.QueueEmpty)},
			Legs: []call.Leg{phone(anna, 0, 9, call.LegDialing)}},
			"waited for 12 s in queue sales, which rang 101, until nobody was there to answer; the PBX ended the call"},
		{routing.QueueKey, "rang on in vain", 20, call.Call{How: call.QueueKey, Stops: []call.Stop{left(stay(call.Queue, "", 0, 15), call.QueueKey)},
			Legs: []call.Leg{phone(anna, 15, 20, call.LegDialing)}}, "waited for 15 s in a queue, left it by a key; rang 101 for 5 s; nobody answered; the PBX ended the call"},
		{routing.AbandonedIVR, "a menu", 7, call.Call{How: call.AbandonedIVR, HungUp: true, Stops: []call.Stop{stay(call.Menu, "", 0, 0)}},
			"was in a menu for 7 s; the caller hung up"},
		{routing.AbandonedIVR, "an application", 7, call.Call{How: call.AbandonedIVR, HungUp: true, Stops: []call.Stop{stay("AGI", "", 0, 0)}},
			"was in AGI for 7 s; the caller hung up"},
		{routing.AbandonedIVR, "an application that was over at once", 7, call.Call{How: call.AbandonedIVR, HungUp: true, Progress: call.Progress{Announced: true},
			Stops: []call.Stop{stay("CURL", "", 1, 1.01)}}, "the caller hung up"},
		{routing.AbandonedIVR, "a lookup", 7, call.Call{How: call.AbandonedIVR, HungUp: true, Stops: []call.Stop{stay("AGI", "", 0, 0.9), stay(call.Menu, "", 1, 0)}},
			"was in a menu for 6 s; the caller hung up"},
		{routing.AbandonedIVR, "answered", 7, call.Call{How: call.AbandonedIVR, HungUp: true, Progress: call.Progress{Announced: true}},
			"the PBX answered; the caller hung up"},
		{routing.AbandonedIVR, "never answered", 7, call.Call{How: call.AbandonedIVR, HungUp: true}, "the caller hung up"},
		{routing.IVREnded, "an announcement", 7, call.Call{How: call.IVREnded, Stops: []call.Stop{stay(call.Announcement, "", 0, 0)}},
			"heard an announcement for 7 s; the PBX ended the call"},
		{routing.Voicemail, "a message", 40, call.Call{How: call.Voicemail, HungUp: true, Message: true, Legs: []call.Leg{phone(anna, 0, 15, call.LegDialing)},
			Stops: []call.Stop{stay(call.Mailbox, "", 15, 0)}}, "rang 101 for 15 s; left a voicemail; the caller hung up"},
		{routing.Voicemail, "in the greeting", 18, call.Call{How: call.Voicemail, HungUp: true, Legs: []call.Leg{phone(anna, 0, 15, call.LegDialing)},
			Stops: []call.Stop{stay(call.Mailbox, "", 15, 0)}}, "rang 101 for 15 s; was in voicemail for 3 s, left no message; the caller hung up"},
		{routing.Voicemail, "twice", 60, call.Call{How: call.Voicemail, Message: true, Legs: []call.Leg{phone(boris, 20, 30, call.LegDialing)},
			Stops: []call.Stop{stay(call.Mailbox, "", 0, 20), stay(call.Mailbox, "", 30, 0)}},
			"was in voicemail for 20 s; rang 102 for 10 s; left a voicemail; the PBX ended the call"},
		{routing.LostInTransfer, "unanswered", 40, call.Call{How: call.LostInTransfer, Legs: []call.Leg{phone(anna, 0, 5, call.LegAnswered), phone(boris, 20, 40, call.LegDialing)},
			Talks: []call.Talk{spoke(anna, 5, 20)}}, "rang 101 for 5 s; talked with 101 for 15 s, was transferred; rang 102 for 20 s; nobody answered; the PBX ended the call"},
		{routing.LostInTransfer, "gave up", 40, call.Call{How: call.LostInTransfer, HungUp: true, Legs: []call.Leg{phone(anna, 0, 5, call.LegAnswered)},
			Talks: []call.Talk{spoke(anna, 5, 20)}}, "rang 101 for 5 s; talked with 101 for 15 s, was transferred; the caller hung up before anybody answered"},
		{routing.LostInTransfer, "parked", 40, call.Call{How: call.LostInTransfer, HungUp: true, Talks: []call.Talk{spoke(anna, 5, 20)},
			Stops: []call.Stop{stay(call.Parking, "", 20, 0)}}, "talked with 101 for 15 s; was parked for 20 s; the caller hung up before anybody answered"},
		{routing.Failed, "", 1, call.Call{How: call.Failed}, "the PBX could not carry the call"},
		{routing.Failed, "the trunk of a redirect", 1, call.Call{How: call.Failed, Legs: []call.Leg{unrung(mobile, 0, 1, call.LegCongested)}},
			"+79990001122 could not be called; the PBX ended the call"},
		{routing.Unconfirmed, "", 90, call.Call{How: call.Unconfirmed, Unseen: true, Legs: []call.Leg{phone(anna, 0, 5, call.LegDialing)}},
			"rang 101 for 5 s; how it ended nobody saw"},

		{routing.Closed, "", 7, call.Call{How: call.IVREnded, Dialed: support, Stops: []call.Stop{stay(call.Announcement, "", 0, 0)}},
			"outside the opening hours: heard an announcement for 7 s; the PBX ended the call"},
		{routing.Short, "", 2, call.Call{How: call.AbandonedRinging, HungUp: true, Dialed: support, Legs: []call.Leg{phone(anna, 0, 2, call.LegDialing)}},
			"rang 101 for 2 s; the caller hung up after 2 s, within short_abandon (4 s)"},
		{routing.Handled, "a context", 7, call.Call{How: call.IVREnded, Dialed: support, Context: "balance", Stops: []call.Stop{stay(call.Menu, "", 0, 0)}},
			"context balance is configured as handled: was in a menu for 7 s; the PBX ended the call"},
		{routing.Handled, "an application", 7, call.Call{How: call.IVREnded, Dialed: support, Application: "ReceiveFAX", Stops: []call.Stop{stay("ReceiveFAX", "", 0, 0)}},
			"application ReceiveFAX is configured as handled: was in ReceiveFAX for 7 s; the PBX ended the call"},
		{routing.Handled, "a line", 7, call.Call{How: call.NoAnswer, Dialed: hotline}, "line hotline is configured as handled: nobody answered; the PBX ended the call"},
		{routing.Blocked, "", 7, call.Call{How: call.NoAnswer, Dialed: support, Caller: "+79160000666", Legs: []call.Leg{phone(anna, 0, 7, call.LegDialing)}},
			"the caller is on the block list: rang 101 for 7 s; nobody answered; the PBX ended the call"},
		{routing.Own, "", 7, call.Call{How: call.NoAnswer, Own: true, Direction: call.Internal, Legs: []call.Leg{phone(anna, 0, 7, call.LegDialing)}},
			"placed by Ringback itself: rang 101 for 7 s; nobody answered; the PBX ended the call"},

		{routing.Person, "a call out", 50, call.Call{How: call.Person, Direction: call.Outbound, From: anna, Dialed: client, HungUp: true,
			Legs:  []call.Leg{phone(call.Party{Endpoint: "PJSIP/trunk", Outside: true, Number: client}, 0, 8, call.LegAnswered)},
			Talks: []call.Talk{spoke(anna, 8, 50)}}, "101 called +79161234567: it rang for 8 s; they talked for 42 s; 101 hung up"},
		{routing.Person, "the client hangs up", 50, call.Call{How: call.Person, Direction: call.Outbound, From: anna, Dialed: client,
			Legs:  []call.Leg{{Party: call.Party{Endpoint: "PJSIP/trunk", Outside: true, Number: client}, Channel: "c", Rang: true, HungUp: true, Dialed: 1, Over: after(8), Outcome: call.LegAnswered}},
			Talks: []call.Talk{spoke(anna, 8, 50)}}, "101 called +79161234567: it rang for 8 s; they talked for 42 s; +79161234567 hung up"},
		{routing.Busy, "a busy client", 1, call.Call{How: call.Busy, Direction: call.Outbound, From: anna, Dialed: client,
			Legs: []call.Leg{unrung(call.Party{Endpoint: "PJSIP/trunk", Outside: true, Number: client}, 0, 1, call.LegBusy)}},
			"101 called +79161234567: +79161234567 was busy; the PBX ended the call"},
		{routing.Person, "a call out that is put through", 30, call.Call{How: call.Person, Direction: call.Outbound, From: anna, Dialed: client, HungUp: true,
			Legs:  []call.Leg{phone(away, 0, 8, call.LegAnswered), phone(boris, 10, 12, call.LegAnswered)},
			Talks: []call.Talk{spoke(anna, 8, 10), spoke(boris, 12, 30)}},
			"101 called +79161234567: rang +79161234567 for 8 s; they talked for 2 s, then the call was transferred; rang 102 for 2 s; talked with 102 for 18 s; 101 hung up"},
		{routing.Person, "who called is gone first", 30, call.Call{How: call.Person, Direction: call.Outbound, From: anna, Dialed: client,
			Legs:  []call.Leg{phone(away, 0, 8, call.LegAnswered)},
			Talks: []call.Talk{leaving(spoke(anna, 8, 10))}, Stops: []call.Stop{stay(call.Menu, "", 10, 0)}},
			"101 called +79161234567: it rang for 8 s; they talked for 2 s, then 101 hung up; was in a menu for 20 s; the PBX ended the call"},
		{routing.NoAnswer, "a page's button", 9, call.Call{How: call.NoAnswer, Direction: call.Outbound, From: anna, Dialed: client,
			Legs: []call.Leg{phone(anna, 0, 2, call.LegAnswered), phone(away, 2, 9, call.LegDialing)}},
			"101 called +79161234567: rang 101 for 2 s; rang +79161234567 for 7 s; nobody answered; the PBX ended the call"},
		{routing.NoAnswer, "a colleague is put through outside", 9, call.Call{How: call.NoAnswer, Direction: call.Outbound, From: anna, Dialed: client,
			Legs: []call.Leg{phone(boris, 0, 2, call.LegAnswered), phone(away, 2, 9, call.LegDialing)}},
			"101 called +79161234567: rang 102 for 2 s; 102 picked up; rang +79161234567 for 7 s; nobody answered; the PBX ended the call"},
		{routing.IVREnded, "the PBX calls out", 9, call.Call{How: call.IVREnded, Direction: call.Outbound, Caller: client, Dialed: client, HungUp: true,
			Legs: []call.Leg{phone(away, 0, 2, call.LegAnswered)}, Stops: []call.Stop{stay(call.Menu, "", 2, 0)}},
			"the PBX called +79161234567: it rang for 2 s; +79161234567 picked up; was in a menu for 7 s; +79161234567 hung up"},
		{routing.Person, "the PBX calls a phone", 9, call.Call{How: call.Person, Direction: call.Internal, From: anna, Dialed: "s", HungUp: true,
			Legs:  []call.Leg{{Party: anna, Channel: "1.1", Rang: true, Dialed: 1, Over: after(2), Outcome: call.LegAnswered}},
			Stops: []call.Stop{stay(call.Conference, "", 2, 3)}, Talks: []call.Talk{spoke(mobile, 3, 9)}},
			"the PBX called 101: it rang for 2 s; 101 picked up; was in a conference for 1 s; talked with +79990001122 for 6 s; 101 hung up"},
		{routing.Rejected, "the PBX calls a phone by a Local pair", 9, call.Call{How: call.Rejected, Direction: call.Internal, From: anna, Dialed: "101",
			Legs: []call.Leg{phone(anna, 0, 2, call.LegRejected)}}, "the PBX called 101: it rang for 2 s; 101 declined; the PBX ended the call"},
		{routing.Person, "between phones", 20, call.Call{How: call.Person, Direction: call.Internal, From: anna, Dialed: "102",
			Legs: []call.Leg{phone(boris, 0, 8, call.LegAnswered)}, Talks: []call.Talk{leaving(spoke(boris, 8, 20))}},
			"101 called 102: rang 102 for 8 s; talked with 102 for 12 s; 102 hung up"},
	}
	said := map[routing.Reason]bool{}
	for _, c := range tests {
		t.Run(strings.TrimSpace(string(c.reason)+" "+c.name), func(t *testing.T) {
			in := c.call
			in.PBX, in.ID, in.Started, in.Ended = main, "1.1", began, began.Add(seconds(c.lasted))
			in.Direction, in.Caller, in.Dialed = cmp.Or(in.Direction, call.Inbound), cmp.Or(in.Caller, client), cmp.Or(in.Dialed, sales)
			j := strictOffice(t).Judge(in, time.Now())
			if j.Reason != c.reason || j.Explanation != c.says {
				t.Errorf("%s\n got %q\nwant %q", j.Reason, j.Explanation, c.says)
			}
			retold(t, j.Explanation)
			said[c.reason] = true
		})
	}
	for verdict, reasons := range routing.Reasons {
		for _, r := range reasons {
			if !said[r] {
				t.Errorf("no case above says %s (%s)", verdict, r)
			}
		}
	}
}

// strictOffice is newOffice, where the pool of support has every rule that makes
// a call count less.
func strictOffice(t *testing.T) *leads.Office {
	t.Helper()
	o := newOffice()
	p := &o.Directory.Pools[1]
	p.Missed.ShortAbandon = 4 * time.Second
	p.Hours = routing.Hours{Week: map[string]string{"mon-fri": "09:00-18:00"}}
	p.Handled = routing.HandledBy{Applications: []string{"ReceiveFAX"}, Contexts: []string{"balance"}, Lines: []string{"hotline"}}
	p.Block = []string{"+79160000666"}
	if err := p.Hours.Compile(time.UTC); err != nil {
		t.Fatal(err)
	}
	return o
}

// crowd are phones that rang together.
func crowd(n int) []call.Leg {
	legs := make([]call.Leg, n)
	for i := range legs {
		legs[i] = phone(call.Party{Endpoint: fmt.Sprintf("PJSIP/%d", 300+i)}, 0, 15, call.LegDialing)
	}
	return legs
}

// TestARunningCallIsNotExplained: what decides it is still to come.
func TestARunningCallIsNotExplained(t *testing.T) {
	j := newOffice().Judge(call.Call{PBX: main, ID: "1.1", Direction: call.Inbound, Caller: client, Dialed: sales, Started: began,
		Legs: []call.Leg{phone(anna, 0, 1, call.LegDialing)}}, began.Add(time.Second))
	if j.Explanation != "" {
		t.Errorf("a call that runs: %q", j.Explanation)
	}
}

// TestSentenceIsShortAndClean gives it whatever a caller, a dialplan and a broken
// clock can make, and much of it: it begins and ends as the call did.
func TestSentenceIsShortAndClean(t *testing.T) {
	for _, text := range []string{strings.Repeat("9", 1000), strings.Repeat("й", 500), "\xff\xfe\x00\r\n\x1b[31m", "a\u202eb\u2066", "\u009b2J\u200f", "<b>\"';--", ""} {
		in := call.Call{PBX: main, ID: "1.1", Direction: call.Outbound, Caller: text, Dialed: text, Started: began, Ended: began.Add(time.Hour),
			How: call.NoAnswer, From: call.Party{Endpoint: text}}
		for i := range 40 {
			who := call.Party{Endpoint: "PJSIP/trunk", Outside: true, Number: fmt.Sprintf("%d%s", i, text)}
			in.Legs = append(in.Legs, phone(who, float64(i), float64(i)+0.5, call.LegRejected))
			in.Talks = append(in.Talks, spoke(who, float64(40-i), 0))
			in.Stops = append(in.Stops, stay(call.Queue, text, float64(i), 0), stay(call.Undialed, text, 0, 0), stay(call.Place(text), "", 0, 0))
		}
		for _, direction := range []call.Direction{call.Inbound, call.Outbound, call.Internal} {
			for _, started := range []time.Time{began, {}, began.Add(2 * time.Hour)} {
				in.Direction, in.Started = direction, started
				said := newOffice().Judge(in, time.Now()).Explanation
				if len(said) > leads.MaxExplained || !utf8.ValidString(said) || strings.ContainsFunc(said, func(r rune) bool { return !unicode.IsPrint(r) }) {
					t.Errorf("%q of %d bytes", said, len(said))
				}
				if !strings.HasSuffix(said, "; nobody answered; the PBX ended the call") || !strings.Contains(said, "; …; ") {
					t.Errorf("how it ended is not said, or not that more was left out: %q", said)
				}
			}
		}
	}
}
