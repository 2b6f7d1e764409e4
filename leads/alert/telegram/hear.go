package telegram

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/people"
	"ringback/leads/text"
)

const (
	// poll is how long Telegram may wait for something to tell, patience how much
	// longer its answer may take.
	poll     = 25 * time.Second
	patience = 15 * time.Second
	// putOff is for how long "later" lets a lead rest.
	putOff = 30 * time.Minute
)

// What buttons say to us.
const (
	doTake  = "take"
	doLater = "later"
)

// Run hears what people press and write, and changes what stands in chats when a
// lead is taken or settled, until ctx ends.
func (c *Channel) Run(ctx context.Context) error {
	defer c.cfg.DB.Listen(leads.TopicTimeline, c.stale.hear)()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.refresh(ctx)
	}()
	c.listen(ctx)
	<-done
	return nil
}

// listen asks for updates, ever more rarely while that fails.
func (c *Channel) listen(ctx context.Context) {
	pause := time.Second
	for ctx.Err() == nil {
		err := c.hearMore(ctx)
		if err == nil {
			pause = time.Second
			continue
		}
		if ctx.Err() != nil {
			return
		}
		var r *refusal
		if errors.As(err, &r) && r.RetryAfter > pause {
			pause = min(r.RetryAfter, time.Hour)
		}
		c.cfg.Log.Warn("the bot's updates could not be read", "err", err, "again_in", pause, "hint", hint(r))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, 5*time.Minute)
	}
}

// hint says what to do about a refusal.
func hint(r *refusal) string {
	switch {
	case r == nil:
		return "is the way to the API open?"
	case r.Code == http.StatusUnauthorized, r.Code == http.StatusNotFound:
		return "the token is not that of a bot: see channels.telegram.token_file"
	case r.Code == http.StatusConflict:
		return "another program reads the updates of this bot, or it has a webhook: give Ringback a bot of its own"
	}
	return "it is tried again"
}

// hearMore asks once for updates and does what they say.
func (c *Channel) hearMore(ctx context.Context) error {
	next, err := c.next(ctx)
	if err != nil {
		return err
	}
	asking, cancel := context.WithTimeout(ctx, poll+patience)
	defer cancel()
	var updates []update
	err = c.bot.call(asking, "getUpdates", map[string]any{"offset": next, "timeout": int(poll.Seconds()), "limit": 100,
		"allowed_updates": []string{"message", "callback_query"}}, &updates)
	if err != nil {
		return err
	}
	for i := range updates {
		if err := c.hear(ctx, &updates[i]); err != nil {
			return err
		}
	}
	return nil
}

// next is the first update that was not heard yet.
func (c *Channel) next(ctx context.Context) (int64, error) {
	var next int64
	err := c.cfg.DB.Reader().QueryRowContext(ctx, "SELECT next FROM bots WHERE bot = $1", c.bot.id).Scan(&next)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("telegram: what was heard: %w", err)
	}
	return next, nil
}

// hear does what an update says, and notes that it was heard, in one
// transaction; the answer follows.
func (c *Channel) hear(ctx context.Context, u *update) error {
	var answer func(context.Context)
	err := c.cfg.DB.Do(ctx, func(tx *db.Tx) (err error) {
		answer = nil
		if _, err := tx.Exec(`INSERT INTO bots (bot, next) VALUES ($1, $2) ON CONFLICT (bot) DO UPDATE SET next = excluded.next`, c.bot.id, u.ID+1); err != nil {
			return err
		}
		switch {
		case u.Press != nil:
			answer, err = c.pressed(tx, u.Press)
		case u.Message != nil && u.Message.From != nil && u.Message.Chat.Type == "private":
			answer, err = c.told(tx, u.Message.From.ID, u.Message.Text)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("telegram: update %d: %w", u.ID, err)
	}
	if answer != nil {
		answer(ctx)
	}
	return nil
}

// pressed does what a button says, in the name of the person whose chat it is in.
func (c *Channel) pressed(tx *db.Tx, p *press) (func(context.Context), error) {
	login := ""
	if p.Message == nil || p.Message.Chat.ID == p.From.ID { // a private chat has the number of its person
		login = c.cfg.Chats.whose(p.From.ID)
	}
	sight, known := leads.SightOf(c.cfg.Directory, login)
	words := text.In(c.cfg.Speaks(login))
	said := words.Say("alerts.telegram.unknown")
	locked, err := people.Locked(tx, login)
	switch {
	case err != nil:
		return nil, err
	case known && locked:
		said = words.Say("account.locked")
	case known:
		if err := c.cfg.Chats.heard(tx, login); err != nil {
			return nil, err
		}
		err := tx.Sub(func(tx *db.Tx) (err error) {
			said, err = c.deed(tx, c.cfg.Book.Hand(sight, leads.ByTelegram), words, p.Data)
			return err
		})
		if err != nil {
			if said = c.hindrance(words, err); said == "" {
				return nil, err
			}
		}
	}
	return func(ctx context.Context) { c.answer(ctx, p.ID, said) }, nil
}

// deed does what a button says, and tells it. Its lead must be of this database:
// a number alone may be that of an older one.
func (c *Channel) deed(tx *db.Tx, hand *leads.Hand, words *text.Words, data string) (string, error) {
	parts := strings.Split(data, ":")
	if len(parts) != 3 {
		return "", leads.ErrNotInSight
	}
	id, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return "", leads.ErrNotInSight
	}
	lead, err := leads.Find(tx, id)
	if err != nil {
		return "", err
	}
	if lead == nil || strconv.FormatInt(lead.Opened.UnixMilli(), 36) != parts[2] {
		return "", leads.ErrNotInSight
	}
	switch parts[0] {
	case doTake:
		return words.Say("alerts.telegram.yours"), hand.Take(tx, id)
	case doLater:
		until := tx.Now().Add(putOff)
		return words.Say("alerts.telegram.until", "time", until.In(c.cfg.Zone).Format("15:04")), hand.Later(tx, id, until)
	}
	return "", leads.ErrNotInSight
}

// hindrance says why something could not be done; empty: our own side failed.
func (c *Channel) hindrance(words *text.Words, err error) string {
	var taken *leads.TakenError
	switch {
	case errors.As(err, &taken):
		return words.Say("alerts.telegram.taken", "who", c.name(taken.By))
	case errors.Is(err, leads.ErrNotOpen):
		return words.Say("alerts.telegram.settled")
	case errors.Is(err, leads.ErrNotInSight):
		return words.Say("alerts.telegram.none")
	}
	return ""
}

// name is how others call a person.
func (c *Channel) name(login string) string {
	if m := c.cfg.Directory.Manager(login); m != nil && m.Name != "" {
		return m.Name
	}
	return login
}

// answer shows a line over the chat; that it comes too late, or not at all,
// changes nothing.
func (c *Channel) answer(ctx context.Context, id, said string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	runes := []rune(said)
	said = string(runes[:min(len(runes), 200)])
	if err := c.bot.call(ctx, "answerCallbackQuery", map[string]any{"callback_query_id": id, "text": said}, nil); err != nil {
		c.cfg.Log.Debug("a button was not answered", "err", err)
	}
}

// told hears what somebody writes: by /start and a code they say who they are.
func (c *Channel) told(tx *db.Tx, chat int64, said string) (func(context.Context), error) {
	if code, ok := strings.CutPrefix(said, "/start "); ok && len(code) < 100 {
		login, err := c.cfg.Chats.join(tx, strings.ToUpper(strings.TrimSpace(code)), chat)
		if err != nil {
			return nil, err
		}
		if login != "" {
			words := text.In(c.cfg.Speaks(login))
			return c.reply(chat, words.Say("alerts.telegram.hello", "who", c.name(login))), nil
		}
	}
	login := c.cfg.Chats.whose(chat)
	words := text.In(c.cfg.Speaks(login))
	if login != "" {
		locked, err := people.Locked(tx, login)
		if err != nil || locked {
			return c.reply(chat, words.Say("account.locked")), err
		}
		return c.reply(chat, words.Say("alerts.telegram.help")), c.cfg.Chats.heard(tx, login)
	}
	// Anybody can write to a bot: what is answered to strangers must not use up
	// what people are told by.
	if now := tx.Now(); strings.HasPrefix(said, "/start") && now.Sub(c.greeted) >= strangersGap {
		answer := c.reply(chat, words.Say("alerts.telegram.who", "id", strconv.FormatInt(chat, 10)))
		return func(ctx context.Context) {
			c.greeted = now // not before: what runs in a transaction may run again
			answer(ctx)
		}, nil
	}
	return nil, nil
}

// strangersGap parts the answers to people whom nobody knows.
const strangersGap = 3 * time.Second

func (c *Channel) reply(chat int64, said string) func(context.Context) {
	return func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if _, ok := c.pace.wait(ctx, chat); !ok {
			return
		}
		err := c.bot.call(ctx, "sendMessage", outgoing{Chat: chat, Text: said, Preview: noPreview}, nil)
		c.pace.arrived(chat)
		if err != nil {
			c.cfg.Log.Debug("the bot could not answer", "err", err)
		}
	}
}

// Name asks Telegram how the bot is called, so that people can find it
// (https://t.me/NAME).
func (c *Channel) Name(ctx context.Context) (string, error) {
	var me user
	if err := c.bot.call(ctx, "getMe", struct{}{}, &me); err != nil {
		return "", err
	}
	return me.Username, nil
}
