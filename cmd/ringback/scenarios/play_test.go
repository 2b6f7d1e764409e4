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
	failed   error // the step that could not be played

	mu    sync.Mutex
	stray map[string][]*softphone.Incoming // came to the exchange for another number
}

// desk is a phone in the house.
type desk struct {
	telephone
	password string
}

func newPlay(t *testing.T, st *stage, s *script) *play {
	t.Helper()
	p := &play{script: s, stage: st, stray: map[string][]*softphone.Incoming{}}
	var err error
	p.exchange, err = softphone.New(st.ctx, softphone.Options{User: exchange, Listen: address(s.private.index), Tone: p.actors[exchange].tone})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.exchange.Close() })
	for _, phone := range s.phones() {
		p.desks = append(p.desks, &desk{telephone: phone, password: rand.Text()})
	}
	return p
}

// actor finds who a step is about, and gives them their phone; "101/2" is the
// second line of 101.
func (p *play) actor(ctx context.Context, name string) (*actor, *line, error) {
	name, number, _ := strings.Cut(name, "/")
	a := p.actors[name]
	if a.phone == nil {
		var err error
		switch {
		case a.caller:
			a.phone, err = p.goOut(ctx, a)
		case a.outside:
			a.phone = p.exchange
		default:
			a.phone, err = p.sitDown(ctx, a)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if a.lines[number] == nil {
		a.lines[number] = &line{}
	}
	return a, a.lines[number], nil
}

// sitDown puts somebody at a phone of the house.
func (p *play) sitDown(ctx context.Context, a *actor) (*softphone.Phone, error) {
	d := p.desks[slices.IndexFunc(p.desks, func(d *desk) bool { return d.user == a.name })]
	phone, err := softphone.New(ctx, softphone.Options{Server: p.stage.server(d.driver), User: d.user, Password: d.password, Tone: a.tone})
	if err == nil && !d.unregistered {
		err = phone.Register(ctx)
	}
	return phone, err
}

// goOut makes the phone of a caller outside.
func (p *play) goOut(ctx context.Context, a *actor) (*softphone.Phone, error) {
	host, _, _ := strings.Cut(address(p.private.index), ":")
	return softphone.New(ctx, softphone.Options{Server: p.stage.server(p.trunkDriver()), User: a.number, Listen: host + ":0", Tone: a.tone})
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
	for _, queue := range sections.FindAllStringSubmatch(p.parts["queues.conf"], -1) {
		if err := p.manned(ctx, queue[1]); err != nil {
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

// sections are those of a configuration file.
var sections = regexp.MustCompile(`(?m)^\[([^]]+)\]`)

// manned waits until a queue knows the phones on its desks. It asks for the state of
// one that registers sometimes too early, and is then told no more of it: such
// members are read anew.
func (p *play) manned(ctx context.Context, queue string) error {
	for {
		shown, err := p.stage.pbx.CLI(ctx, "queue show "+queue)
		if err != nil {
			return err
		}
		away := false
		for member := range strings.Lines(shown) {
			away = away || strings.Contains(member, "(Unavailable)") && slices.ContainsFunc(p.desks, func(d *desk) bool {
				return !d.unregistered && strings.Contains(member, "/"+d.user+" ")
			})
		}
		if !away {
			return nil
		}
		if _, err := p.stage.pbx.CLI(ctx, "queue reload members "+queue); err != nil {
			return err
		}
	}
}

// over waits until every call of every actor has ended, and no phone rings: a story
// that leaves somebody on the phone is not told to its end.
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
		for _, l := range a.lines {
			if l.in == nil || l.call != nil {
				continue
			}
			if err := until(ctx, l.in.Cancelled()); err != nil { // else it would refuse by going home
				return fmt.Errorf("at the end of the story the phone of %s still rings", p.private.show(a.name))
			}
		}
	}
	return nil
}

// goHome ends the phones, except the trunk's far end, which all share to the end.
func (p *play) goHome() (err error) {
	for _, a := range p.actors {
		if a.phone != nil && a.phone != p.exchange {
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
