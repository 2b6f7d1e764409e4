package softphone

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// Register makes the phone known to the PBX by name and password, and keeps it
// known until Unregister or Close. A wrong password is a *Refused.
func (p *Phone) Register(ctx context.Context) error {
	granted, err := p.register(ctx, p.opts.Expires)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unregister != nil || p.life.Err() != nil {
		return nil // renewed already
	}
	renewing, stop := context.WithCancel(p.life)
	p.unregister = stop
	p.work.Go(func() { p.renew(renewing, granted) })
	return nil
}

// renew registers again after half of the time that was granted; when that
// fails (the PBX restarts, say) again after a tenth of it.
func (p *Phone) renew(ctx context.Context, granted time.Duration) {
	wait := granted / 2
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		attempt, cancel := context.WithTimeout(ctx, max(granted/4, time.Second))
		again, err := p.register(attempt, p.opts.Expires)
		cancel()
		if err != nil {
			wait = granted / 10
			continue
		}
		granted, wait = again, again/2
	}
}

// Unregister takes the phone from the PBX: it rings no more. It is no error
// when the phone was not registered.
func (p *Phone) Unregister(ctx context.Context) error {
	p.mu.Lock()
	stop := p.unregister
	p.unregister = nil
	p.mu.Unlock()
	if stop == nil {
		return nil
	}
	stop()
	_, err := p.register(ctx, 0)
	return err
}

// register sends one REGISTER (RFC 3261 section 10.2), answers the PBX's
// challenge, and returns for how long the PBX will know the phone.
func (p *Phone) register(ctx context.Context, expires time.Duration) (time.Duration, error) {
	registrar, err := p.uri("")
	if err != nil {
		return 0, err
	}
	self := registrar
	self.User = escapeUser(p.opts.User)
	req := sip.NewRequest(sip.REGISTER, registrar)
	from := &sip.FromHeader{Address: self}
	from.Params.Add("tag", sip.GenerateTagN(16))
	req.AppendHeader(from)
	req.AppendHeader(&sip.ToHeader{Address: self})
	req.AppendHeader(p.contact())
	req.AppendHeader(sip.NewHeader("Expires", strconv.Itoa(int(expires.Seconds()))))

	res, err := p.client.Do(ctx, req, sipgo.ClientRequestRegisterBuild)
	if err == nil && res.StatusCode == sip.StatusUnauthorized && p.opts.Password != "" {
		res, err = p.client.DoDigestAuth(ctx, req, res, sipgo.DigestAuth{Username: p.opts.User, Password: p.opts.Password})
	}
	if err != nil {
		return 0, fmt.Errorf("softphone: register %s: %w", p.opts.User, err)
	}
	if !res.IsSuccess() {
		return 0, fmt.Errorf("softphone: register %s: %w", p.opts.User, &Refused{res.StatusCode, res.Reason})
	}
	return granted(res, expires), nil
}

// granted reads how long the registrar keeps the binding: it may have shortened
// it.
func granted(res *sip.Response, asked time.Duration) time.Duration {
	value := ""
	if contact := res.Contact(); contact != nil {
		value, _ = contact.Params.Get("expires")
	}
	if value == "" {
		if header := res.GetHeader("Expires"); header != nil {
			value = header.Value()
		}
	}
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	return asked
}
