package ari

import "time"

// Type is the kind of an Event. Types that call tracking and robot calls do
// not use are decoded as Other: they are counted and skipped.
type Type uint8

const (
	// Other is any event type that Ringback does not use, including those a
	// newer Asterisk may invent.
	Other Type = iota

	// Connected opens a session: Event.Snapshot holds the channels and bridges
	// that were live when it began. It comes before every event of the session.
	// It is made by Stream, Asterisk does not send it.
	Connected
	// Disconnected ends a session: until the next Connected nothing is seen.
	// Made by Stream.
	Disconnected

	// ApplicationReplaced says that another client has taken the name of our
	// ARI application; this session is deaf from here on.
	ApplicationReplaced

	ChannelCreated
	ChannelDestroyed
	ChannelStateChange
	ChannelDialplan
	ChannelVarset
	ChannelHangupRequest
	ChannelCallerID
	ChannelConnectedLine
	ChannelEnteredBridge
	ChannelLeftBridge
	ChannelDtmfReceived
	ChannelHold
	ChannelUnhold
	BridgeCreated
	BridgeDestroyed
	BridgeMerged
	BridgeBlindTransfer
	BridgeAttendedTransfer
	Dial
	StasisStart
	StasisEnd
	PlaybackStarted
	PlaybackFinished

	// numTypes bounds tables that are indexed by Type.
	numTypes
)

// Event is one ARI event, flattened to what Ringback needs. Asterisk's own
// names are kept; where one name means different things in different events,
// the comment says which.
//
// The strings of an Event may share memory with the frame it was decoded from:
// whoever keeps one longer than the event clones it.
type Event struct {
	Type Type
	// At is Asterisk's clock when the event was published (milliseconds).
	At time.Time
	// Heard is our clock when the frame was read from the PBX; zero of what a
	// Stream makes itself, and of a recording. How late a record of it is on the disk
	// is measured from here.
	Heard time.Time

	// Channel is the event's channel; of Dial: the caller (empty ID when the
	// leg was originated and nobody dials); of transfers: the transferer's
	// (first) leg.
	Channel Channel
	// Peer is Dial's peer, the leg being dialed; of BridgeAttendedTransfer the
	// transferer's second leg; of BridgeBlindTransfer the transferee.
	Peer Channel
	// Bridge is the bridge entered, left, created or destroyed; of BridgeMerged
	// the one that remains; of transfers the transferer's first bridge.
	Bridge Bridge
	// FromBridge is, of BridgeMerged, the bridge that was emptied; of
	// BridgeAttendedTransfer the transferer's second bridge.
	FromBridge Bridge
	// ReplaceChannel is, of transfers, the channel that took a party's place
	// (a Local channel, say), and of ChannelEnteredBridge never set.
	ReplaceChannel Channel

	DialStatus string // Dial: "" at the beginning, then RINGING, PROGRESS, ANSWER, BUSY, NOANSWER, CANCEL, CHANUNAVAIL, CONGESTION
	DialString string // Dial: what was dialed, without the technology
	Forward    string // Dial: where a phone's redirect (302) leads

	Variable string // ChannelVarset
	Value    string // ChannelVarset

	Cause     int  // ChannelDestroyed, ChannelHangupRequest: Q.850 cause
	TechCause int  // ChannelDestroyed: the driver's own cause, a SIP status say (newer Asterisk only)
	Soft      bool // ChannelHangupRequest: the PBX asked for it, not the far end

	Digit string // ChannelDtmfReceived

	Application string // ChannelDialplan: dialplan_app; ApplicationReplaced, Stasis…: application
	AppData     string // ChannelDialplan: dialplan_app_data

	Result          string // transfers: result ("Success"…)
	DestinationType string // BridgeAttendedTransfer: destination_type; "blind" for BridgeBlindTransfer
	DestApplication string // BridgeAttendedTransfer: destination_application
	TransferExten   string // BridgeBlindTransfer: exten
	TransferContext string // BridgeBlindTransfer: context

	Args       []string // StasisStart
	PlaybackID string   // Playback…
	Playback   string   // Playback…: state ("playing", "done", "failed")

	Snapshot *Snapshot // Connected
	// Since is, of Connected, when the previous session was last known to be
	// good (zero: there was none): what happened from then to At was not seen.
	Since time.Time
	// Err says, of Disconnected, why.
	Err error
}

// Channel is one leg as ARI shows it.
type Channel struct {
	ID              string
	Name            string // "PJSIP/101-00000004", "Local/x@ctx-00000001;2"
	State           string // Down, Ring (it is calling us), Ringing (we call it), Up, Busy…
	CallerNumber    string
	CallerName      string
	ConnectedNumber string
	ConnectedName   string
	AccountCode     string
	Context         string // dialplan.context
	Exten           string // dialplan.exten
	Priority        int    // dialplan.priority
	AppName         string // dialplan.app_name
	AppData         string // dialplan.app_data
	Created         time.Time
	LinkedID        string // channelvars["CHANNEL(linkedid)"], when ari.conf asks for it
}

// Bridge is one bridge as ARI shows it.
type Bridge struct {
	ID       string
	Type     string // bridge_type: mixing, holding
	Tech     string // technology: simple_bridge, softmix, holding_bridge…
	Class    string // bridge_class: basic, base, stasis, confbridge…
	Creator  string
	Name     string
	Channels []string
}

// Snapshot is what lives on the PBX at one instant.
type Snapshot struct {
	Channels []Channel
	Bridges  []Bridge
}

// Shift moves every time of the event by d: from the PBX's clock to ours.
func (ev *Event) Shift(d time.Duration) {
	shift := func(t *time.Time) {
		if !t.IsZero() {
			*t = t.Add(d)
		}
	}
	shift(&ev.At)
	shift(&ev.Since)
	for _, c := range []*Channel{&ev.Channel, &ev.Peer, &ev.ReplaceChannel} {
		shift(&c.Created)
	}
	if ev.Snapshot != nil {
		for i := range ev.Snapshot.Channels {
			shift(&ev.Snapshot.Channels[i].Created)
		}
	}
}
