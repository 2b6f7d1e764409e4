package call_test

import (
	"testing"
	"time"

	"ringback/ari/call"
	"ringback/ari/pbx"
	"ringback/ari/softphone"
)

// dialplan is what offices do beyond the one of package pbx.
const dialplan = `
[from-trunk]
; a queue of nobody
exten => 8002,1,Answer()
 same => n,Queue(empty)
 same => n,Playback(vm-goodbye)
 same => n,Hangup()
; a queue that a key leads out of
exten => 8003,1,Answer()
 same => n,Queue(keyed,t,,,20)
 same => n,Hangup()
; a phone that may transfer
exten => 8004,1,Set(__TRANSFER_CONTEXT=from-internal)
 same => n,Dial(PJSIP/101,30,tT)
 same => n,Hangup()
; closed: an announcement before any answer
exten => 8005,1,Progress()
 same => n,Playback(vm-goodbye,noanswer)
 same => n,Hangup()
; the network is full
exten => 8006,1,Congestion(1)
; a ring group over Local channels that Asterisk optimises away
exten => 8008,1,Dial(Local/101@ring&Local/102@ring,2)
 same => n,Hangup()
; a call screen: the phone must press 1
exten => 8009,1,Dial(PJSIP/101,20,U(screen))
 same => n,Hangup()
; no answer, then a queue, then voicemail
exten => 8010,1,Dial(PJSIP/103,1)
 same => n,Queue(keyed,t,,,2)
 same => n,VoiceMail(101@default,u)
 same => n,Hangup()
; a ring group whose member is a ring group
exten => 8011,1,Dial(Local/inner@groups/n&PJSIP/103,2)
 same => n,Hangup()
; a mobile outside
exten => 8012,1,Dial(PJSIP/79169999999@trunk,20)
 same => n,Hangup()
; no answer, and then an announcement
exten => 8013,1,Dial(PJSIP/101,1)
 same => n,Answer()
 same => n,Playback(vm-goodbye)
 same => n,Hangup()
; music and nobody
exten => 8014,1,Answer()
 same => n,MusicOnHold(default,2)
 same => n,Hangup()
; a conference of one
exten => 8015,1,Answer()
 same => n,ConfBridge(room)
 same => n,Hangup()
; parked at once
exten => 8016,1,Answer()
 same => n,Park(default,s)
; dial goes on in the dialplan after the talk: a survey
exten => 8017,1,Dial(PJSIP/101,20,g)
 same => n,Playback(vm-goodbye)
 same => n,Hangup()
; the whole house is not there
exten => 8018,1,Dial(PJSIP/nobody&PJSIP/777,2)
 same => n,Hangup()

; a full queue: one may wait, and one does
exten => 8019,1,Answer()
 same => n,Queue(tiny)
 same => n,Hangup()
; a phone with a message on every bridge of its call
exten => 8020,1,MixMonitor(/dev/null)
 same => n,Dial(PJSIP/101,20,A(beep)hH)
 same => n,Hangup()
; agents behind Local channels
exten => 8021,1,Queue(locals,t,,,3)
 same => n,Hangup()
; G: both go on in the dialplan after the answer, into a conference
exten => 8022,1,Dial(PJSIP/101,20,G(meet^s^1))
exten => 8023,1,Dial(PJSIP/101,20,F(meet,s,1))
 same => n,Hangup()
; early media and no answer
exten => 8024,1,Dial(PJSIP/79169999999@trunk,2)
 same => n,Hangup()
; nothing at all
exten => 8025,1,NoOp()
; the operator behind the voicemail
exten => 8026,1,Set(VM=1)
 same => n,VoiceMail(101@default,u)
 same => n,Hangup()
exten => o,1,Dial(PJSIP/103,5)
 same => n,Hangup()
; ring, then the next
exten => 8027,1,Dial(PJSIP/101,1)
 same => n,Dial(PJSIP/102,2)
 same => n,Hangup()

; busy, says the dialplan
exten => 8028,1,Busy(1)

; a mobile and a phone behind Local channels of Local channels
exten => 8029,1,Dial(Local/both@groups/n,20)
 same => n,Hangup()

[meet]
exten => s,1,NoOp()
 same => n,ConfBridge(room2)
exten => s,2,ConfBridge(room2)
 same => n,Hangup()

[groups]
exten => inner,1,Dial(Local/101@ring/n&Local/102@ring/n,2)
 same => n,Hangup()

exten => both,1,Dial(Local/101@ring/n&Local/mobile@groups/n,20)
exten => mobile,1,Dial(PJSIP/79169999997@trunk,20)

[screen]
exten => s,1,Read(key,,1,,1,3)
 same => n,ExecIf($["${key}" != "1"]?Set(GOSUB_RESULT=CONTINUE))
 same => n,Return()

[keys]
exten => 1,1,Playback(vm-goodbye)
 same => n,Hangup()

[from-internal]
exten => *8,1,Pickup(74951000001@from-trunk)
exten => *81,1,Pickup(101@PICKUPMARK)
exten => *88,1,PickupChan(PJSIP/101,p)
exten => _7XX,1,ParkedCall(default,${EXTEN})
exten => *55,1,ChanSpy(PJSIP/101,q)
exten => 700,1,Park(default)
exten => 8101,1,Dial(PJSIP/101,20)
exten => 8103,1,Dial(PJSIP/103,2)
 same => n,Hangup()
`

var dialplanFiles = map[string]string{
	"queues.conf": `[general]
autofill = yes
[sales]
member => PJSIP/101
[empty]
joinempty = no
[keyed]
context = keys
strategy = ringall
timeout = 15
member => PJSIP/102
`,
	"+queues.conf": `
[tiny]
maxlen = 1
joinempty = yes
[locals]
strategy = ringall
timeout = 15
member => Local/101@ring/n
member => Local/102@ring
`,
	"confbridge.conf": "[general]\n[default_user]\ntype=user\nquiet=yes\nannounce_only_user=no\n[default_bridge]\ntype=bridge\n",
	"features.conf":   "[featuremap]\nblindxfer => #1\natxfer => *2\n",
}

// answers lets a desk pick up.
func (o *office) answers(desk string) *softphone.Call {
	o.t.Helper()
	in := o.rung(desk)
	in.Ring()
	c, err := in.Answer(o.ctx)
	if err != nil {
		o.t.Fatal(err)
	}
	return c
}

func (o *office) keys(c *softphone.Call, keys string) {
	o.t.Helper()
	if err := c.SendDTMF(o.ctx, keys); err != nil {
		o.t.Fatal(err)
	}
}

var dialplanStories = []callStory{
	{name: "queue-empty", how: call.QueueEmpty, tell: func(o *office) {
		o.soon("the end", o.rings("8002", "79162000002").Done())
	}},
	{name: "queue-key", how: call.QueueKey, rang: 1, tell: func(o *office) {
		c := o.rings("8003", "79162000003")
		o.answered(c)
		o.rung(pbx.Manager2).Ring()
		o.keys(c, "1")
		o.soon("the end", c.Done())
	}},
	{name: "blind-transfer-answered", how: call.Person, who: "PJSIP/101 PJSIP/103", rang: 2, tell: func(o *office) {
		c := o.rings("8004", "79162000004")
		there := o.answers(pbx.Manager1)
		o.answered(c)
		o.keys(there, "#1")
		o.keys(there, "8103")
		o.answers(pbx.Colleague)
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "blind-transfer-lost", how: call.LostInTransfer, who: "PJSIP/101", rang: 1, tell: func(o *office) {
		c := o.rings("8004", "79162000005")
		there := o.answers(pbx.Manager1)
		o.answered(c)
		o.keys(there, "#1")
		o.keys(there, "8103")
		o.rung(pbx.Colleague).Ring()
		o.hangup(c)
	}},
	{name: "blind-transfer-unanswered", how: call.LostInTransfer, who: "PJSIP/101", rang: 2, tell: func(o *office) {
		c := o.rings("8004", "79162000006")
		there := o.answers(pbx.Manager1)
		o.answered(c)
		o.keys(there, "#1")
		o.keys(there, "8103")
		o.rung(pbx.Colleague).Ring()
		o.soon("the end", c.Done())
	}},
	{name: "attended-transfer", how: call.Person, who: "PJSIP/101 PJSIP/103", rang: 2, tell: func(o *office) {
		c := o.rings("8004", "79162000007")
		there := o.answers(pbx.Manager1)
		o.answered(c)
		o.keys(there, "*2")
		o.keys(there, "8103")
		o.answers(pbx.Colleague)
		time.Sleep(talk)
		o.hangup(there)
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "parked-after-talk", how: call.LostInTransfer, who: "PJSIP/101", rang: 1, tell: func(o *office) {
		c := o.rings("8004", "79162000024")
		there := o.answers(pbx.Manager1)
		o.answered(c)
		o.keys(there, "#1")
		o.keys(there, "700")
		o.soon("the agent's end", there.Done())
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "mobile-behind-locals", how: call.Person, who: "PJSIP/trunk", rang: 2, tell: func(o *office) {
		c := o.rings("8029", "79162000025")
		o.rung(pbx.Manager1).Ring()
		in, err := o.outside.ExpectRing(o.ctx)
		if err != nil {
			o.t.Fatal(err)
		}
		in.Ring()
		in.Answer(o.ctx)
		o.answered(c)
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "announcement-only", how: call.IVREnded, tell: func(o *office) {
		o.soon("the end", o.rings("8005", "79162000008").Done())
	}},
	{name: "congestion", how: call.Failed, tell: func(o *office) {
		o.soon("the end", o.rings("8006", "79162000009").Done())
	}},
	{name: "local-optimised-answered", how: call.Person, who: "PJSIP/102", rang: 2, tell: func(o *office) {
		c := o.rings("8008", "79162000010")
		o.rung(pbx.Manager1).Ring()
		o.answers(pbx.Manager2)
		o.answered(c)
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "local-optimised-unanswered", how: call.NoAnswer, rang: 2, tell: func(o *office) {
		c := o.rings("8008", "79162000011")
		o.rung(pbx.Manager1).Ring()
		o.rung(pbx.Manager2).Ring()
		o.soon("the end", c.Done())
	}},
	{name: "screen-accepted", how: call.Person, who: "PJSIP/101", rang: 1, tell: func(o *office) {
		c := o.rings("8009", "79162000012")
		o.keys(o.answers(pbx.Manager1), "1")
		o.answered(c)
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "screen-declined", how: call.NoAnswer, rang: 1, tell: func(o *office) {
		c := o.rings("8009", "79162000013")
		o.keys(o.answers(pbx.Manager1), "2")
		o.soon("the end", c.Done())
	}},
	{name: "no-answer-queue-voicemail", how: call.Voicemail, rang: 2, tell: func(o *office) {
		c := o.rings("8010", "79162000014")
		o.rung(pbx.Colleague).Ring()
		o.rung(pbx.Manager2).Ring()
		o.answered(c)
		o.hangup(c)
	}},
	{name: "nested-group-answered", how: call.Person, who: "PJSIP/102", rang: 3, tell: func(o *office) {
		c := o.rings("8011", "79162000015")
		o.rung(pbx.Manager1).Ring()
		o.rung(pbx.Colleague).Ring()
		o.answers(pbx.Manager2)
		o.answered(c)
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "nested-group-unanswered", how: call.NoAnswer, rang: 3, tell: func(o *office) {
		c := o.rings("8011", "79162000016")
		for _, desk := range []string{pbx.Manager1, pbx.Manager2, pbx.Colleague} {
			o.rung(desk).Ring()
		}
		o.soon("the end", c.Done())
	}},
	{name: "forwarded-outside", how: call.Person, who: "PJSIP/trunk", rang: 1, tell: func(o *office) {
		c := o.rings("8012", "79162000017")
		in, err := o.outside.ExpectRing(o.ctx)
		if err != nil {
			o.t.Fatal(err)
		}
		in.Ring()
		in.Answer(o.ctx)
		o.answered(c)
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "no-answer-then-announcement", how: call.NoAnswer, rang: 1, tell: func(o *office) {
		c := o.rings("8013", "79162000018")
		o.rung(pbx.Manager1).Ring()
		o.answered(c)
		o.hangup(c)
	}},
	{name: "music-and-nobody", how: call.IVREnded, tell: func(o *office) {
		o.soon("the end", o.rings("8014", "79162000019").Done())
	}},
	{name: "conference-alone", how: call.AbandonedIVR, tell: func(o *office) {
		c := o.rings("8015", "79162000020")
		o.answered(c)
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "parked-and-left", how: call.AbandonedIVR, tell: func(o *office) {
		c := o.rings("8016", "79162000021")
		o.answered(c)
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "survey-after-talk", how: call.Person, who: "PJSIP/101", rang: 1, tell: func(o *office) {
		c := o.rings("8017", "79162000022")
		there := o.answers(pbx.Manager1)
		o.answered(c)
		time.Sleep(talk)
		o.hangup(there)
		o.soon("the end", c.Done())
	}},
	{name: "nobody-there", how: call.Unreachable, tell: func(o *office) {
		o.soon("the end", o.rings("8018", "79162000023").Done())
	}},
	{name: "click-to-call", direction: call.Outbound, how: call.Person, who: "PJSIP/101", rang: 1, dialed: "79163000015", tell: func(o *office) {
		if out, err := o.pbx.CLI(o.ctx, "channel originate Local/8101@from-internal/n extension 79163000015@from-internal"); err != nil {
			o.t.Fatal(out, err)
		}
		there := o.answers(pbx.Manager1)
		in, err := o.outside.ExpectRing(o.ctx)
		if err != nil {
			o.t.Fatal(err)
		}
		in.Ring()
		c, err := in.Answer(o.ctx)
		if err != nil {
			o.t.Fatal(err)
		}
		time.Sleep(talk)
		o.hangup(c)
		o.soon("the end", there.Done())
	}},
	{name: "click-to-call-optimised", direction: call.Outbound, how: call.Person, who: "PJSIP/101", rang: 1, dialed: "79163000016", tell: func(o *office) {
		if out, err := o.pbx.CLI(o.ctx, "channel originate Local/8101@from-internal extension 79163000016@from-internal"); err != nil {
			o.t.Fatal(out, err)
		}
		there := o.answers(pbx.Manager1)
		in, err := o.outside.ExpectRing(o.ctx)
		if err != nil {
			o.t.Fatal(err)
		}
		in.Ring()
		if _, err := in.Answer(o.ctx); err != nil {
			o.t.Fatal(err)
		}
		time.Sleep(talk)
		o.hangup(there)
	}},
	{name: "voicemail-left-by-hangup", how: call.Voicemail, rang: 1, message: true, tell: func(o *office) {
		c := o.rings(pbx.LineMailbox, "79163000017")
		o.rung(pbx.Manager1).Ring()
		o.answered(c)
		o.keys(c, "#")
		time.Sleep(4 * time.Second) // the message: voicemail drops shorter ones
		o.hangup(c)
	}},
	{name: "busy-by-dialplan", how: call.Busy, tell: func(o *office) {
		o.soon("the end", o.rings("8028", "79163000018").Done())
	}},
	{name: "queue-full", how: call.AbandonedQueue, tell: func(o *office) {
		first := o.rings("8019", "79163000001")
		if err := first.Hears(o.ctx, pbx.MusicTone); err != nil { // it waits in the queue
			o.t.Fatal(err)
		}
		second := o.rings("8019", "79163000002")
		o.soon("the end of the second", second.Done())
		if end := o.end(call.Inbound); end.How != call.QueueFull {
			o.t.Errorf("the second caller: %s", end.How)
		}
		o.hangup(first)
	}},
	{name: "announced-and-recorded", how: call.Person, who: "PJSIP/101", rang: 1, tell: func(o *office) {
		c := o.rings("8020", "79163000003")
		o.answers(pbx.Manager1)
		o.answered(c)
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "queue-of-locals", how: call.Person, who: "PJSIP/102", rang: 2, tell: func(o *office) {
		c := o.rings("8021", "79163000004")
		o.rung(pbx.Manager1).Ring()
		o.answers(pbx.Manager2)
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "queue-of-locals-timeout", how: call.QueueTimeout, rang: 2, tell: func(o *office) {
		c := o.rings("8021", "79163000005")
		o.rung(pbx.Manager1).Ring()
		o.rung(pbx.Manager2).Ring()
		o.soon("the end", c.Done())
	}},
	{name: "goes-on-together", how: call.Person, who: "PJSIP/101", rang: 1, tell: func(o *office) {
		c := o.rings("8022", "79163000006")
		there := o.answers(pbx.Manager1)
		o.answered(c)
		time.Sleep(2 * talk)
		o.hangup(c)
		o.hangup(there)
	}},
	{name: "early-media-unanswered", how: call.NoAnswer, rang: 1, tell: func(o *office) {
		c := o.rings("8024", "79163000007")
		in, err := o.outside.ExpectRing(o.ctx)
		if err != nil {
			o.t.Fatal(err)
		}
		in.Ring()
		o.soon("the end", c.Done())
	}},
	{name: "nothing-at-all", how: call.Failed, tell: func(o *office) {
		o.soon("the end", o.rings("8025", "79163000008").Done())
	}},
	{name: "ring-then-the-next", how: call.NoAnswer, rang: 2, tell: func(o *office) {
		c := o.rings("8027", "79163000009")
		o.rung(pbx.Manager1).Ring()
		o.rung(pbx.Manager2).Ring()
		o.soon("the end", c.Done())
	}},
	{name: "picked-up-by-colleague", how: call.Person, who: "PJSIP/103", rang: 1, tell: func(o *office) {
		c := o.rings(pbx.LineDirect, "79163000010")
		o.rung(pbx.Manager1).Ring()
		o.soon("ringing", c.Ringing())
		p, err := o.desks[pbx.Colleague].Dial(o.ctx, "*88", softphone.DialOptions{})
		if err != nil {
			o.t.Fatal(err)
		}
		o.answered(p)
		o.answered(c)
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "redirected-to-mobile", how: call.Person, who: "PJSIP/trunk", tell: func(o *office) {
		c := o.rings(pbx.LineDirect, "79163000011")
		in := o.rung(pbx.Manager1)
		if err := in.Redirect("79169999998"); err != nil {
			o.t.Fatal(err)
		}
		mobile, err := o.outside.ExpectRing(o.ctx)
		if err != nil {
			o.t.Fatal(err)
		}
		mobile.Ring()
		mobile.Answer(o.ctx)
		o.answered(c)
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "spied-on", how: call.Person, who: "PJSIP/101", rang: 1, tell: func(o *office) {
		c := o.rings(pbx.LineDirect, "79163000012")
		o.answers(pbx.Manager1)
		o.answered(c)
		spy, err := o.desks[pbx.Supervisor].Dial(o.ctx, "*55", softphone.DialOptions{})
		if err != nil {
			o.t.Fatal(err)
		}
		o.answered(spy)
		time.Sleep(talk)
		o.hangup(spy)
		o.hangup(c)
	}},
	// blonde-transfer, where the colleague does answer, is a recording only: on a
	// loaded machine Asterisk now and then leaves both parties waiting for ever.
	{name: "blonde-transfer-lost", how: call.LostInTransfer, who: "PJSIP/101", rang: 1, tell: func(o *office) {
		c := o.rings("8004", "79163000014")
		there := o.answers(pbx.Manager1)
		o.answered(c)
		o.keys(there, "*2")
		o.keys(there, "8103")
		o.rung(pbx.Colleague).Ring()
		o.hangup(there)
		time.Sleep(talk)
		o.hangup(c)
	}},
}

// TestDialplans plays calls through dialplans that are not the office's own.
func TestDialplans(t *testing.T) {
	t.Parallel()
	openOffice(t, pbx.Release(*release), dialplan, dialplanFiles).play(dialplanStories)
}
