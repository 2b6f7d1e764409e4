package softphone

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Keys is how a key that is pressed reaches the other side.
type Keys int

const (
	RTPKeys    Keys = iota // as events beside the audio (RFC 4733)
	InfoKeys               // as SIP INFO, application/dtmf-relay
	InbandKeys             // as the two tones that one hears
)

// keyCodes are the keys, each at the place of its RFC 4733 event.
const keyCodes = "0123456789*#ABCD"

const (
	keyFrames   = 5 // a key lasts 100 ms
	pauseFrames = 5 // and so does the pause behind it
)

// press is one key to be sent with the audio.
type press struct {
	code byte // RFC 4733 event
	sent chan struct{}
}

// SendDTMF presses keys (0-9, *, #, A-D), each for 100 ms, and returns when the
// last was sent.
func (c *Call) SendDTMF(ctx context.Context, keys string) error {
	for _, key := range keys {
		code := strings.IndexRune(keyCodes, key)
		if code < 0 {
			return fmt.Errorf("softphone: press %q: %q is no key", keys, key)
		}
		send := c.media.press
		if c.phone.opts.Keys == InfoKeys {
			send = c.inform
		}
		if err := send(ctx, c.done, byte(code)); err != nil {
			return fmt.Errorf("softphone: press %q: %w", keys, err)
		}
	}
	return nil
}

// press hands a key to the stream, and returns when it was sent.
func (m *media) press(ctx context.Context, over <-chan struct{}, code byte) error {
	p := press{code: code, sent: make(chan struct{})}
	select {
	case m.keys <- p:
	case <-over:
		return errCallOver
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-p.sent:
		return nil
	case <-over:
		return errCallOver
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// inform tells of a key by INFO, and takes as long as a finger does.
func (c *Call) inform(ctx context.Context, over <-chan struct{}, code byte) error {
	lifted := time.After((keyFrames + pauseFrames) * frameTime)
	req := c.request(sip.INFO)
	req.AppendHeader(sip.NewHeader("Content-Type", "application/dtmf-relay"))
	req.SetBody(fmt.Appendf(nil, "Signal=%c\r\nDuration=%d\r\n", keyCodes[code], keyFrames*frameTime.Milliseconds()))
	res, err := c.do(ctx, req)
	if err != nil {
		return err
	}
	if !res.IsSuccess() {
		return &Refused{res.StatusCode, res.Reason}
	}
	select {
	case <-lifted:
		return nil
	case <-over:
		return errCallOver
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
