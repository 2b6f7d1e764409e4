// Package telegram tells people by a bot of Telegram, and hears which buttons they
// press. It promises that a button does what its person may do, once, and for
// nobody but the person whose chat it is; that Telegram's limits are kept before
// Telegram enforces them; that no preview is fetched of a person's own link; and
// that the bot's token, which stands in every address, is in no error and no log.
package telegram

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/db"
	"ringback/leads/text"
	"ringback/routing"
)

// DefaultAPI is where Telegram serves the Bot API.
const DefaultAPI = "https://api.telegram.org"

// Config says by which bot people are told.
type Config struct {
	API   string // where the Bot API is served, without a slash at its end
	Token string
	DB    *db.DB
	Book  *leads.Book
	// Directory tells who somebody is, and what they may see.
	Directory *routing.Directory
	Chats     *Chats
	// Speaks is in which language a person is spoken to.
	Speaks func(login string) text.Language
	Zone   *time.Location // of times in answers; nil: UTC
	Log    *slog.Logger
}

// Channel is one bot. A crash in mid-work is in doubt: Telegram does not remove
// doubles.
type Channel struct {
	cfg   Config
	bot   *bot
	pace  pace
	stale stale
	// greeted is when a stranger was answered last.
	greeted time.Time
}

var _ alert.Channel = (*Channel)(nil)

// New makes a Channel; Run hears what people press.
func New(c Config) *Channel {
	c.API = cmp.Or(c.API, DefaultAPI)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Speaks == nil {
		c.Speaks = func(string) text.Language { return text.English }
	}
	return &Channel{cfg: c, bot: newBot(c.API, c.Token), stale: newStale()}
}

// Close lets go of the connections that no request uses.
func (c *Channel) Close() { c.bot.transport.CloseIdleConnections() }

// Send writes to the person's chat. It is Refused to who has told the bot nothing
// or has blocked it, and Unreachable while Telegram asks for rest.
func (c *Channel) Send(ctx context.Context, m alert.Message) (alert.Outcome, string) {
	chat := c.cfg.Chats.Of(m.To)
	if chat == 0 {
		return alert.Refused, fmt.Sprintf("%s has not told the bot who they are", m.To)
	}
	if wait, ok := c.pace.wait(ctx, chat); !ok {
		return alert.Unreachable, fmt.Sprintf("Telegram wants %s of rest for this chat", wait.Round(time.Second))
	}
	words := text.In(m.Language)
	out := outgoing{Chat: chat, Text: m.Text, Preview: noPreview}
	keys := &keyboard{}
	if m.Lead != 0 {
		keys = leadKeys(words, &m)
		if keys.link() != "" {
			out.Text = strings.TrimSuffix(strings.TrimSuffix(m.Text, m.Link), "\n")
		}
		out.Keys = keys
	}
	out.Text = fit(out.Text)
	var sent sentMessage
	err := c.bot.call(ctx, "sendMessage", out, &sent)
	c.pace.arrived(chat)
	var refusal *refusal
	if errors.As(err, &refusal) && refusal.Code == http.StatusBadRequest && strings.Contains(refusal.Said, "BUTTON") { // an address that Telegram does not like
		keys, out.Keys, out.Text = &keyboard{}, nil, fit(m.Text)
		err = c.bot.call(ctx, "sendMessage", out, &sent)
	}
	if err != nil {
		return c.failed(ctx, &m, chat, err)
	}
	if m.Lead != 0 {
		c.remember(ctx, &m, chat, sent.ID, out.Text, keys.link())
	}
	return alert.Sent, ""
}

// failed says what an error means.
func (c *Channel) failed(ctx context.Context, m *alert.Message, chat int64, err error) (alert.Outcome, string) {
	var r *refusal
	if !errors.As(err, &r) {
		if errors.Is(err, errUnanswered) {
			return alert.TimedOut, err.Error()
		}
		return alert.Unreachable, err.Error()
	}
	switch {
	case r.Code == http.StatusTooManyRequests:
		c.pace.rest(chat, r.RetryAfter)
		return alert.Unreachable, err.Error()
	case r.Code == http.StatusForbidden:
		if err := c.cfg.Chats.refuse(ctx, m.To, chat); err != nil {
			c.cfg.Log.Error("who has blocked the bot was not noted", "to", m.To, "err", err)
		}
		return alert.Refused, fmt.Sprintf("%s lets the bot write nothing: %s", m.To, r.Said)
	case r.Code == http.StatusGatewayTimeout:
		return alert.TimedOut, err.Error()
	case r.Code >= 500:
		return alert.Unreachable, err.Error()
	}
	return alert.Refused, err.Error()
}

// maxText bounds a message, in UTF-16 code units as Telegram counts.
const maxText = 4096

// fit cuts a text to what a message may hold.
func fit(s string) string {
	if len(s) <= maxText {
		return s
	}
	n := 0
	for i, r := range s {
		if n += utf16.RuneLen(r); n > maxText-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// leadKeys are the buttons of an alert about a lead.
func leadKeys(words *text.Words, m *alert.Message) *keyboard {
	data := fmt.Sprintf(":%d:%s", m.Lead, strconv.FormatInt(m.Opened.UnixMilli(), 36))
	k := &keyboard{Rows: [][]button{{{Text: words.Say("alerts.telegram.take"), Data: doTake + data}, {Text: words.Say("alerts.telegram.later"), Data: doLater + data}}}}
	if public(m.Link) {
		k.Rows = append(k.Rows, []button{{Text: words.Say("alerts.telegram.open"), URL: m.Link}})
	}
	return k
}

// public says whether Telegram takes an address for one of a button: those of
// this machine alone, and bare names, it refuses.
func public(link string) bool {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	host := u.Hostname()
	return strings.Contains(host, ".") && !strings.HasPrefix(host, "127.")
}
