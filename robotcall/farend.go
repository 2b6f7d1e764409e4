package robotcall

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ringback/leads/dials"
)

// farEnd is how far dialing has come: of a channel of ours, or of the leg that
// the dialplan dials for it. What a dialplan answers by itself, with an
// announcement say, is not the far end.
type farEnd struct {
	dialing  bool   // the dialplan has dialed
	answered bool   // and somebody picked up
	over     bool   // the leg that it dialed last has ended
	rang     bool   // a leg that it dialed rang, or may have
	ownRang  bool   // our own channel did
	status   string // how dialing ended: of our own channel, or the dialplan's
	own      string
	cause    int
	sip      int
}

func (f *farEnd) hear(n notice) {
	switch {
	case n.kind == dialed && !n.byOthers:
		f.own = ending(n.text, f.own)
		f.ownRang = f.ownRang || rings[n.text]
	case n.kind == dialed:
		f.dialing = true
		f.over = f.over && n.text != "" // another leg begins
		f.answered = f.answered || n.text == "ANSWER"
		f.status = ending(n.text, f.status)
		f.rang = f.rang || rings[n.text]
	case n.kind == dialStatus:
		f.status = ending(n.text, f.status)
	case n.kind == gone && n.byOthers:
		f.cause, f.sip, f.over = n.cause, n.sip, true
	case n.kind == resumed: // it may have rung while nobody heard
		f.rang, f.ownRang = true, true
	}
}

// rings are the states of dialing in which a phone rings, or may: many networks
// let the caller hear their own ringing, and call that progress.
var rings = map[string]bool{"RINGING": true, "PROGRESS": true}

// listen hears the end of the leg that the dialplan dialed, where that of our
// own was heard first: only that leg tells why.
func (f *farEnd) listen(ctx context.Context, l *leg) {
	soon, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for f.dialing && !f.over {
		n, err := l.next(soon)
		if err != nil {
			return
		}
		f.hear(n)
	}
}

// ending keeps what says how dialing ended.
func ending(status, before string) string {
	switch status {
	case "BUSY", "NOANSWER", "CHANUNAVAIL", "CONGESTION", "CANCEL":
		return status
	}
	return before
}

// throughDialplan says that a dialplan dials for this call.
func (p Pass) throughDialplan() bool {
	return p.dial.Kind == dials.Connect || strings.HasPrefix(p.dial.Device, "Local/")
}

// outcome reads why nobody answered: what the driver says of the leg that rang
// (ITU-T Q.850 §2.2.5), and where that says nothing, how Dial ended.
func (f *farEnd) outcome(end notice, p Pass) (dials.Outcome, string) {
	status, cause, sip, rang := f.own, end.cause, end.sip, f.ownRang
	switch {
	case p.throughDialplan() && !f.dialing && f.status == "" && !f.rang:
		return dials.Failed, "the dialplan has not dialed " + p.dial.Device
	case p.throughDialplan():
		status, cause, sip, rang = f.status, f.cause, f.sip, f.rang
	case p.dial.Number == "" && status == "CHANUNAVAIL":
		return dials.Unreachable, "the phone is not registered, or switched off"
	}
	detail := fmt.Sprintf("cause %d", cause)
	if sip != 0 {
		detail += fmt.Sprintf(", SIP %d", sip)
	}
	if status != "" {
		detail += ", " + status
	}
	o := why(status, cause, sip)
	if o == dials.Congestion && rang { // somebody was disturbed: it is no trunk without room
		detail += ", it rang"
		if o = dials.NoAnswer; sip == 403 {
			o = dials.Rejected
		}
	}
	return o, detail
}

func why(status string, cause, sip int) dials.Outcome {
	if o, known := bySIP[sip]; known {
		return o
	}
	if o, known := byCause[cause]; known {
		return o
	}
	if o, known := byStatus[status]; known {
		return o
	}
	return dials.NoAnswer
}

// What Asterisk 22 tells of the SIP answer is more exact than the cause that it
// makes of it: it takes 401, 403 and 407, by which a provider refuses, for the 603
// of a person who declines (res_pjsip_session, hangup_sip2cause).
var bySIP = map[int]dials.Outcome{
	401: dials.Congestion, 402: dials.Congestion, 403: dials.Congestion, 407: dials.Congestion,
	404: dials.Invalid, 410: dials.Invalid, 484: dials.Invalid, 604: dials.Invalid,
	486: dials.Busy, 600: dials.Busy, 603: dials.Rejected, 607: dials.Rejected, 608: dials.Rejected,
	500: dials.Congestion, 502: dials.Congestion, 503: dials.Congestion, 504: dials.Congestion,
	480: dials.NoAnswer, 408: dials.NoAnswer, 487: dials.NoAnswer,
}

// 0 is a leg that was timed out, 26 one whose call another leg has answered.
var byCause = map[int]dials.Outcome{
	1: dials.Invalid, 22: dials.Invalid, 28: dials.Invalid,
	17: dials.Busy, 21: dials.Rejected,
	18: dials.NoAnswer, 19: dials.NoAnswer, 26: dials.NoAnswer,
	20: dials.Unreachable, 27: dials.Unreachable,
	2: dials.Congestion, 3: dials.Congestion, 34: dials.Congestion, 38: dials.Congestion, 41: dials.Congestion, 42: dials.Congestion,
	44: dials.Congestion, 47: dials.Congestion, 50: dials.Congestion, 58: dials.Congestion, 63: dials.Congestion, 88: dials.Congestion,
}

// A trunk without a provider is CHANUNAVAIL: nobody was rung.
var byStatus = map[string]dials.Outcome{
	"BUSY": dials.Busy, "NOANSWER": dials.NoAnswer, "CANCEL": dials.NoAnswer,
	"CHANUNAVAIL": dials.Congestion, "CONGESTION": dials.Congestion,
}
