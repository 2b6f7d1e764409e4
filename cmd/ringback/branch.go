package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ringback/ari/pbx"
	"ringback/ari/softphone"
)

// branch is an office with a real PBX, real phones on its desks, and a trunk
// with clients outside. The demo and the end-to-end tests ring it.
type branch struct {
	pbx     *pbx.Instance
	office  pbx.Options
	outside *softphone.Phone
	desks   map[string]*softphone.Phone // by extension

	closers []func() error
}

// tones of the phones: each is known by its own.
var tones = map[string]int{pbx.Supervisor: 500, pbx.Manager1: 700, pbx.Manager2: 900, pbx.Colleague: 1100}

const clientTone = 1900

// openBranch starts a PBX of the given release and registers its phones. Its
// lines ring for as long as ring. What it writes lies below dir. On an error
// nothing is left running.
func openBranch(ctx context.Context, root pbx.Root, dir string, ring time.Duration) (b *branch, err error) {
	b = &branch{desks: map[string]*softphone.Phone{}}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.outside, err = b.phone(ctx, softphone.Options{User: "outside", Listen: "127.0.0.2:0", Tone: clientTone}); err != nil {
		return b, err
	}
	b.office = pbx.Office(b.outside.Addr(), ring)
	b.office.Dir = filepath.Join(dir, "asterisk")
	if b.pbx, err = pbx.Start(ctx, root, b.office); err != nil {
		return b, err
	}
	b.closers = append(b.closers, b.pbx.Stop)
	b.outside.SetServer(b.pbx.SIPAddr)
	for user, tone := range tones {
		account, _ := b.office.Phone(user)
		desk, err := b.phone(ctx, softphone.Options{Server: b.pbx.SIPAddr, User: user, Password: account.Password, Tone: tone})
		if err != nil {
			return b, err
		}
		if err := desk.Register(ctx); err != nil {
			return b, err
		}
		b.desks[user] = desk
	}
	return b, nil
}

func (b *branch) phone(ctx context.Context, o softphone.Options) (*softphone.Phone, error) {
	p, err := softphone.New(ctx, o)
	if err != nil {
		return nil, err
	}
	b.closers = append(b.closers, p.Close)
	return p, nil
}

// close ends what was started, the newest first, and gives the first error.
func (b *branch) close() error {
	var first error
	for i := len(b.closers) - 1; i >= 0; i-- {
		if err := b.closers[i](); err != nil && first == nil {
			first = err
		}
	}
	b.closers = nil
	return first
}

// client is how somebody outside shows themselves.
func client(number string) softphone.DialOptions {
	return softphone.DialOptions{CallerID: strings.TrimPrefix(number, "+"), CallerName: "Client"}
}

// rings lets a client dial a line; desks are the phones that ring then.
func (b *branch) rings(ctx context.Context, who softphone.DialOptions, line string, desks ...string) (*softphone.Call, []*softphone.Incoming, error) {
	c, err := b.outside.Dial(ctx, line, who)
	if err != nil {
		return nil, nil, err
	}
	var rung []*softphone.Incoming
	for _, desk := range desks {
		in, err := b.desks[desk].ExpectRing(ctx)
		if err != nil {
			return nil, nil, err
		}
		if err := in.Ring(); err != nil {
			return nil, nil, err
		}
		rung = append(rung, in)
	}
	select {
	case <-c.Ringing():
		return c, rung, b.ringing(ctx, desks)
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("the client heard no ringing: %w", context.Cause(ctx))
	}
}

// ringing waits until the PBX knows that all the desks ring: the client hears it
// of the first, and may be quicker than the others.
func (b *branch) ringing(ctx context.Context, desks []string) error {
	for {
		live, err := b.pbx.CLI(ctx, "core show channels concise") // name!context!exten!priority!state!…
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(desks, func(desk string) bool { return !rings(live, desk) }) {
			return nil
		}
	}
}

func rings(live, desk string) bool {
	for line := range strings.Lines(live) {
		field := strings.Split(line, "!")
		if len(field) > 4 && strings.HasPrefix(field[0], "PJSIP/"+desk+"-") && field[4] == "Ringing" {
			return true
		}
	}
	return false
}

// talks lets a client ring a line and the i-th of the desks pick up; it returns
// when both hear each other.
func (b *branch) talks(ctx context.Context, who softphone.DialOptions, line string, i int, desks ...string) (*softphone.Call, error) {
	c, rung, err := b.rings(ctx, who, line, desks...)
	if err != nil {
		return nil, err
	}
	there, err := rung[i].Answer(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.WaitAnswer(ctx); err != nil {
		return nil, err
	}
	if err := c.Hears(ctx, tones[desks[i]]); err != nil {
		return nil, fmt.Errorf("the client does not hear phone %s: %w", desks[i], err)
	}
	if err := there.Hears(ctx, clientTone); err != nil {
		return nil, fmt.Errorf("phone %s does not hear the client: %w", desks[i], err)
	}
	return c, nil
}
