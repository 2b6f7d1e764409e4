package aritest

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"ringback/ari"
)

// Recorded is the recording of one call, out of which any number of calls can
// be made: each has channels and a caller of its own.
type Recorded struct {
	// Frames are how many events a call has; Ringing of them come before
	// anybody hangs up.
	Frames, Ringing int
	// Channels are how many channels a call has.
	Channels int

	text string
	old  []string // of each channel its id and the unique end of its name
}

// ReadRecorded reads a recording, one event a line. Its caller is known by the
// number given.
func ReadRecorded(file, caller string) (*Recorded, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("aritest: %w", err)
	}
	frames := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	r := &Recorded{text: string(bytes.Join(frames, []byte("\n"))), Frames: len(frames), Ringing: len(frames)}
	seen := map[string]bool{}
	for i, frame := range frames {
		var ev ari.Event
		if err := ari.Decode(frame, &ev); err != nil {
			return nil, fmt.Errorf("aritest: %s:%d: %w", file, i+1, err)
		}
		if ev.Type == ari.ChannelHangupRequest {
			r.Ringing = min(r.Ringing, i)
		}
		if id := ev.Channel.ID; id != "" && !seen[id] {
			seen[id] = true
			r.old = append(r.old, id+`"`, ev.Channel.Name[strings.LastIndexByte(ev.Channel.Name, '-'):]+`"`)
		}
	}
	r.Channels = len(seen)
	r.old = append(r.old, caller)
	return r, nil
}

// Call gives the frames of the n-th call; n stays under ten million.
func (r *Recorded) Call(n int) []string {
	var fresh []string
	for i, old := range r.old {
		channel := r.Channels*n + i/2
		switch {
		case i == len(r.old)-1:
			fresh = append(fresh, old, fmt.Sprintf("7916%07d", n))
		case i%2 == 0:
			fresh = append(fresh, old, fmt.Sprintf(`1795999999.%d"`, channel))
		default:
			fresh = append(fresh, old, fmt.Sprintf(`-%08x"`, channel))
		}
	}
	return strings.Split(strings.NewReplacer(fresh...).Replace(r.text), "\n")
}
