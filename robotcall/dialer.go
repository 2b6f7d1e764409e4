package robotcall

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"ringback/ari"
	"ringback/leads/db"
	"ringback/leads/dials"
)

// The times of a call.
const (
	// longestScript is when Asterisk itself hangs up a channel that a script
	// still holds, counted from when it was placed. A channel in our application
	// would stand for ever if the daemon died.
	longestScript = 10 * time.Minute
	// longestTalk is the same for a channel that was connected: no conversation is
	// cut, and none is billed for days.
	longestTalk = 6 * time.Hour
	// farewell bounds what is done for a call whose own time is over.
	farewell = 3 * time.Second
)

// Config says what a Dialer works with.
type Config struct {
	DB        *db.DB
	Pace      *Pacer
	Exchanges []*Exchange
	Log       *slog.Logger
}

// Dialer places calls and follows them. Only with a Pass of the Guard does it
// dial.
type Dialer struct {
	db        *db.DB
	pace      *Pacer
	log       *slog.Logger
	exchanges map[string]*Exchange
	presence  presence

	mu      sync.Mutex
	legs    map[string]*leg       // our channels, by id
	far     map[string]*leg       // what the dialplan dials for them, by channel id
	watched map[string]*watchedBy // by PBX
	beyond  map[string]beyond     // channels of ours that go on without their script, by id
	over    []string              // rows of those that have ended
	wake    chan struct{}
}

// watchedBy says whether a PBX is being watched.
type watchedBy struct {
	now   bool
	since chan struct{} // closed while it is watched
}

// New makes a Dialer.
func New(c Config) *Dialer {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	d := &Dialer{db: c.DB, pace: c.Pace, log: c.Log, exchanges: map[string]*Exchange{},
		legs: map[string]*leg{}, far: map[string]*leg{}, watched: map[string]*watchedBy{},
		beyond: map[string]beyond{}, wake: make(chan struct{}, 1)}
	for _, x := range c.Exchanges {
		d.exchanges[x.Name] = x
		d.watched[x.Name] = &watchedBy{since: make(chan struct{})}
	}
	return d
}

// follow begins to listen for a channel of ours.
func (d *Dialer) follow(id string, x *Exchange) *leg {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := newLeg(id, x)
	d.legs[id] = l
	return l
}

// leave ends the listening.
func (d *Dialer) leave(l *leg) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.legs, l.id)
	for id, other := range d.far {
		if other == l {
			delete(d.far, id)
		}
	}
}

// Order says how a call is placed.
type Order struct {
	// Ring is how long the far end rings.
	Ring time.Duration
	// CallerID is what it shows: `"name" <number>`.
	CallerID string
	// Language of what is played; empty: the channel's own.
	Language string
	// InTurn rings one after the other and not together.
	InTurn bool
}

// Report is what became of dialing one leg.
type Report struct {
	Pass    Pass
	Outcome dials.Outcome
	Detail  string
	// Connected says that the call is the dialplan's by now: it is answered, and
	// has no Voice.
	Connected bool
}

// Ring places the calls of the passes and waits until one is answered: its Voice
// is returned, and the others are hung up. Without a Voice the reports tell why
// nobody answered. The rows of all legs but the answered one are ended when it
// returns.
func (d *Dialer) Ring(ctx context.Context, passes []Pass, o Order) (*Voice, []Report) {
	return d.answer(ctx, passes, o, d.dial)
}

// answer runs a way of getting an answer for all passes, until one has it.
func (d *Dialer) answer(ctx context.Context, passes []Pass, o Order, how func(context.Context, *leg, Pass, Order) Report) (*Voice, []Report) {
	rest, quiet := context.WithCancelCause(ctx)
	defer quiet(nil)
	var (
		mu      sync.Mutex
		winner  *Voice
		reports = make([]Report, len(passes))
		group   sync.WaitGroup
	)
	one := func(i int) {
		p := passes[i]
		l := d.follow(p.dial.Channel, d.exchanges[p.dial.PBX])
		r := how(rest, l, p, o)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case r.Connected:
			quiet(errElsewhere)
		case r.Outcome == dials.Answered && winner == nil:
			winner = &Voice{dialer: d, leg: l, Pass: p, language: o.Language}
			quiet(errElsewhere)
		case r.Outcome == dials.Answered:
			r.Outcome, r.Detail = dials.NoAnswer, errElsewhere.Error()
			d.drop(ctx, l)
		default:
			d.drop(ctx, l)
		}
		reports[i] = r
	}
	for i := range passes {
		group.Go(func() { one(i) })
		if o.InTurn {
			group.Wait()
		}
	}
	group.Wait()
	d.settle(ctx, reports)
	return winner, reports
}

// errElsewhere is why a phone is not rung any more.
var errElsewhere = errors.New("another phone has answered")

// settle writes down what became of the legs.
func (d *Dialer) settle(ctx context.Context, reports []Report) {
	err := d.db.Do(context.WithoutCancel(ctx), func(tx *db.Tx) error {
		for _, r := range reports {
			var err error
			if r.Outcome == dials.Answered {
				err = dials.MarkAnswered(tx, r.Pass.dial.Channel)
			} else {
				err = dials.End(tx, r.Pass.dial.Channel, r.Outcome, r.Detail)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		d.log.Error("what became of a call could not be written down", "err", err)
	}
}

// dial places one call and waits until it is answered or has failed.
func (d *Dialer) dial(ctx context.Context, l *leg, p Pass, o Order) Report {
	if ctx.Err() != nil {
		return d.giveUp(p, context.Cause(ctx))
	}
	err := d.pace.Place(ctx, p, func() error {
		_, err := l.exchange.PBX.Originate(ctx, l.id, ari.OriginateRequest{
			Endpoint: p.dial.Device, App: l.exchange.PBX.App(), CallerID: o.CallerID, Timeout: seconds(o.Ring),
			Variables: map[string]string{"TIMEOUT(absolute)": strconv.Itoa(seconds(longestScript))},
		})
		return err
	})
	if ctx.Err() != nil {
		return d.giveUp(p, context.Cause(ctx))
	}
	if err != nil && ari.HTTPStatus(err) != http.StatusConflict { // 409: it was placed already
		if outcome, detail, over := d.refused(ctx, l, p, err); over {
			return Report{Pass: p, Outcome: outcome, Detail: detail}
		}
	}
	return d.await(ctx, l, p, o)
}

func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// refused reads why a call was not placed. Where the PBX did not say, the
// channel tells: it may be there all the same.
func (d *Dialer) refused(ctx context.Context, l *leg, p Pass, err error) (outcome dials.Outcome, detail string, over bool) {
	if ari.HTTPStatus(err) != 0 || ari.NothingDone(err) {
		if p.dial.Kind == dials.Manager && ari.HTTPStatus(err) != 0 {
			return dials.Unreachable, err.Error(), true
		}
		return dials.Congestion, err.Error(), true
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if _, asked := l.exchange.PBX.Channel(late, l.id); ari.HTTPStatus(asked) == http.StatusNotFound {
		return dials.Unknown, err.Error(), true
	}
	d.log.Warn("not known whether a call was placed", "pbx", l.exchange.Name, "err", err)
	return "", "", false
}

// await waits until a call that was placed is answered or has failed.
func (d *Dialer) await(ctx context.Context, l *leg, p Pass, o Order) Report {
	ringing, cancel := context.WithTimeoutCause(ctx, o.Ring+10*time.Second, errNoEnd)
	defer cancel()
	var far farEnd
	for {
		n, err := l.next(ringing)
		if err != nil {
			return d.giveUp(p, err)
		}
		far.hear(n)
		switch {
		case n.kind == inScript:
			if outcome, detail := d.throughDialplan(ringing, l, p, &far); outcome != dials.Answered {
				return Report{Pass: p, Outcome: outcome, Detail: detail}
			}
			return Report{Pass: p, Outcome: dials.Answered}
		case n.kind == gone && !n.byOthers:
			outcome, detail := far.outcome(n, p)
			return Report{Pass: p, Outcome: outcome, Detail: detail}
		case n.kind == vanished:
			return Report{Pass: p, Outcome: dials.Unknown, Detail: "it ended while the PBX could not be seen"}
		}
	}
}

// errNoEnd says that Asterisk did not keep to the ring time.
var errNoEnd = errors.New("nobody answered, and the PBX did not say so")

func (d *Dialer) giveUp(p Pass, why error) Report {
	if errors.Is(why, errNoEnd) || errors.Is(why, errElsewhere) {
		return Report{Pass: p, Outcome: dials.NoAnswer, Detail: why.Error()}
	}
	return Report{Pass: p, Outcome: dials.Stopped, Detail: why.Error()}
}

// throughDialplan waits, after the half of a Local pair that is ours was
// answered, for what the other half dials: a dialplan may answer and play
// something first. Who dials nothing has answered themselves.
func (d *Dialer) throughDialplan(ctx context.Context, l *leg, p Pass, far *farEnd) (dials.Outcome, string) {
	if !strings.HasPrefix(p.dial.Device, "Local/") || far.answered {
		return dials.Answered, ""
	}
	for {
		wait, cancel := ctx, context.CancelFunc(func() {})
		if !far.dialing {
			wait, cancel = context.WithTimeoutCause(ctx, dialplanDials, errNobodyDialed)
		}
		n, err := l.next(wait)
		cancel()
		switch {
		case errors.Is(err, errNobodyDialed):
			return dials.Answered, ""
		case err != nil:
			r := d.giveUp(p, err)
			return r.Outcome, r.Detail
		}
		far.hear(n)
		switch {
		case far.answered:
			return dials.Answered, ""
		case n.kind == gone && !n.byOthers:
			return far.outcome(n, p)
		case n.kind == vanished:
			return dials.Unknown, "it ended while the PBX could not be seen"
		}
	}
}

// dialplanDials is how long a dialplan that has answered may take to dial.
const dialplanDials = 2 * time.Second

var errNobodyDialed = errors.New("the dialplan has answered and dials nobody")

// drop hangs a leg up and stops listening to it.
func (d *Dialer) drop(ctx context.Context, l *leg) {
	d.leave(l)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if err := l.exchange.PBX.Hangup(ctx, l.id); err != nil {
		d.log.Warn("a call could not be hung up; Asterisk does it when its time is over", "pbx", l.exchange.Name, "channel", l.id, "err", err)
	}
}
