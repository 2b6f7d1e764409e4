package softphone

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Message is a text message (SIP MESSAGE) that the phone has received.
type Message struct {
	From string // user part of the sender's address
	Name string // the sender's display name
	To   string // user part of the address that it was sent to
	Body string
	At   time.Time // when it arrived
}

func (p *Phone) onMessage(req *sip.Request, tx sip.ServerTransaction) {
	at := time.Now()
	respond(req, tx, sip.StatusOK, "OK")
	m := Message{To: unescapeUser(req.Recipient.User), Body: string(req.Body()), At: at}
	if from := req.From(); from != nil {
		m.From, m.Name = unescapeUser(from.Address.User), unquote(from.DisplayName)
	}
	p.messages.put(m)
}

// ExpectMessage returns the next text message, the oldest first, and waits for
// one if there is none.
func (p *Phone) ExpectMessage(ctx context.Context) (Message, error) {
	ctx, cancel := p.alive(ctx)
	defer cancel()
	m, err := p.messages.take(ctx)
	if err != nil {
		return Message{}, fmt.Errorf("softphone: %s waits for a message: %w", p.opts.User, err)
	}
	return m, nil
}

var errClosed = errors.New("the phone is closed")

// alive ends ctx with the phone.
func (p *Phone) alive(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(p.life, func() { cancel(errClosed) })
	return ctx, func() { stop(); cancel(nil) }
}
