package call

import (
	"slices"
	"strings"
	"time"

	"ringback/ari"
)

// stage is the last thing that became of a call, apart from announcements: it
// becomes the call's How. A later stage replaces an earlier one in enter, which
// is the only place where that happens.
type stage string

// carries says that the caller of o hears what happens on this half of a Local
// pair, because the other half is bridged with the caller.
func (l *leg) carries(o *open) (carries bool) {
	if l.kind != local || !strings.HasSuffix(l.name, ";2") || o.root == nil || o.root.bridge == nil {
		return false
	}
	other := otherHalf(l.name)
	o.tracker.around(o.root.bridge, func(m *leg) { carries = carries || m.name == other })
	return carries
}

// machine says that a branch of the dialplan has answered by itself, and the
// caller hears it: far is the half of the Local pair that runs it. Phones that
// other branches have rung keep what became of them.
func (o *open) machine(far *leg) {
	p := &o.call.Progress
	if p.Over || far.heard {
		return
	}
	far.heard = true
	s := stages[strings.ToLower(far.app)]
	if p.Stage == ringing && p.Dialed == 0 && s != ringing {
		p.Stage = nothing
	}
	o.announced()
	o.stop(strings.ToLower(far.app), far.app, "")
	if s != ringing {
		o.enter(s)
	}
	o.touch()
}

const (
	nothing   stage = ""           // announcements and menus at most
	ringing   stage = "ringing"    // phones were dialed (Dial, FollowMe, Page)
	queueing  stage = "queueing"   // the caller waits in a queue
	queueLeft stage = "queue_left" // the queue let the caller go
	talking   stage = "talking"    // a talk began
	mailing   stage = "mailing"    // voicemail took the call
)

// applications that are stages of their own. Every other application is an
// announcement or a menu: it changes nothing of what became of the call before.
var stages = map[string]stage{
	"dial": ringing, "retrydial": ringing, "followme": ringing, "page": ringing,
	"queue":     queueing,
	"voicemail": mailing, "minivmgreet": mailing, "minivmrecord": mailing,
	"record": mailing, // a voicemail made by hand: if it was the last of the call
}

// silent are the applications that play nothing to a caller who has not been
// answered. A call that met only these was never in an announcement.
var silent = map[string]bool{
	"": true, "noop": true, "set": true, "mset": true, "gosub": true, "gosubif": true, "return": true,
	"goto": true, "gotoif": true, "gotoiftime": true, "exec": true, "execif": true, "execiftime": true,
	"macro": true, "macroif": true, "macroexit": true, "verbose": true, "log": true, "hangup": true,
	"congestion": true, "busy": true, "dial": true, "retrydial": true, "stackpop": true, "while": true,
	"endwhile": true, "channelredirect": true, "mixmonitor": true, "monitor": true, "pushhanguphandler": true,
	"progress": true, "proceeding": true, "ringing": true, "celgenuserevent": true, "userevent": true,
	"pickup": true, "pickupchan": true, "answer": true, "wait": true, "agi": true, "eagi": true, "deadagi": true,
	"originate": true, "system": true, "trysystem": true, "sipaddheader": true, "dumpchan": true,
	"stopmixmonitor": true, "setamaflags": true, "resetcdr": true, "nocdr": true, "forkcdr": true, "incomplete": true,
}

// queueStatus reads QUEUESTATUS, which app_queue sets when it lets a caller go.
var queueStatus = map[string]How{
	"TIMEOUT": QueueTimeout, "FULL": QueueFull,
	"JOINEMPTY": QueueEmpty, "LEAVEEMPTY": QueueEmpty, "JOINUNAVAIL": QueueEmpty, "LEAVEUNAVAIL": QueueEmpty,
	"WITHDRAW": QueueKey,
}

// enter moves the call to what its caller meets now.
func (o *open) enter(s stage) {
	p := &o.call.Progress
	if p.Stage == queueing && s != queueing {
		// Whatever follows the queue means that the queue let the caller go.
		p.Stage, p.Left = queueLeft, QueueKey
		o.touch()
	}
	// Phones that are rung after a queue do not change what counts as long as
	// nobody is reached: that the queue let the caller go.
	if s == nothing || s == ringing && p.Stage == queueLeft || s == p.Stage {
		return
	}
	if p.Stage == talking && o.call.Direction == Outbound {
		return // the client was reached, wherever the phone that called goes on
	}
	if p.Stage == talking && p.Away && !p.Transferred {
		o.sent("", "")
	}
	if s == mailing {
		p.Unmailed, p.Mailed = p.Stage, o.after()
	}
	p.Stage = s
	o.touch()
}

// ringsAgain notes that the caller's path dials a phone, perhaps after another
// has answered or by the same application as before.
func (o *open) ringsAgain() {
	if !o.call.Progress.Over {
		o.call.Progress.RingingHangup, o.call.Progress.Star = false, false
		o.enter(ringing)
	}
}

// star notes that the caller has pressed the key that gives up a Dial with H.
func (o *open) star() {
	if o.call.Progress.Stage == ringing && !o.call.Progress.Star {
		o.call.Progress.Star = true
		o.touch()
	}
}

// place notes where in the dialplan the first channel is. Whoever goes on after a
// talk elsewhere than at the next line, while the other has not hung up, was sent
// there: by an operator's panel or another program.
func (o *open) place(l *leg, c *ari.Channel) {
	if l != o.root {
		return
	}
	p := &o.call.Progress
	if p.Stage == talking && p.Next > 0 {
		p.Away = l.line != p.Next && o.call.Direction == Inbound && !o.parted()
		p.Next = 0
	}
	o.context, o.next = intern(c.Context), lineOf(c.Context, c.Exten, c.Priority+1)
}

// parted says that whom the caller talked with last has hung up.
func (o *open) parted() bool {
	n := len(o.call.Talks)
	return n > 0 && (o.call.Talks[n-1].HungUp || o.wasHungUp(o.call.Talks[n-1].Channel))
}

// application notes what the caller's path has come to.
func (o *open) application(l *leg, app, data string) {
	name := strings.ToLower(app)
	if strings.HasPrefix(name, "appdial") || strings.HasPrefix(name, "appqueue") {
		return
	}
	if l == o.root {
		o.call.Progress.App = l.app
		o.paged(name, data)
	} else if !l.carries(o) {
		return // a branch that the caller does not hear
	}
	if !silent[name] {
		o.announced()
	}
	o.enter(stages[name])
	o.stop(name, app, data)
}

// announced notes that the caller has heard something of the PBX.
func (o *open) announced() {
	if !o.call.Progress.Announced {
		o.call.Progress.Announced = true
		o.touch()
	}
}

// variable notes the channel variables by which applications tell their end.
func (o *open) variable(l *leg, ev *ari.Event) {
	name, value := ev.Variable, ev.Value
	p := &o.call.Progress
	// What was left is told after the hangup by which most callers end a message.
	switch name {
	case "VMSTATUS":
		if value == "SUCCESS" && !o.call.Message {
			o.call.Message = true
			o.touch()
		}
		if value == "FAILED" && p.Stage == mailing && !p.Over && (o.after()-p.Mailed).Length() < noBox {
			p.Stage = p.Unmailed
			o.touch()
		}
	case "RECORD_STATUS":
		p.Recorded = p.Stage == mailing && recorded(value, ev.Channel.AppData)
		o.touch()
	}
	if p.Over {
		return
	}
	switch name {
	case "DIALSTATUS":
		if (p.Dialed == 0 && p.DialStatus != "CHANUNAVAIL" || value == "CONGESTION" || l == o.root && value != "") && value != p.DialStatus {
			p.DialStatus = intern(value)
			o.touch()
		}
		if value == "CANCEL" && p.Star && l == o.root {
			p.RingingHangup = true // the dialplan may go on
			o.touch()
		}
		if value == "CHANUNAVAIL" {
			o.undialed(ev.Channel.AppData)
		}
	case "QUEUESTATUS":
		if how, ok := queueStatus[value]; ok && (l == o.root || l.carries(o)) {
			p.Stage, p.Left = queueLeft, how
			o.endStay(how)
			o.touch()
		}
	}
}

// recorded reads RECORD_STATUS: whether Record kept what was said. After a hangup
// it does so only if told to (its option k).
func recorded(status, data string) bool {
	switch status {
	case "DTMF", "SILENCE", "TIMEOUT", "OPERATOR":
		return true
	case "HANGUP":
		args := strings.Split(data, ",")
		return len(args) > 3 && strings.Contains(args[3], "k")
	}
	return false
}

// how sums up what became of the call.
func (o *open) how() How {
	if o.call.Direction != Internal && o.call.Progress.Transferred && len(o.call.Talks) > 0 {
		return LostInTransfer
	}
	switch o.call.Progress.Stage {
	case talking:
		return Person
	case mailing:
		return Voicemail
	case queueing:
		if o.call.HungUp {
			return AbandonedQueue
		}
		return QueueTimeout // the PBX ended the wait itself
	case queueLeft:
		if o.gaveUp() {
			return AbandonedRinging // phones rang after the queue, and the caller gave up on those
		}
		return o.call.Progress.Left
	case ringing:
		return o.rangOut()
	}
	switch {
	case o.call.HungUp:
		return AbandonedIVR
	case strings.EqualFold(o.call.Progress.App, "busy"), o.cause == userBusy:
		return Busy // the dialplan said so itself
	case o.call.Progress.DialStatus == "BUSY":
		return Busy // as the dialplan has found out without dialing
	case o.call.Progress.DialStatus == "CHANUNAVAIL":
		return Unreachable
	case strings.EqualFold(o.call.Progress.App, "congestion"):
		return Failed // and so here, perhaps after it had announced it
	case o.call.Progress.Announced:
		return IVREnded
	}
	return Failed
}

// lost sums up a call whose end was not seen: what had become of it if at least
// its hangup or a talk was.
func (o *open) lost() How {
	if len(o.call.Talks) == 0 && !o.call.Progress.Over {
		return Unconfirmed
	}
	return o.how()
}

// gaveUp says that the caller gave up while phones were being rung. That a phone
// was given up may be told after the hangup that it comes from.
func (o *open) gaveUp() bool {
	p := &o.call.Progress
	return p.RingingHangup || p.InDial && slices.ContainsFunc(o.call.Legs, func(l Leg) bool {
		return l.GivenUp && (l.Outcome == LegDialing || l.Outcome == LegAnswered)
	})
}

// rangOut sums up the phones that were dialed when none was talked with. The
// caller's own hangup while they were being rung comes first; then a phone that
// rang and was let ring tells more than one that declined, was busy, or could
// not be rung at all.
func (o *open) rangOut() How {
	if o.gaveUp() {
		return AbandonedRinging
	}
	var rang, rejected, busy, congested, unreachable bool
	for i := range o.call.Legs {
		l := &o.call.Legs[i]
		if o.call.Direction != Inbound && l.Outcome == LegAnswered && l.Endpoint == o.call.From.Endpoint {
			continue // the phone that calls, which a page's "call" button has rung first
		}
		switch l.Outcome {
		case LegRejected:
			rejected = true
		case LegBusy:
			busy = true
		case LegUnreachable:
			unreachable = true
		case LegCongested:
			congested = true
		case LegDialing, LegAnswered, LegElsewhere:
			rang = true
		}
	}
	switch {
	case rang:
		return NoAnswer
	case rejected:
		return Rejected
	case busy:
		return Busy
	case unreachable:
		return Unreachable
	case congested && o.call.Progress.DialStatus != "CHANUNAVAIL":
		return Failed
	}
	// No phone got a channel, or they sent the call on: only DIALSTATUS tells why.
	switch o.call.Progress.DialStatus {
	case "BUSY":
		return Busy
	case "CONGESTION", "NOANSWER": // Local channels that led to no phone
		return Failed
	}
	return Unreachable
}

// noBox is how soon VoiceMail fails when there is no such box. Whoever was asked
// for a message and left none worth keeping has heard a greeting at least.
const noBox = time.Second

// userBusy is the Q.850 cause of a dialplan that says busy by Hangup(17).
const userBusy = 17
