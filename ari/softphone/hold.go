package softphone

import (
	"context"
	"fmt"

	"github.com/emiago/sipgo/sip"
)

// Hold puts the other side on hold, as the key on a desk phone does: by an
// INVITE within the call whose description says that the phone will not listen
// (RFC 3264 section 8.4). The phone sends no audio until Resume.
func (c *Call) Hold(ctx context.Context) error { return c.renegotiate(ctx, true) }

// Resume ends Hold.
func (c *Call) Resume(ctx context.Context) error { return c.renegotiate(ctx, false) }

func (c *Call) renegotiate(ctx context.Context, hold bool) error {
	req := c.request(sip.INVITE)
	req.AppendHeader(c.phone.contact())
	req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	req.SetBody(c.media.pause(hold))
	res, err := c.do(ctx, req)
	if err != nil {
		return fmt.Errorf("softphone: hold %v: %w", hold, err)
	}
	if !res.IsSuccess() {
		return fmt.Errorf("softphone: hold %v: %w", hold, &Refused{res.StatusCode, res.Reason})
	}
	if err := c.phone.client.WriteRequest(c.ack()); err != nil {
		return fmt.Errorf("softphone: hold %v: %w", hold, err)
	}
	d, err := parseSDP(res.Body())
	if err != nil {
		return err
	}
	c.media.connect(d)
	return nil
}
