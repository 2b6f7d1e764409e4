package softphone

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Transfer gives the other side to a number at the PBX without asking there
// first (REFER, RFC 3515). It returns when the PBX has accepted that. When the
// PBX then says that the transfer has succeeded, the phone hangs up, unless the
// PBX was faster; when it says that it has failed, the phone does nothing.
func (c *Call) Transfer(ctx context.Context, number string) error {
	target, err := c.phone.uri(number)
	if err != nil {
		return err
	}
	if err := c.refer(ctx, target.String()); err != nil {
		return fmt.Errorf("softphone: transfer to %s: %w", number, err)
	}
	return nil
}

// Join connects the other side with that of another call of the phone (REFER
// with Replaces, RFC 3891 and RFC 5589): an attended transfer. The other call may
// still ring. It returns when the PBX has accepted that; when it has succeeded
// both calls are over, this one hung up by the phone and the other by the PBX.
func (c *Call) Join(ctx context.Context, other *Call) error {
	target, err := c.phone.uri(other.Number)
	if err != nil {
		return err
	}
	replaces, err := other.replaces()
	if err == nil {
		err = c.refer(ctx, target.String()+"?Replaces="+replaces)
	}
	if err != nil {
		return fmt.Errorf("softphone: join with the call to %s: %w", other.Number, err)
	}
	return nil
}

// replaces names the call to whoever is at its other end, as the value of a
// header within an address (RFC 3261 section 19.1.1).
func (c *Call) replaces() (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	far, ok := c.peer.Params.Get("tag")
	if !ok {
		return "", errors.New("it does not ring yet")
	}
	own, _ := c.self.Params.Get("tag")
	return url.QueryEscape(fmt.Sprintf("%s;to-tag=%s;from-tag=%s", c.id, far, own)), nil
}

// refer asks the other side to call an address in our place.
func (c *Call) refer(ctx context.Context, address string) error {
	if _, up := c.Up(); !up {
		return errors.New("it is not answered")
	}
	if !c.Ended().IsZero() {
		return errCallOver
	}
	req := c.request(sip.REFER)
	req.AppendHeader(c.phone.contact())
	req.AppendHeader(sip.NewHeader("Refer-To", "<"+address+">"))
	self, err := c.phone.uri(c.phone.opts.User)
	if err != nil {
		return err
	}
	req.AppendHeader(sip.NewHeader("Referred-By", "<"+self.String()+">"))
	res, err := c.do(ctx, req)
	if err != nil {
		return err
	}
	if !res.IsSuccess() {
		return &Refused{res.StatusCode, res.Reason}
	}
	return nil
}

// onNotify: news of a transfer. It may still come when the call is over.
func (p *Phone) onNotify(req *sip.Request, tx sip.ServerTransaction) {
	respond(req, tx, sip.StatusOK, "OK")
	c, event := p.call(req), req.GetHeader("Event")
	if c == nil || event == nil || !strings.HasPrefix(event.Value(), "refer") || !strings.HasPrefix(string(req.Body()), "SIP/2.0 2") {
		return
	}
	ctx, cancel := context.WithTimeout(p.life, cancelTimeout)
	defer cancel()
	_ = c.Hangup(ctx) // not confirmed: it is over here all the same
}
