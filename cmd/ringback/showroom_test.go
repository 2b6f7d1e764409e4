package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/aritest"
	"ringback/ari/call"
	"ringback/cmd/ringback/web/browser"
	"ringback/config"
	"ringback/leads/db"
	"ringback/leads/history"
	"ringback/leads/people"
)

// showroom is a daemon over the past of a company, with a day's work on its
// desk, and a browser before it. Its PBX is a fake, of which nobody hears.
type showroom struct {
	t       *testing.T
	ctx     context.Context
	daemon  *daemon
	site    string
	browser *browser.Browser
	opens   time.Time
}

// company of the showroom: as many managers as its history has.
const showroomConfig = `country: RU
mode: act
language: en
asterisk: [{name: main, url: %q, username: %s, password_file: ari.password, inbound: {contexts: [from-trunk]}, connect: {context: from-internal}}]
lines:
  - {name: sales, pbx: main, numbers: ["+74951000001"], pool: sales}
  - {name: service, pbx: main, numbers: ["+74951000002"], pool: service}
  - {name: default, pbx: main, numbers: ["+74951000003"], pool: default}
managers:
%s  - {login: vera, name: Vera Orlova, role: supervisor, devices: ["100"]}
  - {login: root, name: Konstantin Konstantinopolski, role: admin}
pools:
  - {name: sales, managers: [m01, m02, m03, m04, m05, m06], supervisor: vera, ladder: {settle: 0s, rungs: [{after: 0s, tell: manager}, {after: 2h, tell: supervisor}]}}
  - {name: service, managers: [m07, m08, m09, m10, m11, m12, m13], supervisor: vera}
  - {name: default, managers: [m14, m15, m16, m17, m18, m19, m20], supervisor: vera}
listen: 127.0.0.1:0
database: ringback.db
`

var staff = []string{"Anna Petrova", "Boris Smirnov", "Clara Weiß", "Dmitri Ivanov", "Elena Królikowska-Wiśniewska", "Фёдор Достоевский", "Grażyna Nowak",
	"Heinrich Müller", "Ирина Соколова", "Jan Kowalski", "Ksenia Belova", "Łukasz Zając", "Мария Кузнецова", "Наталья Попова", "Олег Смирнов", "Пётр Королёв",
	"Roman Wójcik", "Семён Иванов", "Tamara Becker", "Uwe Fischer"}

// openShowroom opens it. It closes with the test.
func openShowroom(t *testing.T) *showroom {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	s := &showroom{t: t, ctx: ctx, opens: time.Now().UTC()}
	fake := aritest.New()
	t.Cleanup(fake.Close)
	pbx := httptest.NewServer(fake)
	t.Cleanup(pbx.Close)
	dir := t.TempDir()
	midnight := s.opens.Truncate(24 * time.Hour)
	s.do(history.Copy(ctx, history.Size{Calls: 20_000, Contacts: 6_000, Leads: 5_000, Years: 1, Until: midnight, Seed: 7}, filepath.Join(dir, "ringback.db")))
	var managers strings.Builder
	for i, name := range staff {
		fmt.Fprintf(&managers, "  - {login: m%02d, name: %q, devices: [\"%d\"]}\n", i+1, name, 101+i)
	}
	s.do(os.WriteFile(filepath.Join(dir, "ari.password"), []byte(aritest.Password), 0o600))
	file := filepath.Join(dir, "ringback.yaml")
	s.do(os.WriteFile(file, fmt.Appendf(nil, showroomConfig, pbx.URL+"/ari", aritest.Username, &managers), 0o600))
	cfg, err := config.Load(file)
	s.do(err)
	s.daemon, err = newDaemon(ctx, cfg, slog.New(slog.DiscardHandler))
	s.do(err)
	s.site = "http://" + s.daemon.Address()
	ended := make(chan error, 1)
	go func() { ended <- s.daemon.Run(ctx) }()
	t.Cleanup(func() { cancel(); s.do(<-ended) })
	waitFor(t, "the PBX is watched", func() bool { return s.daemon.statuses()[0].State == ari.Watching })
	s.settleThePast()
	s.day()
	s.browser, err = browser.Open(ctx)
	s.do(err)
	t.Cleanup(s.browser.Close)
	return s
}

func (s *showroom) do(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// settleThePast closes what the history has left open, but for a few: nobody has
// hundreds of leads that are months old.
func (s *showroom) settleThePast() {
	s.t.Helper()
	s.do(s.daemon.db.Do(s.ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE leads SET closed = last_missed + 600000, outcome = 'settled', closed_by = manager WHERE closed IS NULL AND id NOT IN (SELECT MAX(id) FROM leads WHERE closed IS NULL)")
		return err
	}))
}

// day is what has happened today: calls that were missed and answered, some with
// names as callers send them.
func (s *showroom) day() {
	s.t.Helper()
	for i, c := range []struct {
		ago          time.Duration
		caller, name string
		line         int
		how          call.How
	}{
		{95 * time.Minute, "+79161234567", "", 1, call.NoAnswer},
		{80 * time.Minute, "+79161234567", "", 1, call.AbandonedRinging},
		{64 * time.Minute, "+79035550101", "ООО «Северо-Западная строительная компания имени сорокалетия Победы»", 1, call.AbandonedQueue},
		{51 * time.Minute, "+48221234567", "Grzegorz Brzęczyszczykiewicz", 2, call.Busy},
		{33 * time.Minute, "+493012345678", "<b>Robert'); DROP TABLE leads;--</b>", 1, call.NoAnswer},
		{18 * time.Minute, "+79261112233", "Мария", 3, call.Voicemail},
		{9 * time.Minute, "+79261112244", "", 1, call.AbandonedRinging},
		{4 * time.Minute, "+442071838750", "J", 1, call.Unreachable},
		{2 * time.Minute, "+79261112255", "Иван Петрович", 1, call.AbandonedRinging},
		{90 * time.Second, "+79261112266", "", 1, call.NoAnswer},
	} {
		s.missed(fmt.Sprintf("%d.%d", s.opens.Unix(), i), c.caller, c.name, c.line, s.opens.Add(-c.ago), c.how)
	}
	s.do(s.daemon.db.Do(s.ctx, func(tx *db.Tx) error {
		// All of sales is Anna's; one is overdue, one is taken, one is for later.
		for _, change := range []string{
			"UPDATE leads SET manager = 'm01' WHERE closed IS NULL AND pool = 'sales'",
			"UPDATE leads SET rung = 1, rung_due = 1 WHERE id = (SELECT MIN(id) FROM leads WHERE closed IS NULL AND pool = 'sales' AND missed > 1)",
		} {
			if _, err := tx.Exec(change); err != nil {
				return err
			}
		}
		return nil
	}))
}

// missed records a call that nobody answered.
func (s *showroom) missed(id, caller, name string, line int, at time.Time, how call.How) {
	s.t.Helper()
	c := call.Call{PBX: "main", ID: id, Direction: call.Inbound, Caller: caller, CallerName: name, Dialed: fmt.Sprintf("+7495100000%d", line),
		Started: at, Ended: at.Add(25 * time.Second), How: how, HungUp: how == call.AbandonedRinging || how == call.AbandonedQueue,
		Legs: []call.Leg{{Party: call.Party{Endpoint: "PJSIP/101"}, Rang: true}}}
	for _, err := range s.daemon.book.Record(s.ctx, []call.Fact{{Kind: call.Ended, At: c.Ended, Call: c}}) {
		s.do(err)
	}
}

// lead is the id of the newest open lead of somebody's.
func (s *showroom) lead(manager string) (id int64) {
	s.t.Helper()
	s.do(s.daemon.db.Reader().QueryRowContext(s.ctx, "SELECT MAX(id) FROM leads WHERE closed IS NULL AND manager = $1", manager).Scan(&id))
	return id
}

// tab opens one of somebody who is logged in; nobody, where the login is empty.
func (s *showroom) tab(login string, look browser.Look) (*browser.Tab, error) {
	return tabOf(s.ctx, s.browser, s.daemon, login, look)
}

func tabOf(ctx context.Context, b *browser.Browser, d *daemon, login string, look browser.Look) (*browser.Tab, error) {
	tab, err := b.Tab(look)
	if err != nil || login == "" {
		return tab, err
	}
	invitation, _, err := d.people.Invite(ctx, login, people.ToComeIn)
	if err != nil {
		return nil, err
	}
	secret, err := d.people.Accept(ctx, invitation, "", people.From{Device: "a browser of the tests"})
	if err != nil {
		return nil, err
	}
	return tab, tab.Sign("http://"+d.Address(), "ringback", secret)
}
