package alert

import (
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
