package main

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	web "ringback/cmd/ringback/web/page"
	"ringback/config"
	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/alert/email"
	"ringback/leads/alert/gateway"
	"ringback/leads/alert/page"
	"ringback/leads/alert/sipmsg"
	"ringback/leads/alert/telegram"
	"ringback/leads/alert/webhook"
	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/leads/text"
	"ringback/leads/told"
	"ringback/routing"
)

// outlets are the channels by which people are told.
type outlets struct {
	named []alert.Named
	bot   *telegram.Channel // nil: there is none
	chats *telegram.Chats   // of the bot
	close []func()
}

// backing is what channels work with.
type backing struct {
	cfg    *config.Config
	db     *db.DB
	book   *leads.Book
	told   *told.Desk
	phones map[string]sipmsg.PBX // by PBX
	pages  page.Tell
	log    *slog.Logger
}

// openOutlets opens the channels that the configuration names, in its order.
func openOutlets(ctx context.Context, b backing) (*outlets, error) {
	o := &outlets{}
	channels := &b.cfg.Channels
	if sip := channels.SIP; sip != nil {
		o.add(alert.Named{Name: config.SIPChannel, Crash: jobs.InDoubt, Reaches: func(m *routing.Manager) bool { return len(m.Devices) > 0 },
			Channel: sipmsg.New(sipmsg.Config{PBXes: b.phones, From: sip.From})}, nil)
	}
	if mail := channels.Email; mail != nil {
		channel, err := email.New(mail.SMTP())
		if err != nil {
			return nil, fmt.Errorf("serve: %w", err)
		}
		o.add(alert.Named{Name: config.EmailChannel, Crash: jobs.InDoubt, Reaches: hasEmail, Timeout: email.Timeout, Channel: channel}, nil)
	}
	if channels.Telegram != nil {
		if err := o.openBot(ctx, b); err != nil {
			return nil, err
		}
	}
	if channels.Page != nil {
		o.add(alert.Named{Name: config.PageChannel, Crash: jobs.Repeat, Timeout: channels.Page.Timeout, Once: true, Channel: page.New(b.pages)}, nil)
	}
	for i := range channels.HTTP {
		if err := o.openGateway(&channels.HTTP[i]); err != nil {
			return nil, err
		}
	}
	for _, hook := range channels.Webhooks {
		channel, err := webhook.New(webhook.Config{URL: hook.URL, Secret: hook.Secret.Reveal()})
		if err != nil {
			return nil, fmt.Errorf("serve: webhook %s: %w", hook.Name, err)
		}
		o.add(alert.Named{Name: hook.Name, Crash: jobs.Repeat, Timeout: hook.Timeout, Program: true, Channel: channel}, channel.Close)
	}
	return o, nil
}

func (o *outlets) add(ch alert.Named, end func()) {
	o.named = append(o.named, ch)
	if end != nil {
		o.close = append(o.close, end)
	}
}

// Close lets go of connections.
func (o *outlets) Close() {
	if o == nil {
		return
	}
	for _, end := range o.close {
		end()
	}
}

// blocked tells who lets the bot write nothing; nil: there is no bot.
func (o *outlets) blocked() func() map[string]time.Time {
	if o.chats == nil {
		return nil
	}
	return o.chats.Refused
}

func hasEmail(m *routing.Manager) bool { return m.Email != "" }

// openBot opens the bot, and reads whose chats it knows.
func (o *outlets) openBot(ctx context.Context, b backing) (err error) {
	fixed := map[string]int64{}
	for i := range b.cfg.Managers {
		if m := &b.cfg.Managers[i]; m.Telegram != "" {
			if fixed[m.Login], err = strconv.ParseInt(m.Telegram, 10, 64); err != nil {
				return fmt.Errorf("serve: telegram of %s: %w", m.Login, err)
			}
		}
	}
	if o.chats, err = telegram.OpenChats(ctx, b.db, fixed); err != nil {
		return err
	}
	speaks := func(login string) text.Language {
		language, err := b.told.Speaks(ctx, b.db.Reader(), login)
		if err != nil {
			return b.cfg.Speaks(login)
		}
		return language
	}
	settings := b.cfg.Channels.Telegram
	o.bot = telegram.New(telegram.Config{API: settings.API, Token: settings.Token.Reveal(), DB: b.db, Book: b.book, Directory: b.cfg.Directory(),
		Chats: o.chats, Speaks: speaks, Zone: b.cfg.Location(), Log: b.log})
	o.add(alert.Named{Name: config.TelegramChannel, Crash: jobs.InDoubt, Reaches: func(m *routing.Manager) bool { return o.chats.Reaches(m.Login) },
		Channel: o.bot}, o.bot.Close)
	return nil
}

func (o *outlets) openGateway(h *config.HTTP) error {
	channel, faults := gateway.New(h.Gateway())
	if len(faults) > 0 { // the configuration was checked
		return fmt.Errorf("serve: gateway %s: %s: %s", h.Name, faults[0].Key, faults[0].Text)
	}
	reaches := map[gateway.Need]func(*routing.Manager) bool{
		gateway.Mobile: func(m *routing.Manager) bool { return m.Mobile != "" }, gateway.Email: hasEmail}[h.Needs]
	o.add(alert.Named{Name: h.Name, Crash: jobs.InDoubt, Timeout: h.Timeout, Reaches: reaches, Channel: channel}, channel.Close)
	return nil
}

// exchangesOf are the PBXes as phones are reached through them.
func exchangesOf(list []watched) map[string]sipmsg.PBX {
	phones := map[string]sipmsg.PBX{}
	for _, w := range list {
		phones[w.opts.PBX] = w.client
	}
	return phones
}

// tellPages hands a notice to the open pages of somebody.
func (d *daemon) tellPages(ctx context.Context, login string, n page.Notice) bool {
	return d.pages.Tell(ctx, login, web.Alert{Title: n.Title, Body: n.Body, Path: n.Path, Tag: n.Tag})
}

// introduce makes a code by which a person tells the bot who they are, and, if
// the bot says how it is called, the address that holds it.
func (o *outlets) introduce(ctx context.Context, store *db.DB, login string) (how web.Introduction, err error) {
	err = store.Do(ctx, func(tx *db.Tx) (err error) {
		how.Code, err = o.chats.Code(tx, login)
		return err
	})
	if err != nil {
		return how, err
	}
	asking, cancel := context.WithTimeout(ctx, botNameWithin)
	defer cancel()
	if name, err := o.bot.Name(asking); err == nil && name != "" {
		how.Link = "https://t.me/" + name + "?start=" + how.Code
	}
	return how, nil
}

// botNameWithin is how long somebody waits for the bot to say how it is called.
const botNameWithin = 5 * time.Second

// introducing is how people are made known to the bot; nil: there is none.
func (d *daemon) introducing() web.Introduce {
	if d.outlets.bot == nil {
		return nil
	}
	return func(ctx context.Context, login string) (web.Introduction, error) {
		return d.outlets.introduce(ctx, d.db, login)
	}
}
