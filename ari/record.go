package ari

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// maxFrame bounds one frame of Asterisk. Its largest own event is some
	// kilobytes; what is bigger is counted and skipped.
	maxFrame = 1 << 20
	// maxLine bounds one line of a recording. Only the line that opens a
	// session may exceed maxFrame: it holds every live channel, about 700
	// bytes each.
	maxLine = 64 << 20
)

// ErrTooLong is the reason of a LineError for a line over the limit: 1 MB, or
// 64 MB for a line that opens a session.
var ErrTooLong = errors.New("line too long")

// Recorder writes what a Stream sees as JSON lines: every frame as Asterisk
// sent it, between one line of type RingbackConnected at each session's begin,
// with the snapshot, and one of type RingbackDisconnected at its end. A Scanner
// makes the same events of it. It may be used by several goroutines.
//
// A recording holds callers' names and numbers: it belongs where only its owner
// reads it.
type Recorder struct {
	mu  sync.Mutex
	w   io.Writer
	buf []byte
	err error
}

// NewRecorder makes a Recorder that writes each line to w with one call of
// Write, so that a kill cuts at most the last line.
func NewRecorder(w io.Writer) *Recorder { return &Recorder{w: w} }

// Frame writes one frame as one line. After a failed write nothing more is
// written, since a line in the middle of another would spoil both; the first
// error is then returned forever.
func (r *Recorder) Frame(frame []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	r.buf = appendLine(r.buf[:0], frame)
	if _, err := r.w.Write(r.buf); err != nil {
		r.err = fmt.Errorf("ari: record: %w", err)
	}
	if cap(r.buf) > maxFrame {
		r.buf = nil // a snapshot's size is not needed again soon
	}
	return r.err
}

// Err is the error that ended the recording, or nil.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// appendLine puts a frame on one line. With pretty=yes in ari.conf Asterisk
// sends many lines; between JSON's tokens a line feed means nothing, and inside
// a string it is forbidden, so a blank serves as well.
func appendLine(line, frame []byte) []byte {
	line = append(line, bytes.TrimSpace(frame)...)
	for i, c := range line {
		if c == '\n' || c == '\r' {
			line[i] = ' '
		}
	}
	return append(line, '\n')
}

// openingFrame is the frame that opens a session: the answers of GET
// /ari/channels and /ari/bridges as they came. Both must be valid JSON.
func openingFrame(at, since time.Time, channels, bridges []byte) []byte {
	b := fmt.Appendf(nil, `{"type":%q,"timestamp":%q`, Connected, at.Format(timestampLayout))
	if !since.IsZero() {
		b = fmt.Appendf(b, `,"since":%q`, since.Format(timestampLayout))
	}
	b = append(append(b, `,"channels":`...), channels...)
	b = append(append(b, `,"bridges":`...), bridges...)
	return append(b, '}')
}

// closingFrame is the frame that ends a session.
func closingFrame(at time.Time, reason error) []byte {
	text, err := json.Marshal(reason.Error())
	if err != nil {
		text = []byte(`""`)
	}
	return fmt.Appendf(nil, `{"type":%q,"timestamp":%q,"error":%s}`, Disconnected, at.Format(timestampLayout), text)
}

// LineError says which line of a recording could not be read, and why. Reading
// may go on behind it.
type LineError struct {
	Name string // the recording, as given to NewScanner
	Line int    // counted from 1
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("%s:%d: %v", e.Name, e.Line, e.Err) }

// Unwrap gives the reason alone.
func (e *LineError) Unwrap() error { return e.Err }

// Scanner reads a recording: of a Recorder, or a foreign file of one ARI event
// a line. Blank lines are passed over.
type Scanner struct {
	name string
	r    *bufio.Reader
	line int
	buf  []byte
}

// NewScanner reads from r; name stands in its errors.
func NewScanner(r io.Reader, name string) *Scanner {
	return &Scanner{name: name, r: bufio.NewReaderSize(r, 64<<10)}
}

// Line is the number of the line that Next has read last, counted from 1.
func (s *Scanner) Line() int { return s.line }

// Next reads the next event into ev. It answers io.EOF at the end. A *LineError
// tells of a line that is no event, a last line cut by a kill for instance:
// the caller may go on with the next one. Any other error is the reader's own
// and ends the reading. Events of a type that Ringback does not use come as
// Type Other.
func (s *Scanner) Next(ev *Event) error {
	for {
		err := s.read()
		line := bytes.TrimSpace(s.buf)
		switch {
		case errors.Is(err, ErrTooLong):
			return s.fault(err)
		case err != nil && err != io.EOF:
			return fmt.Errorf("ari: read %s behind line %d: %w", s.name, s.line, err)
		case len(line) == 0 && err == io.EOF:
			return io.EOF
		case len(line) == 0:
			continue
		}
		if err := Decode(line, ev); err != nil {
			return s.fault(err)
		}
		if len(line) > maxFrame && ev.Type != Connected {
			return s.fault(ErrTooLong)
		}
		return nil
	}
}

func (s *Scanner) fault(err error) error {
	return &LineError{Name: s.name, Line: s.line, Err: err}
}

// read reads one line into buf. Of a line over maxLine it keeps nothing, so
// that a file without line feeds does not fill the memory.
func (s *Scanner) read() error {
	s.buf = s.buf[:0]
	tooLong := false
	for {
		part, err := s.r.ReadSlice('\n')
		if tooLong = tooLong || len(s.buf)+len(part) > maxLine; tooLong {
			s.buf = s.buf[:0]
		} else {
			s.buf = append(s.buf, part...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if len(part) > 0 || tooLong || err == nil {
			s.line++
		}
		if tooLong && (err == nil || err == io.EOF) {
			return ErrTooLong
		}
		return err
	}
}
