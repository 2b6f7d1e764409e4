package softphone

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Incoming is a call that rings at the phone. Until it is answered, refused or
// cancelled the caller waits.
type Incoming struct {
	From string    // the caller's number
	Name string    // the caller's display name
	To   string    // the number that was dialed
	At   time.Time // when it came

	phone     *Phone
	req       *sip.Request
	tx        sip.ServerTransaction
	tag       string // ours, of the dialog
	cancelled chan struct{}
	settled   chan struct{} // closed when the final answer is decided

	mu     sync.Mutex
	final  bool
	early  *Call         // what is heard before the answer
	answer *Call         // when answered,
	ok     *sip.Response // by this
}

// ErrCancelled is the error of answering a call that its caller has given up,
// or that another phone has answered.
var ErrCancelled = errors.New("softphone: the caller has cancelled")

var errSettled = errors.New("softphone: the call was answered or refused already")

// onInvite lets a new call ring, and stays until it is settled: the library
// ends a transaction whose handler returns.
func (p *Phone) onInvite(req *sip.Request, tx sip.ServerTransaction) {
	from, to := req.From(), req.To()
	if from == nil || to == nil || req.CallID() == nil || req.Contact() == nil || req.CSeq() == nil {
		respond(req, tx, sip.StatusBadRequest, "Bad Request")
		return
	}
	if to.Params.Has("tag") {
		if c := p.call(req); c != nil {
			c.reinvite(req, tx)
			return
		}
		respond(req, tx, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
		return
	}
	in := &Incoming{
		From: unescapeUser(from.Address.User), Name: unquote(from.DisplayName),
		To: unescapeUser(req.Recipient.User), At: time.Now(),
		phone: p, req: req, tx: tx, tag: sip.GenerateTagN(16),
		cancelled: make(chan struct{}), settled: make(chan struct{}),
	}
	var once sync.Once
	if !tx.OnCancel(func(*sip.Request) { once.Do(func() { close(in.cancelled) }) }) {
		return
	}
	in.wait(true)
	defer in.wait(false)
	defer in.hush()
	p.rings.put(in)
	select {
	case <-in.cancelled:
	case <-in.settled:
	case <-tx.Done():
		return
	case <-p.life.Done():
		return
	}
	in.conclude()
}

// wait notes for Close that the caller waits, or no longer does.
func (in *Incoming) wait(waits bool) {
	in.phone.mu.Lock()
	defer in.phone.mu.Unlock()
	if waits {
		in.phone.waiting[in] = struct{}{}
	} else {
		delete(in.phone.waiting, in)
	}
}

// hush ends what is heard before the answer, when none has come.
func (in *Incoming) hush() {
	in.mu.Lock()
	early := in.early
	if in.answer != nil {
		early = nil
	}
	in.mu.Unlock()
	if early != nil {
		early.end(errCallOver)
	}
}

// conclude waits for the acknowledgement of the final answer.
func (in *Incoming) conclude() {
	in.mu.Lock()
	call, ok := in.answer, in.ok
	in.mu.Unlock()
	if call != nil {
		call.respondUntilAcked(in.tx, ok, in.req.CSeq().SeqNo)
		return
	}
	select {
	case <-in.tx.Acks():
	case <-in.tx.Done():
	case <-in.phone.life.Done():
	}
}

// ExpectRing returns the next call that rings at the phone, the oldest first,
// and waits for one if there is none. It may have been cancelled already.
func (p *Phone) ExpectRing(ctx context.Context) (*Incoming, error) {
	ctx, cancel := p.alive(ctx)
	defer cancel()
	in, err := p.rings.take(ctx)
	if err != nil {
		return nil, fmt.Errorf("softphone: %s waits for a call: %w", p.opts.User, err)
	}
	return in, nil
}

// Cancelled is closed when the caller gives up, or another phone has answered.
func (in *Incoming) Cancelled() <-chan struct{} { return in.cancelled }

// Header is the value of a header of the INVITE, empty if there is none.
func (in *Incoming) Header(name string) string {
	if h := in.req.GetHeader(name); h != nil {
		return h.Value()
	}
	return ""
}

// Ring tells the caller that the phone rings (180).
func (in *Incoming) Ring() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.final {
		return errSettled
	}
	if err := in.tx.Respond(in.response(sip.StatusRinging, "Ringing", nil)); err != nil {
		return in.failure("ring", err)
	}
	return nil
}

// Progress lets the caller hear the phone's tone before the answer (183), as an
// announcement of the network does. Ring, Answer or a refusal may follow.
func (in *Incoming) Progress() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	select {
	case <-in.cancelled:
		return ErrCancelled
	default:
	}
	if in.final {
		return errSettled
	}
	c, err := in.call()
	if err != nil {
		return err
	}
	in.early = c
	if err := in.tx.Respond(in.response(sip.StatusSessionInProgress, "Session Progress", c.media.offer())); err != nil {
		return in.failure("announce", err)
	}
	return nil
}

// call is the phone's side of the call, with its audio; made when it is first
// needed. The caller holds mu.
func (in *Incoming) call() (*Call, error) {
	if in.early != nil {
		return in.early, nil
	}
	offer, err := parseSDP(in.req.Body())
	if err != nil {
		return nil, err
	}
	c, err := in.phone.newCall(in.req.CallID().Value(), in.From)
	if err != nil {
		return nil, err
	}
	c.self = sip.FromHeader{Address: *in.req.To().Address.Clone()}
	c.self.Params.Add("tag", in.tag)
	c.peer = in.req.From().AsTo()
	c.target = *in.req.Contact().Address.Clone()
	c.cseq = rand.Uint32N(1000)
	c.media.connect(offer)
	return c, nil
}

// Answer picks up. It returns when the caller's side knows.
func (in *Incoming) Answer(ctx context.Context) (*Call, error) {
	in.mu.Lock()
	c, err := in.call()
	in.mu.Unlock()
	if err != nil {
		return nil, errors.Join(err, in.Reject(sip.StatusNotAcceptableHere, "Not Acceptable Here"))
	}
	ok := in.response(sip.StatusOK, "OK", c.media.offer())
	if err := in.settle(func() { in.answer, in.ok = c, ok; c.pickedUp(); c.keep() }); err != nil {
		c.end(err)
		return nil, err
	}
	select {
	case <-c.acked(in.req.CSeq().SeqNo):
		return c, nil
	case <-c.done:
		return c, nil // up, and hung up at once
	case <-in.cancelled:
		c.end(ErrCancelled)
		return nil, ErrCancelled
	case <-in.tx.Done():
		err = errors.New("not acknowledged")
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	c.end(err)
	return nil, in.failure("answer", err)
}

// Reject refuses the call with a SIP status: 486 busy, 603 declined, 480
// unavailable.
func (in *Incoming) Reject(status int, reason string) error {
	return in.refuse(in.response(status, reason, nil))
}

// Redirect sends the caller to another number at the PBX (302), as a phone does
// that forwards its calls.
func (in *Incoming) Redirect(number string) error {
	target, err := in.phone.uri(number)
	if err != nil {
		return err
	}
	res := in.response(sip.StatusMovedTemporarily, "Moved Temporarily", nil)
	res.RemoveHeader("Contact")
	res.AppendHeader(&sip.ContactHeader{Address: target})
	return in.refuse(res)
}

func (in *Incoming) refuse(res *sip.Response) error {
	return in.settle(func() {
		// Its acknowledgement is waited for in conclude.
		_ = in.tx.Respond(res)
	})
}

// settle decides the final answer, once.
func (in *Incoming) settle(decide func()) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	select {
	case <-in.cancelled:
		return ErrCancelled
	default:
	}
	if in.final {
		return errSettled
	}
	in.final = true
	decide()
	close(in.settled)
	return nil
}

// response is an answer to the INVITE; all carry the same tag (RFC 3261 section
// 8.2.6.2), which makes them one dialog.
func (in *Incoming) response(status int, reason string, sdp []byte) *sip.Response {
	res := sip.NewResponseFromRequest(in.req, status, reason, nil)
	res.To().Params.Add("tag", in.tag)
	res.AppendHeader(in.phone.contact())
	if sdp != nil {
		res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
		res.SetBody(sdp)
	}
	return res
}

func (in *Incoming) failure(what string, err error) error {
	select {
	case <-in.cancelled:
		return ErrCancelled
	default:
		return fmt.Errorf("softphone: %s the call from %s: %w", what, in.From, err)
	}
}
