package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"ringback/ari/pbx"
	"ringback/cmd/ringback/web/browser"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/text"
)

// deskPace is fast enough for a test, and slow enough for people to act before a
// robot rings them.
const deskPace pace = 4

// openDesk is a real PBX, the daemon beside it, and people with phones and screens.
type openDesk struct {
	*scene
	t        *testing.T
	ctx      context.Context
	browser  *browser.Browser
	language text.Language
	words    *text.Words
}

// TestBrowser is a working day before real screens: what happens on the phones
// is seen there without anybody asking for it, and what is pressed there happens
// on the phones. In English and in Russian.
func TestBrowser(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	log := new(logbook)
	log.showIfFailed(t, "the daemon")
	s, err := newScene(ctx, asterisk(t), t.TempDir(), deskPace, slog.New(slog.NewTextHandler(log, nil)), t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Errorf("the scene did not close well: %v", err)
		}
	}()
	b, err := browser.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for i, language := range []text.Language{text.English, text.Russian} {
		t.Run(string(language), func(t *testing.T) {
			d := &openDesk{scene: s, t: t, ctx: ctx, browser: b, language: language, words: text.In(language)}
			d.do(s.daemon.db.Do(ctx, func(tx *db.Tx) error { // it is Anna's turn
				_, err := tx.Exec("UPDATE pool_turns SET last = 'boris'")
				return err
			}))
			for _, login := range []string{"anna", "boris", "vera"} {
				d.do(s.daemon.people.SetLanguage(ctx, login, language))
			}
			d.day([]string{firstClient, thirdClient}[i], []string{secondClient, fourthClient}[i])
		})
	}
}

func (d *openDesk) do(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// sits has somebody open their page.
func (d *openDesk) sits(login, path string, look browser.Look) *browser.Tab {
	d.t.Helper()
	tab, err := tabOf(d.ctx, d.browser, d.daemon, login, look)
	d.do(err)
	d.t.Cleanup(tab.Close)
	d.do(tab.Go("http://" + d.daemon.Address() + path))
	// A page that is loaded anew has forgotten this.
	d.do(tab.Eval("window.neverLeft = true; 0", nil))
	return tab
}

// stayed says that the page of a tab was never loaded anew.
func (d *openDesk) stayed(tab *browser.Tab) {
	d.t.Helper()
	var stayed bool
	d.do(tab.Eval("!!window.neverLeft", &stayed))
	if !stayed {
		d.t.Error("the page was loaded anew")
	}
	for _, wrong := range tab.Wrongs() {
		d.t.Errorf("the browser says: %s", wrong)
	}
}

// day is a missed call of one client, which Anna calls back, and one of another,
// which their supervisor gives to her.
func (d *openDesk) day(first, second string) {
	anna := d.sits("anna", "/", browser.Desk)
	id, took := d.missedOn(anna, first, "anna")
	if took > time.Second {
		d.t.Errorf("the missed call was on the page %v after the hangup, and not within a second", took)
	}
	d.t.Logf("on the open page %v after the hangup", took.Round(time.Millisecond))
	d.callsBack(anna, id, first)
	d.stayed(anna)

	boris := d.sits("boris", "/", browser.Desk)
	id, _ = d.missedOn(boris, second, "boris")
	d.reassigned(id, anna, boris)
	d.stayed(anna)
	d.byLink(id, second)
	d.settles(anna, id)
}

// row is a lead in a list of a page.
func row(lead int64) string { return fmt.Sprintf(`[data-key="lead-%d"]`, lead) }

// holds is a script: it says whether an element that the selector finds shows a
// number, however it is written.
func holds(selector, number string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(%q)].some(e => e.innerText.replace(/\D/g, "").includes(%q))`, selector, strings.TrimPrefix(number, "+"))
}

// missedOn lets a client ring the desks and give up, and waits until the page of
// whose turn it is shows that; took is how long after the hangup.
func (d *openDesk) missedOn(tab *browser.Tab, number, login string) (lead int64, took time.Duration) {
	d.t.Helper()
	// Whoever's turn it is, it becomes theirs whose page is looked at.
	d.do(d.givesUp(d.ctx, client(number), pbx.LineGroup, pbx.Manager1, pbx.Manager2, pbx.Colleague))
	hungUp := d.since
	d.do(tab.Until(d.ctx, "the missed call is not on the page", holds("#callbacks [data-row]", number)))
	took = time.Since(hungUp)
	owed, err := d.leadsOf(d.ctx, number)
	d.do(err)
	if len(owed) != 1 || owed[0].Manager != login {
		d.t.Fatalf("of %s there is %+v; wanted one lead of %s", number, owed, login)
	}
	return owed[0].ID, took
}

// callsBack presses Call: Anna's phone rings, then the client's, the page says
// how far it has come, and when they have talked the lead closes itself on it.
func (d *openDesk) callsBack(tab *browser.Tab, lead int64, client string) {
	d.t.Helper()
	d.do(tab.Press(row(lead) + ` [data-deed="call"]`))
	d.progress(tab, lead, "ringing_you")
	in, err := d.desks[pbx.Manager1].ExpectRing(d.ctx)
	d.do(err)
	d.do(in.Ring())
	anna, err := in.Answer(d.ctx)
	d.do(err)
	rung, err := d.outside.ExpectRing(d.ctx)
	d.do(err)
	if rung.To != strings.TrimPrefix(client, "+") || rung.From != pbx.LineGroup {
		d.t.Errorf("%s was rung by %s, and not %s by %s", rung.To, rung.From, client, pbx.LineGroup)
	}
	d.progress(tab, lead, "calling")
	talked := make(chan error, 1)
	go func() { talked <- d.talkUntilReached(d.ctx, anna, rung) }()
	d.progress(tab, lead, "talking")
	d.do(<-talked)
	d.do(tab.Misses(d.ctx, "#callbacks "+row(lead), ""))
	d.t.Logf("it closed itself on the page %v after the hangup", time.Since(d.since).Round(time.Millisecond))
	d.do(tab.Until(d.ctx, "the lead is not among the settled ones", holds("#settled", client)))
	d.do(d.leadIs(d.ctx, client, 1, leads.CalledBack))
}

// progress waits until the page says how far a call has come.
func (d *openDesk) progress(tab *browser.Tab, lead int64, state string) {
	d.t.Helper()
	d.do(tab.Sees(d.ctx, row(lead)+" .progress", d.words.Say("page.progress."+state)))
}

// reassigned has the supervisor give Boris's lead to Anna: it goes from his open
// page to hers.
func (d *openDesk) reassigned(lead int64, anna, boris *browser.Tab) {
	d.t.Helper()
	vera := d.sits("vera", "/everyone", browser.Desk)
	d.do(vera.Sees(d.ctx, row(lead), "Boris"))
	d.do(vera.Choose(row(lead)+` select[name="to"]`, "anna"))
	d.do(vera.Press(row(lead) + " form.assign button"))
	d.do(vera.Sees(d.ctx, row(lead), "Anna"))
	d.do(anna.Sees(d.ctx, "#callbacks "+row(lead), ""))
	d.do(boris.Misses(d.ctx, "#callbacks "+row(lead), ""))
	d.stayed(boris)
}

// byLink opens the link of an alert on a telephone where nobody is logged in: it
// shows that lead, with what can be done about it, and nothing else.
func (d *openDesk) byLink(lead int64, client string) {
	d.t.Helper()
	phone := browser.Phone
	phone.Language = string(d.language)
	tab := d.sits("", d.daemon.people.Link("anna", lead, time.Now()), phone)
	d.do(tab.Until(d.ctx, "the card is not of the client", holds("h1", client)))
	d.do(tab.Sees(d.ctx, `[data-deed="call"]`, d.words.Say("page.deed.call")))
	var wide int
	d.do(tab.Eval("document.documentElement.scrollWidth - document.documentElement.clientWidth", &wide))
	if wide > 0 {
		d.t.Errorf("the card is %d pixels wider than the telephone", wide)
	}
	d.do(tab.Go("http://" + d.daemon.Address() + "/"))
	d.do(tab.Sees(d.ctx, "form", d.words.Say("account.login.submit")))
	forged := d.daemon.people.Link("anna", lead, time.Now())
	d.do(tab.Go("http://" + d.daemon.Address() + forged[:len(forged)-2] + "xx"))
	d.do(tab.Until(d.ctx, "a forged link shows the client", "!("+holds("body", client)+")"))
}

// settles says that a lead is settled, by the menu of what is rarely done.
func (d *openDesk) settles(tab *browser.Tab, lead int64) {
	d.t.Helper()
	d.do(tab.Press(row(lead) + " details.menu > summary"))
	d.do(tab.Sees(d.ctx, row(lead)+` [data-deed="settle"]`, d.words.Say("page.deed.settle")))
	d.do(tab.Press(row(lead) + ` [data-deed="settle"]`))
	d.do(tab.Misses(d.ctx, "#callbacks "+row(lead), ""))
}
