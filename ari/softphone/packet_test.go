package softphone

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"
)

func TestSDP(t *testing.T) {
	own := netip.MustParseAddrPort("127.0.0.1:4000")
	d, err := parseSDP([]byte("v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=x\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n" +
		"m=audio 5004 RTP/AVP 8 0 96\r\na=rtpmap:96 telephone-event/8000\r\na=sendonly\r\n"))
	if err != nil || d.audio != netip.MustParseAddrPort("10.0.0.1:5004") || d.keys != 96 || !d.deaf || d.mute {
		t.Errorf("%+v, %v", d, err)
	}
	mine, err := parseSDP(d.answer(own, 1, true))
	if err != nil || mine.audio != own || mine.keys != 96 || mine.deaf || !mine.mute {
		t.Errorf("our answer: %+v, %v", mine, err)
	}
	for _, bad := range []string{"", "m=audio 5004 RTP/AVP 8\r\nc=IN IP4 10.0.0.1\r\n", "m=audio x RTP/AVP 0\r\nc=IN IP4 10.0.0.1\r\n", "m=audio 5004 RTP/AVP 0\r\n"} {
		if _, err := parseSDP([]byte(bad)); err == nil {
			t.Errorf("%q was understood", bad)
		}
	}
}

func FuzzSDP(f *testing.F) {
	f.Add([]byte("c=IN IP4 127.0.0.1\nm=audio 1 RTP/AVP 0\na=rtpmap:101 telephone-event/8000\na=inactive"))
	f.Fuzz(func(_ *testing.T, body []byte) { _, _ = parseSDP(body) })
}

func FuzzRTP(f *testing.F) {
	s := stream{seq: 1, clock: 160, source: 3}
	f.Add(s.audio(hum(700)))
	f.Add([]byte{0xb1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 9, 9, 2})
	f.Fuzz(func(t *testing.T, packet []byte) {
		if audio := pcmu(packet); len(audio) > len(packet)-12 && audio != nil {
			t.Errorf("%d bytes of audio in a packet of %d", len(audio), len(packet))
		}
	})
}

func TestRTPHeaders(t *testing.T) {
	audio := []byte("audio")
	plain := append([]byte{0x80, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}, audio...)
	if got := pcmu(plain); !bytes.Equal(got, audio) {
		t.Errorf("plain: %q", got)
	}
	full := append([]byte{0xb1, 0x80, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9, 0xbe, 0xde, 0, 1, 1, 2, 3, 4}, audio...)
	if got := pcmu(append(full, 0, 2)); !bytes.Equal(got, audio) {
		t.Errorf("with source, extension and padding: %q", got)
	}
	if got := pcmu(append([]byte{0x80, 101}, plain[2:]...)); got != nil {
		t.Errorf("a key is taken for audio: %q", got)
	}
}

// A key's packets carry one timestamp, growing durations and three ends; the
// sequence goes on.
func TestKeyPackets(t *testing.T) {
	s := stream{seq: 100, clock: 8000, source: 3}
	var sent [][]byte
	for frame := 1; frame <= keyFrames; frame++ {
		sent = append(sent, s.event(101, 11, frame)...)
		s.clock += frameSamples
	}
	if len(sent) != keyFrames+2 {
		t.Fatalf("%d packets", len(sent))
	}
	for i, packet := range sent {
		duration := uint16(min(i+1, keyFrames) * frameSamples)
		marker, end := packet[1]&0x80 != 0, packet[13]&0x80 != 0
		if packet[12] != 11 || binary.BigEndian.Uint32(packet[4:]) != 8000 || binary.BigEndian.Uint16(packet[14:]) != duration ||
			binary.BigEndian.Uint16(packet[2:]) != uint16(100+i) || marker != (i == 0) || end != (i >= keyFrames-1) {
			t.Errorf("packet %d: % x", i, packet)
		}
	}
}

// What a phone sends goes on without a gap in sequence and clock, whatever is
// pressed meanwhile.
func TestTheStreamGoesOn(t *testing.T) {
	far, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	m, err := newMedia("127.0.0.1", 700, RTPKeys)
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	m.connect(description{audio: far.LocalAddr().(*net.UDPAddr).AddrPort(), keys: 101})
	pressed := make(chan error, 1)
	go func() { pressed <- errors.Join(m.press(t.Context(), nil, 1), m.press(t.Context(), nil, 2)) }()

	var seq uint16
	var clock uint32
	packet, pauses, keys := make([]byte, 2048), 0, 0
	for n := 0; keys < 2 || pauses < 2; n++ {
		if _, err := far.Read(packet); err != nil {
			t.Fatal(err)
		}
		gotSeq, gotClock := binary.BigEndian.Uint16(packet[2:]), binary.BigEndian.Uint32(packet[4:])
		if n > 0 && gotSeq != seq+1 {
			t.Fatalf("packet %d follows %d", gotSeq, seq)
		}
		seq = gotSeq
		switch event := packet[1]&0x7f == 101; {
		case event && packet[1]&0x80 != 0:
			keys++
			if n > 0 && gotClock != clock+frameSamples {
				t.Errorf("a key begins at %d, after %d", gotClock, clock)
			}
			clock = gotClock + (keyFrames-1)*frameSamples // where its last frame is
		case !event:
			if n > 0 && gotClock != clock+frameSamples {
				t.Errorf("audio of %d follows %d", gotClock, clock)
			}
			if keys > pauses {
				pauses++
			}
			clock = gotClock
		}
	}
	if err := <-pressed; err != nil {
		t.Error(err)
	}
}

func TestAddressText(t *testing.T) {
	for _, user := range []string{"101", "+7495", "a b", "*97#", "100%", `"><script>`, "Ünï", "a@b;c:d", ""} {
		if got := unescapeUser(escapeUser(user)); got != user {
			t.Errorf("%q comes back as %q", user, got)
		}
		if got := unquote(quote(user + `\"\`)); got != user+`\"\` {
			t.Errorf("%q comes back as %q", user, got)
		}
	}
}
