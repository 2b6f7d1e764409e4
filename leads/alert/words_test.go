package alert

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ringback/leads/text"
)

// missed is a message of which everything is to be said.
func fullMessage() Message {
	return Message{Why: Overdue, To: "chief", Lead: 7, Contact: 3, Number: client, Name: "Жанна Ёлкина-Оболенская-Задунайская", NeedsDetails: true, Line: "sales",
		Manager: "anna", Missed: 2, LastMissed: time.Date(2026, 3, 2, 9, 59, 50, 0, time.UTC), FoundLate: true, Double: true, Link: "https://ring.example.com/l/x"}
}

// TestWordsAreThoseOfTheReader says one message in all languages, long and short.
func TestWordsAreThoseOfTheReader(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 30, 0, 0, time.UTC)
	l := New(Config{Mode: Act, Zone: time.FixedZone("", 3*3600)})
	for _, c := range []struct {
		language             text.Language
		subject, short, long string
	}{
		{text.English, "Not called back yet: +79161234567 (Жанна Ёлкина-Оболенская-Задунайская)",
			"Not called back yet: +79161234567 (Жанна Ёлкина-Оболенская-…), new contact, sales, 12:59, 2 missed calls, assigned to anna, found late, perhaps a repeat",
			"Not called back yet: +79161234567 (Жанна Ёлкина-Оболенская-Задунайская), line sales, 12:59, 2 missed calls, assigned to anna.\n" +
				"Found late: Ringback could not see it when it happened.\n(You may have had this message before.)\nNew contact: please fill in the card."},
		{text.Russian, "Ещё не перезвонили: +79161234567 (Жанна Ёлкина-Оболенская-Задунайская)",
			"Ещё не перезвонили: +79161234567 (Жанна Ёлкина-Оболенская-…), новый контакт, sales, 12:59, 2 пропущенных звонка, ответственный anna, обнаружено поздно, возможно, повтор",
			"Ещё не перезвонили: +79161234567 (Жанна Ёлкина-Оболенская-Задунайская), линия sales, 12:59, 2 пропущенных звонка, ответственный anna.\n" +
				"Обнаружено с опозданием: в момент звонка Ringback его не видел.\n(Возможно, вы уже получали это сообщение.)\nНовый контакт: пожалуйста, заполните карточку."},
		{text.Polish, "Jeszcze nie oddzwoniono: +79161234567 (Жанна Ёлкина-Оболенская-Задунайская)",
			"Jeszcze nie oddzwoniono: +79161234567 (Жанна Ёлкина-Оболенская-…), nowy kontakt, sales, 12:59, 2 nieodebrane połączenia, przypisane do anna, wykryto późno, być może powtórka",
			"Jeszcze nie oddzwoniono: +79161234567 (Жанна Ёлкина-Оболенская-Задунайская), linia sales, 12:59, 2 nieodebrane połączenia, przypisane do anna.\n" +
				"Wykryto z opóźnieniem: w chwili połączenia Ringback go nie widział.\n(Być może ta wiadomość już do Ciebie dotarła.)\nNowy kontakt: proszę uzupełnić kartę."},
	} {
		m := fullMessage()
		m.Language = c.language
		l.say(&m, now)
		if m.Subject != c.subject || m.Short != c.short+"\n"+m.Link || m.Text != c.long+"\n"+m.Link {
			t.Errorf("%s:\n%s\n%s\n%s", c.language, m.Subject, m.Short, m.Text)
		}
		m.LastMissed = now.AddDate(0, -1, 0)
		l.say(&m, now)
		if want := map[text.Language]string{text.English: ", 2026-02-02 13:30,"}[c.language]; !strings.Contains(m.Text, want) || want == "" && !strings.Contains(m.Text, ", 02.02.2026 13:30,") {
			t.Errorf("%s: %s", c.language, m.Text)
		}
	}
}

// TestEveryReasonToTellHasWords asks the catalogs of every language.
func TestEveryReasonToTellHasWords(t *testing.T) {
	for _, l := range text.Languages {
		for _, why := range Whys {
			if !text.In(l).Has("alerts."+string(why)) && why != NotReminded && why != Answered && why != Appointment { // those begin with what became of the call
				t.Errorf("%s: no words for %s", l, why)
			}
		}
	}
}

// TestALinkIsItsPersonsOwn has one lead told to two people and a program.
func TestALinkIsItsPersonsOwn(t *testing.T) {
	now := time.Unix(1e9, 0)
	l := New(Config{Mode: Act, PublicURL: "https://ring.example.com/", Link: func(login string, lead int64, at time.Time) string {
		if lead != 7 || !at.Equal(now) {
			t.Errorf("a link to lead %d at %v", lead, at)
		}
		return "/l/" + login
	}})
	person, program := Named{Name: "email"}, Named{Name: "crm", Program: true}
	for _, c := range []struct {
		ch   Named
		m    Message
		want string
	}{
		{person, Message{To: "anna", Lead: 7, Contact: 3}, "https://ring.example.com/l/anna"},
		{person, Message{To: "boris", Lead: 7, Link: "https://ring.example.com/l/anna"}, "https://ring.example.com/l/boris"},
		{program, Message{To: "anna", Lead: 7, Contact: 3, Link: "https://ring.example.com/l/anna"}, "https://ring.example.com/contacts/3"},
		{program, Message{To: "anna", Lead: 7}, "https://ring.example.com/leads/7"},
		{person, Message{To: "anna", Why: Digest}, "https://ring.example.com/"},
		{person, Message{To: "anna", Contact: 3, Booked: &Booked{}}, "https://ring.example.com/contacts/3"},
	} {
		if got := l.link(c.ch, &c.m, now); got != c.want {
			t.Errorf("%s %+v: %s, want %s", c.ch.Name, c.m, got, c.want)
		}
	}
}

// TestAListLeadsToItsLeads: in a list each lead has its reader's own link as long as
// there is room, in few words the oldest alone, and what a program is told has none.
func TestAListLeadsToItsLeads(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 30, 0, 0, time.UTC)
	l := New(Config{Mode: Act, PublicURL: "https://ring.example.com/", Link: func(login string, lead int64, _ time.Time) string {
		return fmt.Sprintf("/l/%s-%d", login, lead)
	}})
	said := func(ch Named, m Message) Message {
		m.To, m.Language, m.Why, m.Missed = "anna", text.English, Collected, len(m.Leads)
		l.write(ch, &m, now)
		return m
	}
	two := Message{Leads: []Listed{{Lead: 7, Number: client, Manager: "anna", LastMissed: now}, {Lead: 8, Number: other, Manager: "anna", LastMissed: now}}}
	email, program := said(Named{Name: "email"}, two), said(Named{Name: "crm", Program: true}, two)
	for _, c := range [][2]string{
		{email.Text, "Your list: 2 to call back.\n10:30 +79161234567\nhttps://ring.example.com/l/anna-7\n10:30 +79161234568\n" +
			"https://ring.example.com/l/anna-8\nhttps://ring.example.com/"},
		{email.Short, "Your list: 2 to call back\nhttps://ring.example.com/l/anna-7"},
		{program.Text, "Your list: 2 to call back.\n10:30 +79161234567\n10:30 +79161234568\nhttps://ring.example.com/"},
		{program.Short, "Your list: 2 to call back\nhttps://ring.example.com/"},
	} {
		if c[0] != c[1] {
			t.Errorf("it says\n%s\nand should say\n%s", c[0], c[1])
		}
	}
	var many Message
	for n := range maxListed {
		many.Leads = append(many.Leads, Listed{Lead: int64(n), Number: client, Name: strings.Repeat("Ж", 40), Manager: "anna", LastMissed: now})
	}
	all := said(Named{Name: "telegram"}, many)
	if n, links := len([]rune(all.Text)), strings.Count(all.Text, "/l/anna-"); n > 4096 || links < 5 || links == maxListed || strings.Count(all.Text, client) != maxListed {
		t.Errorf("a long list has %d characters and %d links", n, links)
	}
}
