package scenarios

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"ringback/ari"
	"ringback/ari/pbx"
	"ringback/ari/softphone"
	"ringback/robotcall"
)

// talk is how long people talk when the story does not say.
const talk = 600 * time.Millisecond

// sentence is one way to say a step.
type sentence struct {
	form *regexp.Regexp
	act  func(p *play, ctx context.Context, a *actor, l *line, words []string) error
}

// sentences are all ways; the first word of each is who acts.
var sentences = []sentence{
	{form(`calls (\S+)(?: as (\S+))?(?: (".*"))?`), (*play).calls},
	{form(`rings`), (*play).rings},
	{form(`announces`), func(p *play, ctx context.Context, a *actor, l *line, _ []string) error {
		in, err := p.ring(ctx, a, l)
		if err != nil {
			return err
		}
		a.rang = true
		return in.Progress()
	}},
	{form(`answers`), (*play).answers},
	{form(`is busy`), refuses(486, "Busy Here")},
	{form(`declines`), refuses(603, "Decline")},
	{form(`is unavailable`), refuses(480, "Temporarily Unavailable")},
	{form(`redirects to (\S+)`), func(p *play, ctx context.Context, a *actor, l *line, words []string) error {
		in, err := p.ring(ctx, a, l)
		if err != nil {
			return err
		}
		l.in = nil
		return in.Redirect(words[0])
	}},
	{form(`stops ringing`), func(p *play, ctx context.Context, a *actor, l *line, _ []string) error {
		if l.in == nil {
			return fmt.Errorf("%s has no call that rings", p.private.show(a.name))
		}
		return until(ctx, l.in.Cancelled())
	}},
	{form(`is answered`), onCall(func(p *play, ctx context.Context, a *actor, c *softphone.Call, _ []string) error {
		return c.WaitAnswer(ctx)
	})},
	{form(`talks with (\S+?)(?: for (\S+))?`), onCall((*play).talks)},
	{form(`hears (.+)`), onCall((*play).hears)},
	{form(`presses (\S+)`), onCall(func(p *play, ctx context.Context, a *actor, c *softphone.Call, words []string) error {
		return c.SendDTMF(ctx, words[0])
	})},
	{form(`holds`), onCall(func(p *play, ctx context.Context, a *actor, c *softphone.Call, _ []string) error { return c.Hold(ctx) })},
	{form(`resumes`), onCall(func(p *play, ctx context.Context, a *actor, c *softphone.Call, _ []string) error {
		return c.Resume(ctx)
	})},
	{form(`transfers to (\S+)`), onCall(func(p *play, ctx context.Context, a *actor, c *softphone.Call, words []string) error {
		return c.Transfer(ctx, words[0])
	})},
	{form(`joins (\S+)`), onCall(func(p *play, ctx context.Context, a *actor, c *softphone.Call, words []string) error {
		_, other, err := p.actor(ctx, words[0])
		if err != nil || other.call == nil {
			return fmt.Errorf("%s has no call: %w", words[0], err)
		}
		return c.Join(ctx, other.call)
	})},
	{form(`hangs up`), onCall(func(p *play, ctx context.Context, a *actor, c *softphone.Call, _ []string) error {
		return c.Hangup(ctx)
	})},
	{form(`is hung up`), onCall(func(p *play, ctx context.Context, a *actor, c *softphone.Call, _ []string) error {
		if err := until(ctx, c.Done()); err != nil {
			return err
		}
		if c.HungUp() {
			return fmt.Errorf("%s has hung up by itself", p.private.show(a.name))
		}
		return nil
	})},
	{form(`unregisters`), func(p *play, ctx context.Context, a *actor, _ *line, _ []string) error {
		return a.phone.Unregister(ctx)
	}},
	{form(`registers`), func(p *play, ctx context.Context, a *actor, _ *line, _ []string) error { return a.phone.Register(ctx) }},
}

func form(text string) *regexp.Regexp { return regexp.MustCompile(`^(\S+) ` + text + `$`) }

// originated is what the daemon places: "daemon calls PJSIP/101 into work,s".
var originated = regexp.MustCompile(`^daemon calls (\S+) into ([^, ]+),(\S+)$`)

// step plays one line of a story.
func (p *play) step(ctx context.Context, text string) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if command, ok := strings.CutPrefix(text, "console "); ok {
		out, err := p.stage.pbx.CLI(ctx, command)
		if err == nil && strings.Contains(out, "No such command") {
			err = fmt.Errorf("the console says %s", out)
		}
		return err
	}
	if length, ok := strings.CutPrefix(text, "wait "); ok {
		return wait(ctx, length)
	}
	if phone, ok := strings.CutPrefix(text, "program snoops on "); ok {
		return p.snoop(ctx, phone)
	}
	if m := originated.FindStringSubmatch(text); m != nil {
		_, err := p.stage.client.Originate(ctx, robotcall.ChannelPrefix+fmt.Sprintf("s%03d-%d", p.private.index, time.Now().UnixNano()),
			ari.OriginateRequest{Endpoint: m[1], Context: m[2], Extension: m[3], Priority: 1, Timeout: 10})
		return err
	}
	for _, s := range sentences {
		m := s.form.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		a, l, err := p.actor(ctx, m[1])
		if err != nil {
			return err
		}
		return s.act(p, ctx, a, l, m[2:])
	}
	return fmt.Errorf("this is no step that anybody can play")
}

// rings lets a phone say that it rings, and waits until the PBX knows.
func (p *play) rings(ctx context.Context, a *actor, l *line, _ []string) error {
	again := l.in
	in, err := p.ring(ctx, a, l)
	if err != nil {
		return err
	}
	endpoint := a.name
	if a.outside {
		endpoint = p.private.name("trunk")
	}
	before := p.stage.full.rung(endpoint)
	a.rang = true
	if err := in.Ring(); err != nil || in == again {
		return err
	}
	return p.stage.full.ringing(ctx, endpoint, before, in.Cancelled())
}

// snoop lets another ARI program listen to a phone, and waits until it does.
func (p *play) snoop(ctx context.Context, phone string) error {
	channels, err := p.stage.client.Channels(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(channels, func(c ari.Channel) bool { return strings.HasPrefix(c.Name, "PJSIP/"+phone+"-") })
	if i < 0 {
		return fmt.Errorf("no channel of %s", phone)
	}
	at := p.stage.pbx.ARIURL + "/channels/" + url.PathEscape(channels[i].ID) + "/snoop?spy=both&app=" + ari.DefaultApp
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, nil)
	if err != nil {
		return err
	}
	req.SetBasicAuth(p.stage.pbx.ARIUser, p.stage.pbx.ARIPassword)
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("snoop: %s", res.Status)
	}
	return nil
}

func wait(ctx context.Context, length string) error {
	d, err := time.ParseDuration(length)
	if err != nil {
		return err
	}
	select {
	case <-time.After(d): // the length itself is what the story is about
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func until(ctx context.Context, c <-chan struct{}) error {
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// onCall is a step of somebody who has a call.
func onCall(act func(p *play, ctx context.Context, a *actor, c *softphone.Call, words []string) error) func(*play, context.Context, *actor, *line, []string) error {
	return func(p *play, ctx context.Context, a *actor, l *line, words []string) error {
		if l.call == nil {
			return fmt.Errorf("%s has no call", p.private.show(a.name))
		}
		return act(p, ctx, a, l.call, words)
	}
}

func (p *play) calls(ctx context.Context, a *actor, l *line, words []string) error {
	o := softphone.DialOptions{CallerID: a.number, CallerName: strings.Trim(words[2], `"`)}
	switch words[1] {
	case "":
	case "withheld":
		o.Identity = softphone.Anonymous
	case "nobody":
		o.Identity = softphone.NoNumber
	default:
		o.CallerID = words[1]
	}
	c, err := a.phone.Dial(ctx, words[0], o)
	if err != nil {
		return err
	}
	a.has(l, c)
	l.in = nil
	a.placed = append(a.placed, c)
	return nil
}

func (p *play) answers(ctx context.Context, a *actor, l *line, _ []string) error {
	in, err := p.ring(ctx, a, l)
	if err != nil {
		return err
	}
	if err := in.Ring(); err != nil {
		return err
	}
	a.rang = true
	c, err := in.Answer(ctx)
	if err != nil {
		return err
	}
	a.has(l, c)
	return nil
}

// refuses is a step of a phone that does not want the call. A phone that
// declines has rung: somebody pressed the key.
func refuses(status int, reason string) func(*play, context.Context, *actor, *line, []string) error {
	return func(p *play, ctx context.Context, a *actor, l *line, _ []string) error {
		in, err := p.ring(ctx, a, l)
		if err != nil {
			return err
		}
		l.in = nil
		if status == 603 {
			a.rang = true
		}
		return in.Reject(status, reason)
	}
}

// talks waits until two hear each other, and lets them.
func (p *play) talks(ctx context.Context, a *actor, c *softphone.Call, words []string) error {
	other, l, err := p.actor(ctx, words[0])
	if err != nil || l.call == nil {
		return fmt.Errorf("%s has no call: %w", words[0], err)
	}
	if err := c.Hears(ctx, other.tone); err != nil {
		return err
	}
	if err := l.call.Hears(ctx, a.tone); err != nil {
		return err
	}
	if words[1] == "" {
		return wait(ctx, talk.String())
	}
	return wait(ctx, words[1])
}

func (p *play) hears(ctx context.Context, a *actor, c *softphone.Call, words []string) error {
	switch words[0] {
	case "ringing":
		return until(ctx, c.Ringing())
	case "music":
		return c.Hears(ctx, pbx.MusicTone)
	case "a voice":
		return c.Hears(ctx, softphone.Voice)
	case "nobody":
		for _, other := range p.actors {
			if err := c.HearsNoMore(ctx, other.tone); err != nil {
				return err
			}
		}
		return nil
	}
	other, _, err := p.actor(ctx, words[0])
	if err != nil {
		return err
	}
	return c.Hears(ctx, other.tone)
}
