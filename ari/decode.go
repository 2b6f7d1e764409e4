package ari

import (
	"errors"
	"fmt"
)

var (
	errTrailing = errors.New("something follows the object")
	errTypeless = errors.New("no type")
	errNotList  = errors.New("not a list")
)

// Decode reads one frame of the events websocket into ev, which it clears
// first. A type that Ringback does not use gives Type Other, with At set when
// the frame tells it, and no error.
//
// It is as strict as encoding/json about the whole frame: what is malformed,
// cut short or nested deeper than 64 is an error, and ev is then worthless. It
// is lenient about single values: a value of another JSON type than expected
// reads as if it were not there, a time that cannot be read is the zero time,
// invalid UTF-8 becomes U+FFFD. The last of doubled keys holds, as a whole.
//
// The strings of ev share one copy of the frame, which is the only memory
// taken for most events: escaped strings and lists have their own.
func Decode(frame []byte, ev *Event) error {
	d := decoder{scanner: scanner{s: string(frame)}, ev: ev}
	d.event()
	if d.err == nil && d.doubled {
		again := decoder{scanner: scanner{s: d.s}, ev: ev, typ: d.typ, typed: d.typed, fixed: true}
		again.event()
		d = again
	}
	if d.err == nil && !d.typed {
		d.err = errTypeless
	}
	if d.err != nil {
		return fmt.Errorf("ari: decode event: %w", d.err)
	}
	ev.Type = d.typ
	switch ev.Type {
	case BridgeBlindTransfer:
		ev.DestinationType = "blind"
	case Connected:
		d.snapshot() // whoever reads a Connected need not ask for nil
	}
	return nil
}

// DecodeChannels reads the answer of GET /ari/channels, by the rules of
// Decode. Items that are not objects are left out.
func DecodeChannels(body []byte) ([]Channel, error) {
	d := decoder{scanner: scanner{s: string(body)}}
	list := d.channels()
	if err := d.end('['); err != nil {
		return nil, fmt.Errorf("ari: decode channels: %w", err)
	}
	return list, nil
}

// DecodeBridges reads the answer of GET /ari/bridges, by the rules of Decode.
// Items that are not objects are left out.
func DecodeBridges(body []byte) ([]Bridge, error) {
	d := decoder{scanner: scanner{s: string(body)}}
	list := d.bridges()
	if err := d.end('['); err != nil {
		return nil, fmt.Errorf("ari: decode bridges: %w", err)
	}
	return list, nil
}

// DecodeChannel reads the answer of GET /ari/channels/{id}, by the rules of
// Decode.
func DecodeChannel(body []byte) (Channel, error) {
	d := decoder{scanner: scanner{s: string(body)}}
	var c Channel
	d.channel(&c)
	if err := d.end('{'); err != nil {
		return Channel{}, fmt.Errorf("ari: decode channel: %w", err)
	}
	return c, nil
}

// decoder fills an Event while it scans.
//
// What a member means depends on the event's type, and "type" is not always
// the first key (ChannelVarset begins with "variable"). So members that come
// before it are noted and read when it comes. A second "type" makes all of
// that doubtful: the frame is then scanned again with the last one fixed.
type decoder struct {
	scanner
	ev *Event

	typ     Type
	typed   bool // a type was found
	fixed   bool // typ is settled, "type" is skipped
	doubled bool // a second "type" was seen

	early    [8]member // members before the type
	earlyLen int
}

// member is a member of the event that waits for the type to be known.
type member struct {
	name  string
	value int // where its value begins
}

// event reads the whole frame.
func (d *decoder) event() {
	*d.ev = Event{}
	if !d.enter('{') {
		return
	}
	seen := d.fixed
	for first := true; ; {
		name, ok := d.key(&first)
		if !ok {
			break
		}
		switch {
		case name == "type" && !d.fixed:
			d.doubled = d.doubled || seen
			seen = true
			d.readType()
			d.readEarly()
		case name == "timestamp":
			d.ev.At = parseTime(d.text())
		case seen:
			d.member(name)
		case d.earlyLen < len(d.early):
			d.early[d.earlyLen] = member{name, d.start()}
			d.earlyLen++
			d.skip()
		default:
			// More keys before the type than anybody sends: a second scan
			// gives the same answer.
			d.doubled = true
			d.skip()
		}
	}
	d.finish()
}

func (d *decoder) readType() {
	if d.peek() != '"' {
		d.typ, d.typed = Other, false
		d.skip()
		return
	}
	d.typ, d.typed = typeByName[d.str()], true
}

// readEarly reads the members that came before the type.
func (d *decoder) readEarly() {
	here := d.i
	if d.err != nil {
		return
	}
	for _, m := range d.early[:d.earlyLen] {
		d.i = m.value
		d.member(m.name)
	}
	d.earlyLen = 0
	d.i = here
}

// finish demands that nothing follows.
func (d *decoder) finish() {
	if d.peek(); d.i < len(d.s) {
		d.fail(errTrailing)
	}
}

// end closes a text that had to begin with open.
func (d *decoder) end(open byte) error {
	d.finish()
	if d.err != nil {
		return d.err
	}
	start := scanner{s: d.s}
	if start.peek() != open {
		return errNotList
	}
	return nil
}

// member reads the value of a member of an event whose type is known. A member
// that the type does not use is skipped.
func (d *decoder) member(name string) {
	ev := d.ev
	switch d.typ {
	case Other:
		d.skip()
	case ChannelVarset:
		switch name {
		case "channel":
			d.channel(&ev.Channel)
		case "variable":
			ev.Variable = d.text()
		case "value":
			ev.Value = d.text()
		default:
			d.skip()
		}
	case Connected, Disconnected:
		d.sessionMember(name)
	case Dial:
		d.dialMember(name)
	case BridgeBlindTransfer, BridgeAttendedTransfer:
		d.transferMember(name)
	case PlaybackStarted, PlaybackFinished:
		if name == "playback" {
			d.playback()
		} else {
			d.skip()
		}
	case BridgeCreated, BridgeDestroyed, BridgeMerged, ChannelEnteredBridge, ChannelLeftBridge:
		d.bridgeMember(name)
	default:
		d.channelMember(name)
	}
}

// channelMember serves the events of one channel, and ApplicationReplaced.
func (d *decoder) channelMember(name string) {
	ev := d.ev
	switch name {
	case "channel":
		d.channel(&ev.Channel)
		return
	case "application":
		if d.typ == ApplicationReplaced || d.typ == StasisStart || d.typ == StasisEnd {
			ev.Application = d.text()
			return
		}
	case "dialplan_app":
		if d.typ == ChannelDialplan {
			ev.Application = d.text()
			return
		}
	case "dialplan_app_data":
		if d.typ == ChannelDialplan {
			ev.AppData = d.text()
			return
		}
	case "cause":
		if d.typ == ChannelDestroyed || d.typ == ChannelHangupRequest {
			ev.Cause = d.integer()
			return
		}
	case "tech_cause":
		if d.typ == ChannelDestroyed || d.typ == ChannelHangupRequest {
			ev.TechCause = d.integer()
			return
		}
	case "soft":
		if d.typ == ChannelHangupRequest {
			ev.Soft = d.truth()
			return
		}
	case "digit":
		if d.typ == ChannelDtmfReceived {
			ev.Digit = d.text()
			return
		}
	case "args":
		if d.typ == StasisStart {
			ev.Args = d.texts()
			return
		}
	case "replace_channel":
		if d.typ == StasisStart {
			d.channel(&ev.ReplaceChannel)
			return
		}
	}
	d.skip()
}

func (d *decoder) bridgeMember(name string) {
	ev := d.ev
	switch {
	case name == "bridge":
		d.bridge(&ev.Bridge)
	case name == "channel" && (d.typ == ChannelEnteredBridge || d.typ == ChannelLeftBridge):
		d.channel(&ev.Channel)
	case name == "bridge_from" && d.typ == BridgeMerged:
		d.bridge(&ev.FromBridge)
	default:
		d.skip()
	}
}

func (d *decoder) dialMember(name string) {
	ev := d.ev
	switch name {
	case "caller":
		d.channel(&ev.Channel)
	case "peer":
		d.channel(&ev.Peer)
	case "dialstatus":
		ev.DialStatus = d.text()
	case "dialstring":
		ev.DialString = d.text()
	case "forward":
		ev.Forward = d.text()
	default:
		d.skip()
	}
}

func (d *decoder) transferMember(name string) {
	if name == "replace_channel" {
		d.channel(&d.ev.ReplaceChannel)
		return
	}
	if name == "result" {
		d.ev.Result = d.text()
		return
	}
	if d.typ == BridgeBlindTransfer {
		d.blindMember(name)
	} else {
		d.attendedMember(name)
	}
}

func (d *decoder) blindMember(name string) {
	ev := d.ev
	switch name {
	case "channel":
		d.channel(&ev.Channel)
	case "transferee":
		d.channel(&ev.Peer)
	case "bridge":
		d.bridge(&ev.Bridge)
	case "exten":
		ev.TransferExten = d.text()
	case "context":
		ev.TransferContext = d.text()
	default:
		d.skip()
	}
}

func (d *decoder) attendedMember(name string) {
	ev := d.ev
	switch name {
	case "transferer_first_leg":
		d.channel(&ev.Channel)
	case "transferer_second_leg":
		d.channel(&ev.Peer)
	case "transferer_first_leg_bridge":
		d.bridge(&ev.Bridge)
	case "transferer_second_leg_bridge":
		d.bridge(&ev.FromBridge)
	case "destination_type":
		ev.DestinationType = d.text()
	case "destination_application":
		ev.DestApplication = d.text()
	default:
		d.skip()
	}
}

// sessionMember serves the two events that Stream makes and records.
func (d *decoder) sessionMember(name string) {
	ev := d.ev
	switch {
	case name == "channels" && d.typ == Connected:
		d.snapshot().Channels = d.channels()
	case name == "bridges" && d.typ == Connected:
		d.snapshot().Bridges = d.bridges()
	case name == "since" && d.typ == Connected:
		ev.Since = parseTime(d.text())
	case name == "error" && d.typ == Disconnected:
		ev.Err = errors.New(d.text())
	default:
		d.skip()
	}
}

func (d *decoder) snapshot() *Snapshot {
	if d.ev.Snapshot == nil {
		d.ev.Snapshot = new(Snapshot)
	}
	return d.ev.Snapshot
}

func (d *decoder) playback() {
	ev := d.ev
	ev.PlaybackID, ev.Playback = "", ""
	if !d.object() {
		return
	}
	for first := true; ; {
		name, ok := d.key(&first)
		if !ok {
			return
		}
		switch name {
		case "id":
			ev.PlaybackID = d.text()
		case "state":
			ev.Playback = d.text()
		default:
			d.skip()
		}
	}
}

// object opens an object, or skips a value of another kind.
func (d *decoder) object() bool {
	if d.peek() != '{' {
		d.skip()
		return false
	}
	return d.enter('{')
}

func (d *decoder) channels() []Channel {
	if d.peek() != '[' {
		d.skip()
		return nil
	}
	if !d.enter('[') {
		return nil
	}
	var list []Channel
	for first := true; d.item(&first); {
		if d.peek() != '{' {
			d.skip()
			continue
		}
		list = append(list, Channel{})
		d.channel(&list[len(list)-1])
	}
	return list
}

func (d *decoder) bridges() []Bridge {
	if d.peek() != '[' {
		d.skip()
		return nil
	}
	if !d.enter('[') {
		return nil
	}
	var list []Bridge
	for first := true; d.item(&first); {
		if d.peek() != '{' {
			d.skip()
			continue
		}
		list = append(list, Bridge{})
		d.bridge(&list[len(list)-1])
	}
	return list
}

func (d *decoder) channel(c *Channel) {
	*c = Channel{}
	if !d.object() {
		return
	}
	for first := true; ; {
		name, ok := d.key(&first)
		if !ok {
			return
		}
		switch name {
		case "id":
			c.ID = d.text()
		case "name":
			c.Name = d.text()
		case "state":
			c.State = d.text()
		case "caller":
			d.party(&c.CallerName, &c.CallerNumber)
		case "connected":
			d.party(&c.ConnectedName, &c.ConnectedNumber)
		case "accountcode":
			c.AccountCode = d.text()
		case "dialplan":
			d.dialplan(c)
		case "creationtime":
			c.Created = parseTime(d.text())
		case "channelvars":
			d.linkedID(&c.LinkedID)
		default:
			d.skip()
		}
	}
}

func (d *decoder) party(name, number *string) {
	*name, *number = "", ""
	if !d.object() {
		return
	}
	for first := true; ; {
		key, ok := d.key(&first)
		if !ok {
			return
		}
		switch key {
		case "name":
			*name = d.text()
		case "number":
			*number = d.text()
		default:
			d.skip()
		}
	}
}

func (d *decoder) dialplan(c *Channel) {
	c.Context, c.Exten, c.Priority, c.AppName, c.AppData = "", "", 0, "", ""
	if !d.object() {
		return
	}
	for first := true; ; {
		name, ok := d.key(&first)
		if !ok {
			return
		}
		switch name {
		case "context":
			c.Context = d.text()
		case "exten":
			c.Exten = d.text()
		case "priority":
			c.Priority = d.integer()
		case "app_name":
			c.AppName = d.text()
		case "app_data":
			c.AppData = d.text()
		default:
			d.skip()
		}
	}
}

func (d *decoder) linkedID(id *string) {
	*id = ""
	if !d.object() {
		return
	}
	for first := true; ; {
		name, ok := d.key(&first)
		if !ok {
			return
		}
		if name == "CHANNEL(linkedid)" {
			*id = d.text()
		} else {
			d.skip()
		}
	}
}

func (d *decoder) bridge(b *Bridge) {
	*b = Bridge{}
	if !d.object() {
		return
	}
	for first := true; ; {
		name, ok := d.key(&first)
		if !ok {
			return
		}
		switch name {
		case "id":
			b.ID = d.text()
		case "bridge_type":
			b.Type = d.text()
		case "technology":
			b.Tech = d.text()
		case "bridge_class":
			b.Class = d.text()
		case "creator":
			b.Creator = d.text()
		case "name":
			b.Name = d.text()
		case "channels":
			b.Channels = d.texts()
		default:
			d.skip()
		}
	}
}
