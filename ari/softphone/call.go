package softphone

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

var errCallOver = errors.New("the call is over")

// Call is one call of a phone, from its beginning by Dial or Answer on.
type Call struct {
	// Number is the other side: the number dialed, or the caller's.
	Number string

	phone    *Phone
	id       string // Call-ID
	media    *media
	ringing  chan struct{} // closed when the other side rings
	answered chan struct{} // closed when the call is up
	done     chan struct{} // closed when the call is over
	cancel   chan struct{} // closed to ask for a CANCEL

	mu        sync.Mutex
	self      sip.FromHeader // in requests that we send within the call
	peer      sip.ToHeader
	target    sip.Uri // where they go
	cseq      uint32  // of the last of them
	acks      map[uint32]chan struct{}
	since     time.Time // when it was answered
	ended     time.Time
	hungUp    bool  // by us
	failed    error // why it was not answered
	ringOnce  sync.Once
	cancelled sync.Once
}

func (p *Phone) newCall(id, number string) (*Call, error) {
	m, err := newMedia(p.host, p.opts.Tone, p.opts.Keys)
	if err != nil {
		return nil, err
	}
	return &Call{
		Number: number, phone: p, id: id, media: m,
		ringing: make(chan struct{}), answered: make(chan struct{}),
		done: make(chan struct{}), cancel: make(chan struct{}),
		acks: map[uint32]chan struct{}{},
	}, nil
}

// keep makes the call known to its phone, which finds requests' calls by it.
func (c *Call) keep() {
	c.phone.mu.Lock()
	defer c.phone.mu.Unlock()
	c.phone.calls[c.id] = c
}

// call finds the call that a request is about.
func (p *Phone) call(req *sip.Request) *Call {
	id := req.CallID()
	if id == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[id.Value()]
}

// Done is closed when the call is over, whoever ended it, or was refused.
func (c *Call) Done() <-chan struct{} { return c.done }

// Up is when the call was answered: what is heard before is announcements, or
// the ringing tone. It stays known when the call is over.
func (c *Call) Up() (since time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.since, !c.since.IsZero()
}

// pickedUp notes the answer.
func (c *Call) pickedUp() {
	c.mu.Lock()
	c.since = time.Now()
	c.mu.Unlock()
	close(c.answered)
}

// Ended is when the call was over; zero while it is not.
func (c *Call) Ended() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// failure is why the call was not answered, or ended.
func (c *Call) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

// HungUp tells whether this phone ended the call, and not the other side; who
// transfers a call does.
func (c *Call) HungUp() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hungUp
}

// Heard is what the call has heard so far, in the order in which it began.
func (c *Call) Heard() []Heard { return c.media.ear.all() }

// Hears returns once a tone is being heard, which takes 200 ms of it, or a
// Voice, which takes 300 ms. That the call ends before is an error.
func (c *Call) Hears(ctx context.Context, hz int) error {
	if err := c.media.ear.until(ctx, c.done, hz, true); err != nil {
		return fmt.Errorf("softphone: %s listens for %s, and has heard %s: %w", c.phone.opts.User, nameOf(hz), c.describeHeard(), err)
	}
	return nil
}

// HearsNoMore returns once the tone is not heard (any more), which takes 100 ms
// of its absence, or a second of a Voice's.
func (c *Call) HearsNoMore(ctx context.Context, hz int) error {
	if err := c.media.ear.until(ctx, c.done, hz, false); err != nil && !errors.Is(err, errCallOver) {
		return fmt.Errorf("softphone: %s waits for the end of %s: %w", c.phone.opts.User, nameOf(hz), err)
	}
	return nil
}

func nameOf(hz int) string {
	if hz == Voice {
		return "a voice"
	}
	return fmt.Sprintf("%d Hz", hz)
}

func (c *Call) describeHeard() string {
	text := "nothing"
	for i, h := range c.Heard() {
		if i == 0 {
			text = ""
		}
		until := "now"
		if !h.Until.IsZero() {
			until = h.Until.Format("05.000")
		}
		text += fmt.Sprintf("[%s from %s to %s]", nameOf(h.Hz), h.Since.Format("05.000"), until)
	}
	return text
}

// Hangup ends the call: with BYE when it is up, with CANCEL when it was placed
// and is not yet answered. It returns when the call is over; if the other side
// does not confirm before ctx ends, the call is over here all the same, and
// that is an error. Hanging up what is over is none.
func (c *Call) Hangup(ctx context.Context) error {
	select {
	case <-c.done:
		return nil
	default:
	}
	c.mu.Lock()
	c.hungUp = true
	c.mu.Unlock()
	defer c.end(nil)
	select {
	case <-c.answered:
		return c.bye(ctx)
	default:
	}
	c.cancelled.Do(func() { close(c.cancel) })
	select {
	case <-c.done:
		if errors.Is(c.failure(), errNoWord) {
			return fmt.Errorf("softphone: cancel the call to %s: %w", c.Number, errNoWord)
		}
		return nil
	case <-c.answered:
		return c.bye(ctx) // the answer was faster
	case <-ctx.Done():
		return fmt.Errorf("softphone: cancel the call to %s: %w", c.Number, context.Cause(ctx))
	}
}

// bye ends a call that is up.
func (c *Call) bye(ctx context.Context) error {
	res, err := c.do(ctx, c.request(sip.BYE))
	if err != nil {
		return fmt.Errorf("softphone: hang up: %w", err)
	}
	if !res.IsSuccess() && res.StatusCode != sip.StatusCallTransactionDoesNotExists { // both hung up at once
		return fmt.Errorf("softphone: hang up: %w", &Refused{res.StatusCode, res.Reason})
	}
	return nil
}

// request is the next request within the call (RFC 3261 section 12.2.1.1).
func (c *Call) request(method sip.RequestMethod) *sip.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cseq++
	return c.build(method)
}

// do sends a request within the call, a second time with the password if the
// PBX wants to know it, and returns the final answer.
func (c *Call) do(ctx context.Context, req *sip.Request) (*sip.Response, error) {
	res, err := c.phone.client.Do(ctx, req)
	if err == nil && challenge(res) && c.phone.opts.Password != "" {
		auth := sipgo.DigestAuth{Username: c.phone.opts.User, Password: c.phone.opts.Password}
		res, err = c.phone.client.DoDigestAuth(ctx, req, res, auth)
		c.mu.Lock()
		c.cseq = req.CSeq().SeqNo
		c.mu.Unlock()
	}
	return res, err
}

// build is a request that carries the number of the last one. The caller holds
// mu.
func (c *Call) build(method sip.RequestMethod) *sip.Request {
	req := sip.NewRequest(method, *c.target.Clone())
	self, peer, id := c.self, c.peer, sip.CallIDHeader(c.id)
	req.AppendHeader(&self)
	req.AppendHeader(&peer)
	req.AppendHeader(&id)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: c.cseq, MethodName: method})
	return req
}

// end is the one place where a call becomes over. why is kept for WaitAnswer.
func (c *Call) end(why error) {
	c.mu.Lock()
	if !c.ended.IsZero() {
		c.mu.Unlock()
		return
	}
	c.ended, c.failed = time.Now(), why
	c.mu.Unlock()
	c.phone.mu.Lock()
	delete(c.phone.calls, c.id)
	c.phone.mu.Unlock()
	c.media.close() // first: who sees the end sees all that was heard
	close(c.done)
}

// onBye: the other side hangs up.
func (p *Phone) onBye(req *sip.Request, tx sip.ServerTransaction) {
	c := p.call(req)
	if c == nil {
		respond(req, tx, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
		return
	}
	respond(req, tx, sip.StatusOK, "OK")
	c.end(errCallOver)
}

// onUpdate agrees to everything, and to a new description of the audio with
// our own.
func (p *Phone) onUpdate(req *sip.Request, tx sip.ServerTransaction) {
	c := p.call(req)
	if c == nil || req.Method != sip.UPDATE || len(req.Body()) == 0 {
		respond(req, tx, sip.StatusOK, "OK")
		return
	}
	if res := c.describe(req); res != nil {
		_ = tx.Respond(res)
	}
}

// describe is the answer to a request that describes the audio anew: the other
// side holds the call, takes it back, or moves its audio.
func (c *Call) describe(req *sip.Request) *sip.Response {
	d, err := parseSDP(req.Body())
	if err != nil {
		return sip.NewResponseFromRequest(req, sip.StatusNotAcceptableHere, "Not Acceptable Here", nil)
	}
	c.media.connect(d)
	res := sip.NewSDPResponseFromRequest(req, c.media.offer())
	res.AppendHeader(c.phone.contact())
	return res
}

// reinvite answers an INVITE within the call.
func (c *Call) reinvite(req *sip.Request, tx sip.ServerTransaction) {
	res := c.describe(req)
	c.respondUntilAcked(tx, res, req.CSeq().SeqNo)
}

// onAck: the other side has received our answer to its INVITE.
func (p *Phone) onAck(req *sip.Request, _ sip.ServerTransaction) {
	c, cseq := p.call(req), req.CSeq()
	if c == nil || cseq == nil {
		return
	}
	ack := c.acked(cseq.SeqNo)
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-ack: // it has come twice
	default:
		close(ack)
	}
}

// acked is closed when the INVITE with that number was acknowledged.
func (c *Call) acked(cseq uint32) chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.acks[cseq] == nil {
		c.acks[cseq] = make(chan struct{})
	}
	return c.acks[cseq]
}

// respondUntilAcked sends the final answer to an INVITE, again and again until
// it is acknowledged: with success that is not the transaction's business (RFC
// 3261 section 13.3.1.4).
func (c *Call) respondUntilAcked(tx sip.ServerTransaction, res *sip.Response, cseq uint32) {
	pause := sip.T1
	for {
		if tx.Respond(res) != nil {
			return
		}
		select {
		case <-c.acked(cseq):
			return
		case <-tx.Acks(): // of a refusal
			return
		case <-c.done:
			return
		case <-tx.Done():
			return
		case <-c.phone.life.Done():
			return
		case <-time.After(pause):
			pause = min(2*pause, sip.T2)
		}
	}
}
