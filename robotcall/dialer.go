package robotcall

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"

	"ringback/ari"
	"ringback/leads/db"
	"ringback/leads/dials"
	"ringback/leads/number"
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
	far     map[string]string     // what the dialplan dials for them: our channel, by its channel's id
	halves  map[string]string     // and the halves of Local pairs that dial in its stead, by their names
	watched map[string]*watchedBy // by PBX
	beyond  map[string]*beyond    // channels of ours that go on without their script, by id
	over    []over                // what is to be noted of those that have ended
	strays  []stray               // channels of ours that wait in our application for nobody
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
		legs: map[string]*leg{}, far: map[string]string{}, halves: map[string]string{}, watched: map[string]*watchedBy{},
		beyond: map[string]*beyond{}, wake: make(chan struct{}, 1)}
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
	d.forgetFar(l.id)
}

// forgetFar forgets who dials for a channel; the lock is held.
func (d *Dialer) forgetFar(channel string) {
	ours := func(_, id string) bool { return id == channel }
	maps.DeleteFunc(d.far, ours)
	maps.DeleteFunc(d.halves, ours)
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
	// Open says that what became of it could not be found out: its row stays
	// open, and it is to be asked for again.
	Open bool
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
	// wins says whether this answer is the first.
	wins := func(v *Voice) bool {
		mu.Lock()
		defer mu.Unlock()
		if winner == nil {
			winner = v
			quiet(errElsewhere)
		}
		return winner == v
	}
	one := func(p Pass) Report {
		x := d.exchanges[p.dial.PBX]
		if x == nil {
			return Report{Pass: p, Outcome: dials.Unknown, Detail: "its PBX is not configured any more"}
		}
		l := d.follow(p.dial.Channel, x)
		r := how(rest, l, p, o)
		switch {
		case r.Connected:
			quiet(errElsewhere)
			return r
		case r.Open:
			d.leave(l)
			return r
		case r.Outcome == dials.Answered && wins(&Voice{dialer: d, leg: l, Pass: p, language: o.Language}):
			return r
		case r.Outcome == dials.Answered:
			r.Outcome, r.Detail = dials.NoAnswer, errElsewhere.Error()
		}
		d.drop(ctx, l)
		return r
	}
	for i, p := range passes {
		group.Go(func() { reports[i] = one(p) })
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
			switch {
			case r.Open:
			case r.Outcome == dials.Answered:
				err = dials.MarkAnswered(tx, r.Pass.dial.Channel)
			default:
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
	for _, r := range reports {
		if dial := r.Pass.dial; !r.Open {
			d.log.Info("robot call", "kind", dial.Kind, "pbx", dial.PBX, "to", shownIn(dial), "outcome", r.Outcome, "job", dial.Job)
		}
	}
}

// shownIn is whom a call went to, for the log.
func shownIn(dial dials.Dial) string {
	if dial.Number != "" {
		return number.Mask(dial.Number)
	}
	return dial.Device
}

// dial places one call and waits until it is answered or has failed.
func (d *Dialer) dial(ctx context.Context, l *leg, p Pass, o Order) Report {
	if ctx.Err() != nil {
		l.put(notice{kind: vanished}) // it was never placed
		return d.giveUp(p, context.Cause(ctx))
	}
	// A request that is cut off may still be carried out, and the phone of nobody
	// would ring: it is waited for, which takes the client's timeout at most.
	whole := context.WithoutCancel(ctx)
	err := d.pace.Place(ctx, p, func() error {
		_, err := l.exchange.PBX.Originate(whole, l.id, ari.OriginateRequest{
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
			l.put(notice{kind: vanished}) // there is none, and nothing else will be heard of it
			return Report{Pass: p, Outcome: outcome, Detail: detail}
		}
	}
	return d.await(ctx, l, p, o, farEnd{})
}

func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// refused reads why a call was not placed. Where the PBX did not say, the
// channel tells: it may be there all the same.
func (d *Dialer) refused(ctx context.Context, l *leg, p Pass, err error) (outcome dials.Outcome, detail string, over bool) {
	if ari.HTTPStatus(err) != 0 || ari.NothingDone(err) || errors.Is(err, errTooLate) {
		if p.dial.Kind.ToHouse() && ari.HTTPStatus(err) != 0 {
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

// await waits until a call that was placed is answered or has failed. far is how
// far dialing has come already.
func (d *Dialer) await(ctx context.Context, l *leg, p Pass, o Order, far farEnd) Report {
	ringing, cancel := context.WithTimeoutCause(ctx, o.Ring+10*time.Second, errNoEnd)
	defer cancel()
	unseen := false // for a while nobody heard what became of it
	for {
		n, err := l.next(ringing)
		switch {
		case errors.Is(err, errNoEnd) && (unseen || !d.watching(l.exchange.Name)):
			return d.unheard(ctx, l.exchange, p, errUnseen)
		case err != nil:
			return d.giveUp(p, err)
		}
		far.hear(n)
		switch {
		case n.kind == inScript:
			outcome, detail := d.throughDialplan(ringing, l, p, &far)
			return Report{Pass: p, Outcome: outcome, Detail: detail}
		case n.kind == resumed:
			unseen = true
		case n.kind == vanished:
			return d.unheard(ctx, l.exchange, p, errUnseen)
		case n.ends():
			far.listen(ringing, l)
			outcome, detail := far.outcome(n, p)
			return Report{Pass: p, Outcome: outcome, Detail: detail}
		}
	}
}

var (
	// errNoEnd says that Asterisk did not keep to the ring time.
	errNoEnd  = errors.New("nobody answered, and the PBX did not say so")
	errUnseen = errors.New("what became of it could not be seen: the PBX was away")
)

// giveUp reports a call that is not waited for any longer. One that somebody had
// answered in a former life has reached them.
func (d *Dialer) giveUp(p Pass, why error) Report {
	r := Report{Pass: p, Outcome: dials.Stopped, Detail: why.Error()}
	switch {
	case !p.dial.Answered.IsZero():
		r.Outcome = dials.Unknown
	case errors.Is(why, errNoEnd), errors.Is(why, errElsewhere):
		r.Outcome = dials.NoAnswer
	}
	return r
}

// throughDialplan waits, after the half of a Local pair that is ours was
// answered, until somebody picks up whom the other half dials: a dialplan may
// answer by itself and play something, before it dials or instead.
func (d *Dialer) throughDialplan(ctx context.Context, l *leg, p Pass, far *farEnd) (dials.Outcome, string) {
	for !far.answered && p.throughDialplan() {
		n, err := l.next(ctx)
		switch {
		case errors.Is(err, errNoEnd):
			return far.outcome(notice{}, p)
		case err != nil:
			r := d.giveUp(p, err)
			return r.Outcome, r.Detail
		}
		far.hear(n)
		switch {
		case n.kind == vanished:
			return dials.Unknown, errUnseen.Error()
		case n.ends():
			far.listen(ctx, l)
			return far.outcome(n, p)
		}
	}
	return dials.Answered, ""
}

// drop hangs a leg up, waits until it and what was dialed for it are gone, and
// stops listening to it. Only then there is room for another call: the PBX takes
// its time to hang up a phone.
func (d *Dialer) drop(ctx context.Context, l *leg) {
	defer d.leave(l)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if err := l.exchange.PBX.Hangup(last, l.id); err != nil {
		d.log.Warn("a call could not be hung up; Asterisk does it when its time is over", "pbx", l.exchange.Name, "channel", l.id, "err", err)
		return
	}
	for ctx.Err() == nil && d.watching(l.exchange.Name) && !d.isOver(l) { // a stop has no time
		if _, err := l.take(last); err != nil {
			return
		}
	}
}

// isOver says that neither the leg lives nor one that was dialed for it.
func (d *Dialer) isOver(l *leg) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, ours := range d.far {
		if ours == l.id {
			return false
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}
