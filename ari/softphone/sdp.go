package softphone

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// description is what a phone needs of the other side's SDP (RFC 4566): where
// its audio is to be sent.
type description struct {
	audio netip.AddrPort
	keys  byte // payload type of RFC 4733 events, 0 if it takes none
	deaf  bool // the other side wants no audio now: it holds the call
	mute  bool // the other side sends none
}

// payloadKeys is what we call key events ourselves.
const payloadKeys = 101

// parseSDP reads an offer or an answer. Without PCMU it is an error.
func parseSDP(body []byte) (description, error) {
	var d description
	var host, port string
	pcmu := false
	for line := range strings.Lines(string(body)) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "=")
		switch words := strings.Fields(value); {
		case key == "c" && len(words) == 3:
			host = words[2]
		case key == "m" && len(words) > 3 && words[0] == "audio":
			port = words[1]
			for _, payload := range words[3:] {
				pcmu = pcmu || payload == "0"
			}
		case key == "a" && len(words) > 0:
			d.attribute(words)
		}
	}
	if port == "" || !pcmu {
		return d, errors.New("softphone: the other side offers no PCMU audio")
	}
	var err error
	if d.audio, err = netip.ParseAddrPort(host + ":" + port); err != nil {
		return d, fmt.Errorf("softphone: the other side's audio address: %w", err)
	}
	return d, nil
}

func (d *description) attribute(words []string) {
	switch words[0] {
	case "sendonly":
		d.deaf = true
	case "recvonly":
		d.mute = true
	case "inactive":
		d.deaf, d.mute = true, true
	}
	payload, ok := strings.CutPrefix(words[0], "rtpmap:")
	if ok && len(words) > 1 && strings.HasPrefix(strings.ToLower(words[1]), "telephone-event/8000") {
		if number, err := strconv.ParseUint(payload, 10, 7); err == nil {
			d.keys = byte(number)
		}
	}
}

// answer is our side of the session: to an offer d, or our own offer when d is
// the zero description. version counts our descriptions within one call. events
// says that we send keys as RFC 4733 events, and take them.
func (d description) answer(own netip.AddrPort, version int, events bool) []byte {
	direction := "sendrecv"
	switch {
	case d.deaf && d.mute:
		direction = "inactive"
	case d.deaf:
		direction = "recvonly"
	case d.mute:
		direction = "sendonly"
	}
	keys := d.keys
	if keys == 0 {
		keys = payloadKeys
	}
	payloads, format := "0", ""
	if events {
		payloads = fmt.Sprintf("0 %d", keys)
		format = fmt.Sprintf("a=rtpmap:%[1]d telephone-event/8000\r\na=fmtp:%[1]d 0-16\r\n", keys)
	}
	return fmt.Appendf(nil, "v=0\r\no=- %[2]d %[3]d IN IP4 %[1]s\r\ns=softphone\r\nc=IN IP4 %[1]s\r\nt=0 0\r\n"+
		"m=audio %[2]d RTP/AVP %[4]s\r\na=rtpmap:0 PCMU/8000\r\n%[5]sa=ptime:20\r\na=%[6]s\r\n",
		own.Addr(), own.Port(), version, payloads, format, direction)
}
