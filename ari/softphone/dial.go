package softphone

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// Identity is how much a call tells of its caller.
type Identity int

const (
	Shown     Identity = iota // From: "name" <sip:number@phone>
	Anonymous                 // From: "Anonymous" <sip:anonymous@anonymous.invalid>, Privacy: id (RFC 3323)
	NoNumber                  // From: "name" <sip:phone>, without a user part
)

// DialOptions say how a call presents itself; zero is as the phone itself.
// Callers may call themselves whatever they like, and so may these.
type DialOptions struct {
	Identity Identity
	// CallerID is the number, the phone's User if empty. It goes as the user
	// part of From's address; what may not stand there, line ends and all that
	// is not ASCII included, goes as %XX.
	CallerID string
	// CallerName is the display name, the phone's Name if empty. It goes as a
	// quoted string, " and \ behind a \, all else as it is. A line end goes only
	// with a blank behind it, which makes it a folded header (RFC 3261 section
	// 7.3.1) that means one blank; any other is refused. Asterisk's PJSIP throws
	// an INVITE with a folded name away; chan_sip takes it.
	CallerName string
	// Headers are further headers of the INVITE, their values with line ends as
	// in CallerName.
	Headers map[string]string
}

// Dial calls a number at the PBX. It returns when the INVITE is sent; what
// becomes of it the Call tells. ctx bounds the sending only.
func (p *Phone) Dial(ctx context.Context, number string, o DialOptions) (*Call, error) {
	if o.CallerID == "" {
		o.CallerID = p.opts.User
	}
	if o.CallerName == "" {
		o.CallerName = p.opts.Name
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	target, err := p.uri(number)
	if err != nil {
		return nil, err
	}
	c, err := p.newCall(sip.GenerateTagN(32), number)
	if err != nil {
		return nil, err
	}
	c.self = o.from(p)
	c.self.Params.Add("tag", sip.GenerateTagN(16))
	c.peer = sip.ToHeader{Address: target}
	c.target = target
	c.cseq = rand.Uint32N(1000)
	req := c.request(sip.INVITE)
	req.AppendHeader(p.contact())
	req.AppendHeader(sip.NewHeader("Allow", "INVITE, ACK, CANCEL, BYE, UPDATE, INFO, OPTIONS, NOTIFY, MESSAGE"))
	if o.Identity == Anonymous {
		req.AppendHeader(sip.NewHeader("Privacy", "id"))
	}
	for name, value := range o.Headers {
		req.AppendHeader(sip.NewHeader(name, value))
	}
	req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	req.SetBody(c.media.offer())

	c.keep()
	tx, err := p.client.TransactionRequest(ctx, req)
	if err != nil {
		c.end(err)
		return nil, fmt.Errorf("softphone: call %s: %w", number, err)
	}
	p.work.Go(func() { c.follow(req, tx) })
	return c, nil
}

// from is who the call says it comes from.
func (o DialOptions) from(p *Phone) sip.FromHeader {
	switch o.Identity {
	case Anonymous:
		return sip.FromHeader{DisplayName: "Anonymous", Address: sip.Uri{Scheme: "sip", User: "anonymous", Host: "anonymous.invalid"}}
	case NoNumber:
		o.CallerID = ""
	}
	return sip.FromHeader{DisplayName: quote(o.CallerName), Address: sip.Uri{Scheme: "sip", User: escapeUser(o.CallerID), Host: p.host, Port: p.port}}
}

// folds are the line ends that may stand within a header.
var folds = strings.NewReplacer("\r\n ", "", "\r\n\t", "")

// check refuses what would end its header.
func (o DialOptions) check() error {
	for name, value := range o.Headers {
		if strings.ContainsAny(name+folds.Replace(value), "\r\n") {
			return fmt.Errorf("softphone: the header %q holds a line end", name)
		}
	}
	if strings.ContainsAny(folds.Replace(o.CallerName), "\r\n") {
		return errors.New("softphone: the caller's name holds a line end")
	}
	return nil
}

// Ringing is closed when the other side rings (180).
func (c *Call) Ringing() <-chan struct{} { return c.ringing }

// WaitAnswer returns when the call is up. If it comes to no answer the error
// is a *Refused with the final status, 487 after Hangup.
func (c *Call) WaitAnswer(ctx context.Context) error {
	select {
	case <-c.answered:
		return nil
	default:
	}
	select {
	case <-c.answered:
		return nil
	case <-c.done:
		return fmt.Errorf("softphone: call %s: %w", c.Number, c.failure())
	case <-ctx.Done():
		return fmt.Errorf("softphone: wait for %s to answer: %w", c.Number, context.Cause(ctx))
	}
}

var errNoWord = errors.New("cancelled, and the PBX does not confirm it")

// cancelTimeout is how long the end of a cancelled call is waited for.
const cancelTimeout = 5 * time.Second

// follow takes the answers to the INVITE until the final one. It works on the
// transaction itself: the library's own wait gives up after ten provisional
// answers, and a queue sends more.
func (c *Call) follow(req *sip.Request, tx sip.ClientTransaction) {
	cancel, proceeding, challenged := c.cancel, false, false
	var deadline <-chan time.Time
	for {
		select {
		case res := <-tx.Responses():
			switch {
			case res.IsProvisional():
				c.provisional(res)
				if !proceeding && deadline != nil {
					c.sendCancel(req)
				}
				proceeding = true
				continue
			case res.IsSuccess():
				c.up(req, res, tx)
				return
			case challenge(res) && !challenged && c.phone.opts.Password != "":
				challenged = true
				again, err := c.authorize(&req, res)
				if err != nil {
					c.end(err)
					return
				}
				tx, proceeding = again, false
				continue
			}
			c.end(&Refused{res.StatusCode, res.Reason})
			return
		case <-cancel:
			// A CANCEL may not be sent before the first provisional answer (RFC
			// 3261 section 9.1).
			cancel, deadline = nil, time.After(cancelTimeout)
			if proceeding {
				c.sendCancel(req)
			}
		case <-deadline:
			tx.Terminate()
			c.end(errNoWord)
			return
		case <-tx.Done():
			c.end(fmt.Errorf("no answer: %w", tx.Err()))
			return
		case <-c.done:
			tx.Terminate()
			return
		case <-c.phone.life.Done():
			tx.Terminate()
			c.end(errClosed)
			return
		}
	}
}

// provisional: the other side works on it. With a description the audio begins
// before the answer: announcements, or the PBX's ringing tone.
func (c *Call) provisional(res *sip.Response) {
	if to := res.To(); to != nil && to.Params.Has("tag") {
		c.mu.Lock()
		c.peer = *sip.HeaderClone(to).(*sip.ToHeader)
		c.mu.Unlock()
	}
	if res.StatusCode == sip.StatusRinging {
		c.ringOnce.Do(func() { close(c.ringing) })
	}
	if len(res.Body()) > 0 {
		if d, err := parseSDP(res.Body()); err == nil {
			c.media.connect(d)
		}
	}
}

// up: the other side has answered.
func (c *Call) up(req *sip.Request, res *sip.Response, tx sip.ClientTransaction) {
	c.mu.Lock()
	c.peer = *sip.HeaderClone(res.To()).(*sip.ToHeader)
	if contact := res.Contact(); contact != nil {
		c.target = *contact.Address.Clone()
	}
	c.cseq = req.CSeq().SeqNo
	c.mu.Unlock()
	d, err := parseSDP(res.Body())
	acknowledge := func() { _ = c.phone.client.WriteRequest(c.ack()) } // lost: the answer comes again
	tx.OnRetransmission(func(*sip.Response) { acknowledge() })
	acknowledge()
	c.pickedUp()
	if err != nil {
		ctx, cancel := context.WithTimeout(c.phone.life, cancelTimeout)
		defer cancel()
		c.end(errors.Join(err, c.bye(ctx)))
		return
	}
	c.media.connect(d)
}

// ack confirms the answer; it carries the INVITE's number (RFC 3261 section
// 13.2.2.4).
func (c *Call) ack() *sip.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.build(sip.ACK)
}

// challenge tells whether the PBX wants to know the password.
func challenge(res *sip.Response) bool {
	return res.StatusCode == sip.StatusUnauthorized || res.StatusCode == sip.StatusProxyAuthRequired
}

// authorize sends the INVITE again with the answer to the challenge.
func (c *Call) authorize(req **sip.Request, res *sip.Response) (sip.ClientTransaction, error) {
	*req = (*req).Clone() // the first transaction may still repeat its own
	return c.phone.client.TransactionDigestAuth(c.phone.life, *req, res,
		sipgo.DigestAuth{Username: c.phone.opts.User, Password: c.phone.opts.Password})
}

// sendCancel asks the other side to forget the INVITE; the INVITE's own final
// answer tells what came of it.
func (c *Call) sendCancel(invite *sip.Request) {
	req := sip.NewRequest(sip.CANCEL, *invite.Recipient.Clone())
	req.AppendHeader(sip.HeaderClone(invite.Via()))
	req.AppendHeader(sip.HeaderClone(invite.From()))
	req.AppendHeader(sip.HeaderClone(invite.To()))
	req.AppendHeader(sip.HeaderClone(invite.CallID()))
	req.AppendHeader(&sip.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sip.CANCEL})
	c.phone.work.Go(func() {
		ctx, cancel := context.WithTimeout(c.phone.life, cancelTimeout)
		defer cancel()
		_, _ = c.phone.client.Do(ctx, req)
	})
}
