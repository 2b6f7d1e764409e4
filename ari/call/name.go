package call

import (
	"strings"

	"ringback/ari"
)

// kind says what a channel is good for.
type kind uint8

const (
	endpoint kind = iota // a phone or a trunk: somebody may be at its end
	local                // one half of a Local pair: it leads somewhere
	nobody               // made by Asterisk for itself: announcers, recorders, snoops
)

// technologies that are nobody, as Asterisk's channel drivers name them.
var nobodies = map[string]bool{
	"Snoop": true, "Announcer": true, "Recorder": true, "CBAnn": true, "CBRec": true,
	"Surrogate": true, "Message": true, "AsyncGoto": true, "Parked": true, "OutgoingSpoolFailed": true,
	"MulticastRTP": true, "UnicastRTP": true, "AudioSocket": true, "WebSocket": true, "Bridge": true,
	"ConfBridgeRecorder": true, "Console": true, "MeetMe": true, "Masq": true, "Bogus": true,
}

// kindOf reads a channel's name: TECH/resource-suffix.
func kindOf(name string) kind {
	tech, rest, ok := strings.Cut(name, "/")
	switch {
	case !ok || nobodies[tech]:
		return nobody
	case tech == "Local":
		return local
	case tech == "DAHDI" && strings.HasPrefix(rest, "pseudo"):
		return nobody // the mixing channel of MeetMe
	}
	return endpoint
}

// otherHalf names the second half of a Local pair: ";1" and ";2" share the
// rest of the name (Asterisk's core_local.c).
func otherHalf(name string) string {
	switch {
	case strings.HasSuffix(name, ";1"):
		return name[:len(name)-1] + "2"
	case strings.HasSuffix(name, ";2"):
		return name[:len(name)-1] + "1"
	}
	return ""
}

// endpointOf cuts the suffix that makes a channel's name unique:
// "PJSIP/101-00000004" is a channel of "PJSIP/101".
func endpointOf(name string) string {
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		return name[:i]
	}
	return name
}

// numberOf finds the number in what Dial was told, which every driver spells
// its own way: "74951234567@trunk", "trunk/sip:74951234567@host",
// "trunk/74951234567", "g1/74951234567". Where it names no number ("trunk"),
// the leg's own caller id is the number: Asterisk sets it to the extension
// that was dialed.
func numberOf(dialstring string, leg *ari.Channel) string {
	s := dialstring
	if _, after, ok := strings.Cut(s, "sip:"); ok {
		s = after
	} else if i := strings.LastIndexByte(s, '/'); i >= 0 {
		s = s[i+1:]
	}
	if i := strings.IndexAny(s, "@;,:"); i >= 0 {
		s = s[:i]
	}
	if strings.ContainsAny(s, "0123456789") {
		return s
	}
	return leg.CallerNumber
}

// placedByPBX says that the PBX placed the channel (Asterisk names the
// application of a dialed leg so) where its creation was not seen.
func placedByPBX(c *ari.Channel) bool {
	return strings.HasPrefix(c.AppName, "AppDial") || strings.HasPrefix(c.AppName, "AppQueue")
}

// Endpoint is the phone or trunk of a channel, such as "PJSIP/101" of
// "PJSIP/101-00000004"; false for halves of Local pairs and for channels that
// Asterisk made for itself.
func Endpoint(channel string) (string, bool) {
	if kindOf(channel) != endpoint {
		return "", false
	}
	return intern(endpointOf(channel)), true
}

// OtherHalf names the second channel of the Local pair that a channel is one
// half of; empty for any other channel.
func OtherHalf(channel string) string {
	if kindOf(channel) != local {
		return ""
	}
	return otherHalf(channel)
}

// NumberIn finds the number in what Dial was told of one phone or trunk; empty
// where it names none.
func NumberIn(dialstring string) string { return numberOf(dialstring, &ari.Channel{}) }
