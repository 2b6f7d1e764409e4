package call

import "strings"

// open is a call that has not ended.
type open struct {
	call  Call
	root  *leg // the first channel; nil while it is only known from the database
	party *leg // the person outside; nil in an internal call, and once gone
	// caller is the phone that calls, where the first channel is half of a Local
	// pair; it may be a leg of another call (who asks before a transfer).
	caller *leg
	beyond *leg // a channel of where somebody was transferred to
	begun  bool // Started was told
	moved  bool // something is to be told by Moved

	tracker *Tracker
	context string // where in the dialplan the first channel is,
	next    uint32 // and the line after: see lineOf
	paging  string // the phones that it pages, as Page was told
	cause   int    // Q.850 cause of the first channel's end
}

// touch lets the tracker tell Moved at the end of this step.
func (o *open) touch() {
	if !o.moved {
		o.moved = true
		o.tracker.moved = append(o.tracker.moved, o)
	}
}

// hangup notes that the side that called hung up: from here on the dialplan
// only cleans up.
func (o *open) hangup() {
	p := &o.call.Progress
	if p.Over {
		return
	}
	p.Over = true
	o.touch()
	if o.root != nil && o.root.kind == local {
		return // the near half of a pair that the PBX has placed is nobody
	}
	app := ""
	if o.root != nil {
		app = strings.ToLower(o.root.app)
	}
	// Congestion and Busy refuse the call: the driver hangs up by itself.
	o.call.HungUp = app != "congestion" && app != "busy"
	p.InDial = o.call.HungUp && stages[app] == ringing
	p.RingingHangup = p.InDial && o.isRinging() || p.RingingHangup
}
