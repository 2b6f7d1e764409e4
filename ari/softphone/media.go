package softphone

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// media is the audio of one call: RTP (RFC 3550) with PCMU and key events.
//
// A packet leaves every 20 ms as long as the other side wants audio, silence
// included, and the clock runs on during keys: Asterisk measures keys against
// the stream, and reports only the first of several without it.
type media struct {
	conn *net.UDPConn
	own  netip.AddrPort
	tone []byte
	how  Keys // how keys travel
	ear  *ear
	keys chan press

	mu      sync.Mutex
	remote  description
	paused  bool // we hold the call
	version int  // of our session description
	started bool
	stop    context.CancelFunc
	running sync.WaitGroup
}

func newMedia(host string, tone int, how Keys) (*media, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(host)})
	if err != nil {
		return nil, fmt.Errorf("softphone: open the audio's socket: %w", err)
	}
	return &media{
		conn: conn, own: conn.LocalAddr().(*net.UDPAddr).AddrPort(),
		tone: hum(tone), how: how, ear: newEar(), keys: make(chan press),
	}, nil
}

// offer describes our side before the other side is known, or answers what it
// has described last.
func (m *media) offer() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.version++
	return m.remote.answer(m.own, m.version, m.how == RTPKeys)
}

// pause stops or resumes our audio, and describes that.
func (m *media) pause(paused bool) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.paused = paused
	m.version++
	return description{keys: m.remote.keys, mute: paused}.answer(m.own, m.version, m.how == RTPKeys)
}

// connect takes the other side's description; the first one starts the audio.
func (m *media) connect(d description) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remote = d
	if m.started {
		return
	}
	m.started = true
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	m.running.Go(func() { m.send(ctx) })
	m.running.Go(m.receive)
}

// close ends the audio and returns when nothing of it runs.
func (m *media) close() {
	m.mu.Lock()
	started, stop := m.started, m.stop
	m.started = true // it cannot be started any more
	m.mu.Unlock()
	if started && stop != nil {
		stop()
	}
	m.conn.Close()
	m.running.Wait()
	m.ear.close(time.Now())
}

// send is the stream to the other side.
func (m *media) send(ctx context.Context) {
	s := stream{seq: uint16(rand.Uint32()), clock: rand.Uint32(), source: rand.Uint32()}
	tick := time.NewTicker(frameTime)
	defer tick.Stop()
	var key *press
	frames := 0 // of the key, or of the pause behind it while negative
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		m.mu.Lock()
		remote, quiet := m.remote, m.remote.deaf || m.paused
		m.mu.Unlock()
		if key == nil && frames == 0 {
			select {
			case p := <-m.keys:
				key = &p
			default:
			}
		}
		var packets [][]byte
		switch {
		case key != nil:
			frames++
			if m.how == RTPKeys {
				packets = s.event(remote.keys, key.code, frames)
			} else {
				packets = [][]byte{s.audio(chord(key.code, frames))}
			}
			if frames == keyFrames {
				close(key.sent)
				key, frames = nil, -pauseFrames
			}
		default:
			frames = min(frames+1, 0)
			packets = [][]byte{s.audio(m.tone)}
		}
		s.clock += frameSamples
		for _, packet := range packets {
			if !quiet {
				// The other side may be gone already: its hangup tells.
				_, _ = m.conn.WriteToUDPAddrPort(packet, remote.audio)
			}
		}
	}
}

// stream is the sender's state of RTP.
type stream struct {
	seq    uint16
	clock  uint32 // timestamp of the next frame
	source uint32
	begun  uint32 // timestamp of the key being sent
}

func (s *stream) packet(payload byte, marker bool, timestamp uint32) []byte {
	if marker {
		payload |= 0x80
	}
	head := []byte{0x80, payload}
	head = binary.BigEndian.AppendUint16(head, s.seq)
	head = binary.BigEndian.AppendUint32(head, timestamp)
	s.seq++
	return binary.BigEndian.AppendUint32(head, s.source)
}

func (s *stream) audio(frame []byte) []byte {
	return append(s.packet(0, false, s.clock), frame...)
}

// event is the frame-th packet of a key (RFC 4733 section 2.5): all carry the
// key's first timestamp and a growing duration; the last is sent three times.
func (s *stream) event(payload, code byte, frame int) [][]byte {
	if frame == 1 {
		s.begun = s.clock
	}
	const volume = 10
	flags, times := byte(volume), 1
	if frame == keyFrames {
		flags, times = volume|0x80, 3
	}
	var packets [][]byte
	for range times {
		packet := append(s.packet(payload, frame == 1, s.begun), code, flags)
		packets = append(packets, binary.BigEndian.AppendUint16(packet, uint16(frame*frameSamples)))
	}
	return packets
}

// receive listens to what comes, and takes it for silence when nothing comes.
func (m *media) receive() {
	packet := make([]byte, 2048)
	frame := make([]int16, 0, frameSamples)
	for {
		m.conn.SetReadDeadline(time.Now().Add(3 * frameTime))
		n, _, err := m.conn.ReadFromUDPAddrPort(packet)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case errors.Is(err, os.ErrDeadlineExceeded):
			frame = frame[:0]
			for range 3 {
				m.ear.frame(nil, time.Now())
			}
			continue
		case err != nil:
			continue // the other side's socket is gone; its hangup is on its way
		}
		for _, code := range pcmu(packet[:n]) {
			if frame = append(frame, decodeMulaw(code)); len(frame) == frameSamples {
				m.ear.frame(frame, time.Now())
				frame = frame[:0]
			}
		}
	}
}

// pcmu is the audio in an RTP packet, nil if it holds none.
func pcmu(packet []byte) []byte {
	if len(packet) < 12 || packet[0]>>6 != 2 || packet[1]&0x7f != 0 {
		return nil
	}
	head := 12 + 4*int(packet[0]&0x0f)
	if packet[0]&0x10 != 0 { // an extension: its length is in its second word
		if len(packet) < head+4 {
			return nil
		}
		head += 4 + 4*int(binary.BigEndian.Uint16(packet[head+2:]))
	}
	end := len(packet)
	if packet[0]&0x20 != 0 {
		end -= int(packet[end-1])
	}
	if head > end {
		return nil
	}
	return packet[head:end]
}
