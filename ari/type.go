package ari

// typeNames are the names of the types as Asterisk writes them. The two that
// Stream makes itself carry the project's name, so that no future Asterisk
// event can be taken for them.
var typeNames = [numTypes]string{
	Other:                  "Other",
	Connected:              "RingbackConnected",
	Disconnected:           "RingbackDisconnected",
	ApplicationReplaced:    "ApplicationReplaced",
	ChannelCreated:         "ChannelCreated",
	ChannelDestroyed:       "ChannelDestroyed",
	ChannelStateChange:     "ChannelStateChange",
	ChannelDialplan:        "ChannelDialplan",
	ChannelVarset:          "ChannelVarset",
	ChannelHangupRequest:   "ChannelHangupRequest",
	ChannelCallerID:        "ChannelCallerId",
	ChannelConnectedLine:   "ChannelConnectedLine",
	ChannelEnteredBridge:   "ChannelEnteredBridge",
	ChannelLeftBridge:      "ChannelLeftBridge",
	ChannelDtmfReceived:    "ChannelDtmfReceived",
	ChannelHold:            "ChannelHold",
	ChannelUnhold:          "ChannelUnhold",
	BridgeCreated:          "BridgeCreated",
	BridgeDestroyed:        "BridgeDestroyed",
	BridgeMerged:           "BridgeMerged",
	BridgeBlindTransfer:    "BridgeBlindTransfer",
	BridgeAttendedTransfer: "BridgeAttendedTransfer",
	Dial:                   "Dial",
	StasisStart:            "StasisStart",
	StasisEnd:              "StasisEnd",
	PlaybackStarted:        "PlaybackStarted",
	PlaybackFinished:       "PlaybackFinished",
}

// typeByName finds a Type by the name that Asterisk writes. "Other" is not in
// it: an event of that name would be one that Ringback does not know.
var typeByName = func() map[string]Type {
	m := make(map[string]Type, numTypes)
	for t := Connected; t < numTypes; t++ {
		m[typeNames[t]] = t
	}
	return m
}()

// String is the type's name as Asterisk writes it in the field "type".
func (t Type) String() string {
	if t >= numTypes {
		return typeNames[Other]
	}
	return typeNames[t]
}
