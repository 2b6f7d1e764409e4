package scenarios

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ringback/ari/softphone"
)

// play is a script with its phones.
type play struct {
	*script
	stage    *stage
	exchange *softphone.Phone // the far end of the trunk: every number outside
	desks    []*desk
	actors   map[string]*actor
	callers  []*actor // outside, in the order of their calls, one each call
	tones    []int
	failed   error // the step that could not be played

	mu    sync.Mutex
	stray map[string][]*softphone.Incoming // came to the exchange for another number
}

// desk is a phone in the house.
type desk struct {
	telephone
	password string
}

// actor is who does something in a story: a phone in the house, a caller
// outside, or whoever is reached by a number.
type actor struct {
	name    string
	phone   *softphone.Phone
	tone    int
	outside bool
	number  string
	lines   map[string]*line
	calls   []*softphone.Call // all that it has had
	placed  []*softphone.Call
	rang    bool
}

// line is one call of an actor.
type line struct {
	in   *softphone.Incoming // rings, or was answered
	call *softphone.Call
}

func newPlay(t *testing.T, st *stage, s *script) *play {
	t.Helper()
	p := &play{script: s, stage: st, actors: map[string]*actor{}, tones: tones(), stray: map[string][]*softphone.Incoming{}}
	tone := p.tone()
	exchange, err := softphone.New(st.ctx, softphone.Options{User: "exchange", Listen: address(s.private.index), Tone: tone})
	if err != nil {
		t.Fatal(err)
	}
	p.exchange = exchange
	t.Cleanup(func() { exchange.Close() })
	p.actors["exchange"] = &actor{name: "exchange", phone: exchange, tone: tone, outside: true, lines: map[string]*line{}}
	for _, phone := range s.phones() {
		p.desks = append(p.desks, &desk{telephone: phone, password: rand.Text()})
	}
	return p
}

func (p *play) tone() int {
	tone := p.tones[0]
	p.tones = p.tones[1:]
	return tone
}

// dialed is a number outside, as an actor's name.
var dialed = regexp.MustCompile(`^\+?\d{7,}$`)

// actor finds who a step is about; "101/2" is the second line of 101.
func (p *play) actor(ctx context.Context, name string) (*actor, *line, error) {
	name, number, _ := strings.Cut(name, "/")
	a := p.actors[name]
	var err error
	switch {
	case a != nil:
	case slices.ContainsFunc(p.desks, func(d *desk) bool { return d.user == name }):
		a, err = p.sitDown(ctx, name)
	case dialed.MatchString(name):
		exchange := p.actors["exchange"]
		a = &actor{name: name, phone: exchange.phone, tone: exchange.tone, outside: true, number: strings.TrimPrefix(name, "+")}
	default:
		a, err = p.goOut(ctx, name)
	}
	if err != nil {
		return nil, nil, err
	}
	p.actors[name] = a
	if a.lines == nil {
		a.lines = map[string]*line{}
	}
	if a.lines[number] == nil {
		a.lines[number] = &line{}
	}
	return a, a.lines[number], nil
}

// sitDown puts somebody at a phone of the house.
func (p *play) sitDown(ctx context.Context, user string) (*actor, error) {
	d := p.desks[slices.IndexFunc(p.desks, func(d *desk) bool { return d.user == user })]
	a := &actor{name: user, tone: p.tone(), number: user}
	var err error
	a.phone, err = softphone.New(ctx, softphone.Options{Server: p.stage.server(d.driver), User: user, Password: d.password, Tone: a.tone})
	if err == nil && !d.unregistered {
		err = a.phone.Register(ctx)
	}
	return a, err
}

// goOut makes a caller outside.
func (p *play) goOut(ctx context.Context, name string) (*actor, error) {
	a := &actor{name: name, tone: p.tone(), outside: true, number: fmt.Sprintf("7916%03d%04d", p.private.index, 1+len(p.actors))}
	host, _, _ := strings.Cut(address(p.private.index), ":")
	var err error
	a.phone, err = softphone.New(ctx, softphone.Options{Server: p.stage.server(p.trunkDriver()), User: a.number, Listen: host + ":0", Tone: a.tone})
	return a, err
}

// perform plays the story.
func (p *play) perform(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, p.goHome()) }()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, d := range p.desks { // a phone of which the story says nothing is on its desk all the same
		if _, _, err := p.actor(ctx, d.user); err != nil {
			return err
		}
	}
	p.stage.frames.begin(p)
	for _, step := range p.lines("story") {
		if err := p.step(ctx, step); err != nil {
			return fmt.Errorf("%q: %w", p.private.show(step), err)
		}
	}
	return p.over(ctx)
}

// over waits until every call of every actor has ended: a story that leaves
// somebody on the phone is not told to its end.
func (p *play) over(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	for _, a := range p.actors {
		for _, c := range a.calls {
			select {
			case <-c.Done():
			case <-ctx.Done():
				return fmt.Errorf("at the end of the story %s is still on the phone", p.private.show(a.name))
			}
		}
	}
	return nil
}

// goHome ends the phones, except the trunk's far end, which all share to the end.
func (p *play) goHome() (err error) {
	for _, a := range p.actors {
		if a.phone != p.exchange {
			err = errors.Join(err, a.phone.Close())
		}
	}
	return err
}

// ring is the next call that rings at an actor's phone.
func (p *play) ring(ctx context.Context, a *actor, l *line) (*softphone.Incoming, error) {
	if l.in != nil && l.call == nil {
		select {
		case <-l.in.Cancelled():
		default:
			return l.in, nil // it rings already
		}
	}
	in, err := p.next(ctx, a)
	if err != nil {
		return nil, err
	}
	l.in, l.call = in, nil
	return in, nil
}

// next waits for a call; at the trunk's far end for one to the actor's number.
func (p *play) next(ctx context.Context, a *actor) (*softphone.Incoming, error) {
	if a.phone != p.exchange {
		return a.phone.ExpectRing(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if waiting := p.stray[a.number]; len(waiting) > 0 {
			p.stray[a.number] = waiting[1:]
			return waiting[0], nil
		}
		in, err := a.phone.ExpectRing(ctx)
		if err != nil {
			return nil, err
		}
		number := strings.TrimPrefix(in.To, "+")
		p.stray[number] = append(p.stray[number], in)
	}
}

// has notes a call that an actor has from now on.
func (a *actor) has(l *line, c *softphone.Call) {
	l.call = c
	a.calls = append(a.calls, c)
}
