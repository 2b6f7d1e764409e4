package telegram

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"go.uber.org/goleak"

	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/db"
	"ringback/leads/number"
	"ringback/leads/people"
	"ringback/leads/text"
	"ringback/routing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const annas, boriss, chiefs, strangers = 1001, 1002, 1003, 6666

// office is a company whose people are told by the bot.
type office struct {
	*testing.T
	api   *telegram
	db    *db.DB
	book  *leads.Book
	chats *Chats
	*Channel
	log syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func open(t *testing.T) *office {
	o := &office{T: t, api: stand(t)}
	var err error
	if o.db, err = db.Open(t.Context(), db.Config{Path: filepath.Join(t.TempDir(), "ringback.db")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.db.Close() })
	pool := routing.Pool{Name: routing.DefaultPool, Managers: []string{"anna", "boris"}, Supervisor: "chief", Pick: routing.RoundRobin, Ladder: routing.DefaultLadder()}
	directory := &routing.Directory{Managers: []routing.Manager{{Login: "anna", Name: "Anna P"}, {Login: "boris", Name: "Boris I"}, {Login: "chief"}},
		Pools: []routing.Pool{pool}, Lines: []routing.Line{{Name: "sales"}}}
	o.book = leads.NewBook(leads.BookConfig{DB: o.db, Office: &leads.Office{Directory: directory, Plans: map[string]*number.Plan{}}})
	if o.chats, err = OpenChats(t.Context(), o.db, map[string]int64{"boris": boriss, "chief": chiefs}); err != nil {
		t.Fatal(err)
	}
	o.Channel = New(Config{API: o.api.url, Token: secret, DB: o.db, Book: o.book, Directory: directory, Chats: o.chats,
		Speaks: func(login string) text.Language {
			if login == "chief" {
				return text.Russian
			}
			return text.English
		}, Log: slog.New(slog.NewTextHandler(&o.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	o.api.chats[boriss], o.api.chats[chiefs] = true, true
	t.Cleanup(func() {
		o.Close()
		if strings.Contains(o.log.b.String(), secret) {
			t.Errorf("the token is in the log: %s", o.log.b.String())
		}
	})
	return o
}

// A stranger is answered also when the transaction in which they were heard is
// run again.
func TestAStrangerIsAnsweredAfterARerun(t *testing.T) {
	o := open(t)
	o.do(func(tx *db.Tx) error {
		for range 2 {
			answer, err := o.told(tx, 4711, "/start")
			if err != nil || answer == nil {
				t.Errorf("they get no answer, %v", err)
			}
		}
		return nil
	})
}

// lock locks a person, or unlocks them.
func (o *office) lock(login string, how func(r *people.Register, ctx context.Context, login string) error) {
	o.Helper()
	register, err := people.Open(o.Context(), people.Config{DB: o.db, Directory: o.Channel.cfg.Directory})
	if err == nil {
		err = how(register, o.Context(), login)
	}
	if err != nil {
		o.Fatal(err)
	}
}

// run hears what is pressed, until the test ends or stop is called.
func (o *office) run() (stop func()) {
	ctx, cancel := context.WithCancel(o.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := o.Channel.Run(ctx); err != nil {
			o.Errorf("%v", err)
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	o.Cleanup(stop)
	return stop
}

func (o *office) do(fn func(tx *db.Tx) error) {
	o.Helper()
	if err := o.db.Do(o.Context(), fn); err != nil {
		o.Fatal(err)
	}
}

// lead opens a lead that is somebody's.
func (o *office) lead(who, manager string) (m alert.Message) {
	o.Helper()
	o.do(func(tx *db.Tx) error {
		contact, err := leads.ContactOf(tx, number.Number{Kind: number.E164, Value: who})
		if err != nil {
			return err
		}
		id, err := o.book.OpenByHand(tx, leads.ByHand{Contact: contact, Line: "sales", Manager: manager, How: "test"})
		if err != nil {
			return err
		}
		l, err := leads.Find(tx, id)
		m = alert.Message{ID: "1", Why: alert.NewLead, Lead: id, Opened: l.Opened, To: l.Manager, Manager: l.Manager, Number: who,
			Link: "https://ring.example.com/l/x", Text: "Missed call: " + who + ".\nhttps://ring.example.com/l/x", Language: text.English}
		return err
	})
	return m
}

func (o *office) send(m alert.Message, want alert.Outcome) string {
	o.Helper()
	ctx, cancel := context.WithTimeout(o.Context(), 10*time.Second)
	defer cancel()
	outcome, detail := o.Send(ctx, m)
	if outcome != want {
		o.Errorf("%s (%s), want %s", outcome, detail, want)
	}
	if strings.Contains(detail, secret) {
		o.Errorf("the token is in %q", detail)
	}
	return detail
}

func (o *office) timeline(lead int64) string {
	o.Helper()
	rows, err := o.db.Reader().Query("SELECT kind, who, channel FROM timeline WHERE lead = $1 ORDER BY id", lead)
	if err != nil {
		o.Fatal(err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var kind, who, channel string
		if err := rows.Scan(&kind, &who, &channel); err != nil {
			o.Fatal(err)
		}
		list = append(list, kind+" "+who+" "+channel)
	}
	return strings.Join(list, "\n")
}

func TestAPersonTellsTheBotWhoTheyAre(t *testing.T) {
	o := open(t)
	o.run()
	o.send(o.lead("+79161234567", "anna"), alert.Refused)
	var code, older string
	o.do(func(tx *db.Tx) (err error) {
		if older, err = o.chats.Code(tx, "anna"); err == nil {
			code, err = o.chats.Code(tx, "anna")
		}
		return err
	})
	o.api.writes(strangers, "/start "+older)
	o.api.until("a stranger is told how to go on", func() bool { return strings.Contains(o.api.text(1), "(The id of this chat is 6666.)") })
	if o.chats.Of("anna") != 0 {
		t.Fatal("an older code holds")
	}
	o.api.writes(annas, "/start "+strings.ToLower(code))
	o.api.until("anna is greeted", func() bool { return strings.Contains(o.api.text(2), "Hello Anna P") })
	if o.chats.Of("anna") != annas {
		t.Fatal("the code does not hold")
	}
	o.api.writes(strangers, "/start "+code)
	o.api.writes(annas, "hi")
	o.api.until("anna is told of the buttons", func() bool { return strings.Contains(o.api.text(3), "Use the buttons") })
	if o.chats.Of("anna") != annas || o.chats.whose(strangers) != "" {
		t.Error("a code holds twice")
	}
	o.send(o.lead("+79161234567", "anna"), alert.Sent)
	again, err := OpenChats(t.Context(), o.db, nil)
	if err != nil || again.Of("anna") != annas {
		t.Errorf("after a restart it is %d, %v", again.Of("anna"), err)
	}
}

func TestAnAlertInAChat(t *testing.T) {
	o := open(t)
	m := o.lead("+79161234567", "boris")
	o.send(m, alert.Sent)
	if o.api.text(1) != "Missed call: +79161234567." || o.api.messages[1]["link_preview_options"].(map[string]any)["is_disabled"] != true {
		t.Errorf("it says %v", o.api.messages[1])
	}
	if b := o.api.buttons(1); len(b) != 3 || b[2]["url"] != m.Link {
		t.Errorf("the buttons are %v", b)
	}
	if len(o.api.refused) > 0 {
		t.Errorf("refused: %q", o.api.refused)
	}
	for _, link := range []string{"http://127.0.0.1:8730/l/x", "http://ringback/l/x", "https://refused.example.com/l/x"} {
		m.Text, m.Link = "Missed call.\n"+link, link
		o.send(m, alert.Sent)
		if last := o.api.number; !strings.HasSuffix(o.api.text(last), link) {
			t.Errorf("with %s it says %q", link, o.api.text(last))
		}
	}
	m.Text = strings.Repeat("🦔", 3000)
	o.send(m, alert.Sent)
	if n := len(utf16.Encode([]rune(o.api.text(o.api.number)))); n > 4096 || n < 4090 {
		t.Errorf("%d of 4096 code units", n)
	}
}

// TestWhoIsLockedDoesNothingHereEither: by no button, no word and no code of before.
func TestWhoIsLockedDoesNothingHereEither(t *testing.T) {
	o := open(t)
	o.run()
	m := o.lead("+79161234567", "boris")
	o.send(m, alert.Sent)
	take, later := o.api.buttons(1)[0]["callback_data"].(string), o.api.buttons(1)[1]["callback_data"].(string)
	before := o.timeline(m.Lead)
	var code string
	o.do(func(tx *db.Tx) (err error) { code, err = o.chats.Code(tx, "anna"); return err })
	o.lock("boris", (*people.Register).Lock)
	o.lock("anna", (*people.Register).Lock)
	for _, data := range []string{take, later} {
		if said := o.api.presses(boriss, boriss, data); !strings.Contains(said, "account is locked") {
			t.Errorf("boris hears %q", said)
		}
	}
	o.api.writes(boriss, "hi")
	o.api.until("boris reads that he is locked", func() bool { return strings.Contains(o.api.text(2), "account is locked") })
	o.api.writes(annas, "/start "+code)
	o.api.until("anna is not greeted", func() bool { return strings.Contains(o.api.text(3), "This bot tells of missed calls") })
	if o.chats.Of("anna") != 0 {
		t.Error("a code of before holds")
	}
	if after := o.timeline(m.Lead); after != before {
		t.Errorf("something was done: %s", after)
	}
	o.lock("boris", (*people.Register).Unlock)
	if said := o.api.presses(boriss, boriss, take); said != "✔ It is yours." {
		t.Errorf("boris, who is locked no more, hears %q", said)
	}
}

func TestWhoeverPressesIsThePerson(t *testing.T) {
	o := open(t)
	stop := o.run()
	m := o.lead("+79161234567", "boris")
	o.send(m, alert.Sent)
	m.To = "chief"
	m.Why = alert.Overdue
	o.send(m, alert.Sent)
	take, later := o.api.buttons(1)[0]["callback_data"].(string), o.api.buttons(1)[1]["callback_data"].(string)
	before := o.timeline(m.Lead)

	if said := o.api.presses(strangers, strangers, take); !strings.Contains(said, "does not know you") {
		t.Errorf("a stranger hears %q", said)
	}
	if said := o.api.presses(boriss, -100777, take); !strings.Contains(said, "does not know you") {
		t.Errorf("in a group one hears %q", said)
	}
	for _, data := range []string{"", "take", "take:x:y", fmt.Sprintf("take:%d:0", m.Lead), strings.Replace(take, "take", "settle", 1), "take:99:0", strings.Repeat("9", 64)} {
		if said := o.api.presses(boriss, boriss, data); !strings.Contains(said, "no such lead") {
			t.Errorf("%q: %q", data, said)
		}
	}
	if after := o.timeline(m.Lead); after != before {
		t.Fatalf("something was done: %s", after)
	}

	if said := o.api.presses(boriss, boriss, take); said != "✔ It is yours." {
		t.Errorf("boris hears %q", said)
	}
	if got := o.timeline(m.Lead); got != before+"\nacknowledged boris telegram" {
		t.Errorf("the timeline is %s", got)
	}
	o.api.until("both alerts say who has it", func() bool {
		return strings.HasSuffix(o.api.text(1), "\n\n✔ It is yours.") && strings.HasSuffix(o.api.text(2), "\n\nУже у Boris I.")
	})
	if said := o.api.presses(boriss, boriss, later); !strings.HasPrefix(said, "You will be reminded after ") {
		t.Errorf("boris hears %q", said)
	}
	o.do(func(tx *db.Tx) error { return o.book.Settle(tx, m.Lead, "boris", leads.ByPage) })
	o.api.until("both alerts say that it is settled", func() bool {
		return strings.HasSuffix(o.api.text(1), "\n\n✔ Settled.") && strings.HasSuffix(o.api.text(2), "\n\n✔ Закрыто.") && len(o.api.buttons(1)) == 1
	})
	if said := o.api.presses(boriss, boriss, take); said != "It is settled already." {
		t.Errorf("boris hears %q", said)
	}
	stop()
	var n int
	if err := o.db.Reader().QueryRow("SELECT COUNT(*) FROM chat_alerts").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d alerts are remembered, %v", n, err)
	}
}

// TestTwoTakeOneLead by buttons under the same alert.
func TestTwoTakeOneLead(t *testing.T) {
	o := open(t)
	o.run()
	var code string
	o.do(func(tx *db.Tx) (err error) { code, err = o.chats.Code(tx, "anna"); return err })
	o.api.writes(annas, "/start "+code)
	o.api.until("anna is greeted", func() bool { return o.api.number == 1 })
	m := o.lead("+79161234567", "boris")
	if said := o.api.presses(annas, annas, leadKeys(text.In(text.English), &m).Rows[0][0].Data); said != "Boris I has it already." {
		t.Errorf("anna hears %q", said)
	}
}

// TestAnUpdateIsHeardOnce also when the daemon stops before Telegram knows.
func TestAnUpdateIsHeardOnce(t *testing.T) {
	o := open(t)
	stop := o.run()
	m := o.lead("+79161234567", "boris")
	data := leadKeys(text.In(text.English), &m).Rows[0][0].Data
	o.api.presses(boriss, boriss, data)
	stop()
	first := o.timeline(m.Lead)
	next, err := o.next(t.Context())
	if err != nil || next != 2 {
		t.Errorf("the next update is %d, %v", next, err)
	}
	o.run()
	o.api.writes(boriss, "hi")
	o.api.until("boris is answered", func() bool { return o.api.number == 1 })
	if got := o.timeline(m.Lead); got != first {
		t.Errorf("it was done twice: %s", got)
	}
}

func TestTelegramsLimitsAreKept(t *testing.T) {
	o := open(t)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() { o.send(alert.Message{To: "boris", Text: "x"}, alert.Sent) })
	}
	for i := range 40 {
		o.api.mu.Lock()
		o.api.chats[int64(5000+i)] = true
		o.api.mu.Unlock()
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if _, ok := o.pace.wait(ctx, int64(5000+i)); !ok {
				t.Error("no turn")
				return
			}
			if err := o.bot.call(ctx, "sendMessage", outgoing{Chat: int64(5000 + i), Text: "x"}, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(o.api.refused) > 0 || o.api.number != 43 {
		t.Errorf("%d messages, refused %q", o.api.number, o.api.refused)
	}
}

func TestWhatTelegramSaysOfAFailure(t *testing.T) {
	o := open(t)
	m := alert.Message{To: "boris", Text: "x"}
	for _, c := range []struct {
		status int
		body   string
		want   alert.Outcome
		detail string
	}{
		{502, "<html>bad gateway " + secret, alert.Unreachable, "502: this is not the Bot API"},
		{504, "", alert.TimedOut, "504"},
		{400, `{"ok":false,"error_code":400,"description":"Bad Request: chat not found ` + secret + `"}`, alert.Refused, "chat not found (token)"},
		{401, `{"ok":false,"error_code":401,"description":"Unauthorized"}`, alert.Refused, "401: Unauthorized"},
		{200, `{"ok":false}`, alert.Refused, "this is not the Bot API"},
	} {
		o.pace = pace{}
		o.api.fail = func(string) (int, string) { return c.status, c.body }
		if detail := o.send(m, c.want); !strings.Contains(detail, c.detail) {
			t.Errorf("%d: %q", c.status, detail)
		}
	}
	o.pace = pace{}
	o.api.fail = func(string) (int, string) {
		return 429, `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 35","parameters":{"retry_after":35}}`
	}
	o.send(m, alert.Unreachable)
	o.api.fail = func(string) (int, string) { t.Error("it was asked again before the time"); return 0, "" }
	if detail := o.send(m, alert.Unreachable); !strings.Contains(detail, "35s of rest") {
		t.Errorf("it says %q", detail)
	}
	if wait, ok := o.pace.wait(t.Context(), chiefs); !ok {
		t.Errorf("other chats wait too: %s", wait)
	}

	o.pace, o.api.fail = pace{}, nil
	o.bot.base = "http://127.0.0.1:1"
	if detail := o.send(m, alert.Unreachable); !strings.Contains(detail, "connection refused") {
		t.Errorf("it says %q", detail)
	}
}

func TestWhoBlocksTheBotIsKnown(t *testing.T) {
	o := open(t)
	o.run()
	o.api.mu.Lock()
	o.api.chats[boriss] = false
	o.api.mu.Unlock()
	m := alert.Message{To: "boris", Text: "x"}
	if detail := o.send(m, alert.Refused); !strings.Contains(detail, "bot was blocked by the user") {
		t.Errorf("it says %q", detail)
	}
	if o.chats.Reaches("boris") || len(o.chats.Refused()) != 1 {
		t.Error("nobody knows")
	}
	if again, err := OpenChats(t.Context(), o.db, map[string]int64{"boris": boriss}); err != nil || again.Reaches("boris") {
		t.Errorf("after a restart nobody knows, %v", err)
	}
	if again, err := OpenChats(t.Context(), o.db, map[string]int64{"boris": boriss + 1}); err != nil || !again.Reaches("boris") || len(again.Refused()) != 0 {
		t.Errorf("another chat that the configuration names counts as blocked, %v", err)
	}
	o.api.writes(boriss, "here I am")
	o.api.until("boris is answered", func() bool { return o.api.number == 1 })
	if !o.chats.Reaches("boris") || len(o.chats.Refused()) != 0 {
		t.Error("it is not forgiven")
	}
}
