package history

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"time"

	"ringback/leads/search"
)

// writer lives through the years, call by call.
type writer struct {
	size                                                                   Size
	dice                                                                   *rand.Rand
	contacts, numbers, calls, leadRows, attempts, timeline, search         *table
	jobs, appointments, reminders, dials, consents, turns, watched, trunks *table

	people []person // the contacts, by id - 1
	leads  []lead   // by id - 1
	// owed are the leads that a call out will settle, and ringing those whose
	// contact will get through by themselves: the first opened first.
	owed, ringing []int
	entries       int
}

// person is a contact; lead is the open one, 0: none.
type person struct{ lead int }

type lead struct {
	contact, pool, missed       int
	first, last, opened, closed int64
	manager, outcome, closedBy  string
	forgotten                   bool // nobody ever settles it
}

func newWriter(ctx context.Context, tx *sql.Tx, s Size) *writer {
	of := func(name, columns string) *table { return newTable(ctx, tx, name, columns) }
	return &writer{
		size: s, dice: rand.New(rand.NewPCG(s.Seed, 1)),
		contacts: of("contacts", "id, name, named, manager, created"),
		numbers:  of("numbers", "number, contact"),
		calls: of("calls", "id, pbx, call, direction, caller, caller_name, dialed, line, pool, started, ended, verdict, reason, wait_ms, talk_ms, "+
			"rang, answered_by, reached, source, contact, lead, explanation, manager"),
		leadRows: of("leads", "id, contact, pool, line, manager, missed, first_missed, last_missed, opened, closed, outcome, closed_by, rung"),
		attempts: of("attempts", "lead, call, who, started, talk_ms, reached"),
		timeline: of("timeline", "lead, contact, call, at, kind, who, channel, detail"),
		jobs:     of("jobs", "kind, lane, key, lead, payload, made, due, expires, state, attempt, ended"),
		appointments: of("appointments", "id, ref, posted, contact, number, manager, starts, shift, zone, place, category, line, language, fields, state, "+
			"version, created, changed"),
		reminders: of("reminders", "appointment, occasion, due, expires, outcome, made, ended, posted, contact, number, manager, line, zone, language, media, keys"),
		dials:     of("dials", "channel, call, pbx, trunk, kind, number, device, who, job, lead, reminder, booked, answered, ended, outcome"),
		consents:  of("consents", "number, kind, at, who, how, note"),
		turns:     of("pool_turns", "pool, last"),
		watched:   of("watched", "pbx, until"),
		trunks:    of("trunks", "pbx, endpoint"),
		search:    of("search", "rowid, text"),
	}
}

func (w *writer) write() error {
	for i := range w.size.Calls {
		if err := w.call(i); err != nil {
			return err
		}
	}
	for len(w.people) < w.size.Contacts { // they were entered, and never rang
		if err := w.newContact(w.size.Until.UnixMilli()); err != nil {
			return err
		}
	}
	if err := w.closeBooks(); err != nil {
		return err
	}
	for _, t := range []*table{w.contacts, w.numbers, w.calls, w.leadRows, w.attempts, w.timeline, w.jobs, w.appointments, w.reminders, w.dials,
		w.consents, w.turns, w.watched, w.trunks, w.search} {
		if err := t.flush(); err != nil {
			return err
		}
	}
	return nil
}

// at is when the nth call began: people ring between eight and eighteen.
func (w *writer) at(n int) int64 {
	days := w.size.Years * 365
	day := n * days / w.size.Calls
	first, next := (day*w.size.Calls+days-1)/days, ((day+1)*w.size.Calls+days-1)/days
	of := float64(n-first) / float64(max(next-first, 1))
	midnight := w.size.Until.AddDate(0, 0, day-days)
	return midnight.Add(8*time.Hour + time.Duration(of*float64(10*time.Hour))).UnixMilli()
}

func number(contact int) string { return fmt.Sprintf("+49301%06d", contact) }

// nameOf is what the card of a contact says.
func nameOf(contact int) string {
	return first[contact%len(first)] + " " + last[contact/3%len(last)] + " " + fmt.Sprint(contact)
}

var (
	first = []string{"Anna", "Boris", "Clara", "Dmitri", "Elena", "Fjodor", "Grażyna", "Heinrich", "Irina", "Jan", "Ksenia", "Łukasz", "Мария", "Наталья", "Олег", "Пётр", "Семён"}
	last  = []string{"Schmidt", "Kowalski", "Иванова", "Müller", "Nowak", "Кузнецов", "Wiśniewski", "Fischer", "Королёв", "Weber", "Wójcik", "Смирнова", "Becker", "Zając", "Попов"}
)

func phone(n int) string { return fmt.Sprint(101 + n%20) }

func login(n int) string { return fmt.Sprintf("m%02d", 1+n%20) }

// reasons of misses, the common ones more than once.
var reasons = []string{"no_answer", "no_answer", "no_answer", "abandoned_ringing", "abandoned_ringing", "abandoned_queue", "abandoned_queue", "closed", "closed",
	"busy", "voicemail", "dropped"}

// one is a call as it is written.
type one struct {
	id, contact, lead   int
	direction, from, to string
	started, ended      int64
	verdict, reason     string
	wait, talk          int64
	answeredBy          string
	reached             int
	pool                string
}

// call lives through the nth call, and what follows from it.
func (w *writer) call(n int) error {
	c := one{id: n + 1, started: w.at(n), wait: 2000 + w.dice.Int64N(30_000), pool: Pools[w.dice.IntN(len(Pools))]}
	dice := w.dice.IntN(100)
	var err error
	switch {
	// Leads come at a steady pace, until there are as many as are wanted.
	case len(w.leads) < int(int64(w.size.Leads)*int64(n+1)/int64(w.size.Calls)):
		err = w.missed(&c, true)
	case dice < 5:
		c.direction, c.from, c.to, c.verdict, c.reason = "internal", phone(n), phone(n+7), "answered", "person"
		c.answeredBy, c.talk = phone(n+7), w.dice.Int64N(200_000)
	case dice < 40:
		err = w.out(&c)
	case dice < 45:
		err = w.missed(&c, false)
	default:
		err = w.answered(&c)
	}
	if err != nil {
		return err
	}
	if c.ended == 0 {
		c.ended = c.started + c.wait + c.talk
	}
	return w.writeCall(&c)
}

func (w *writer) writeCall(c *one) error {
	line := c.pool
	if c.direction != "inbound" {
		line, c.pool = "", "default"
	}
	manager := ""
	switch {
	case c.verdict == "answered":
		manager = login(c.id)
	case c.lead != 0:
		manager = w.leads[c.lead-1].manager
	}
	name := ""
	if c.contact%3 == 0 && c.direction == "inbound" {
		name = "ANNA SCHMIDT"
	}
	return w.calls.add(c.id, PBX, fmt.Sprintf("%d.%d", c.started/1000, c.id), c.direction, c.from, name, c.to, line, c.pool, c.started, c.ended,
		c.verdict, c.reason, c.wait, c.talk, phone(c.id)+" "+phone(c.id+1), c.answeredBy, c.reached, "ari", ref(c.contact), ref(c.lead),
		"rang 2 phones for "+fmt.Sprint(c.wait/1000)+" s", manager)
}

// ref is a reference; 0 is none.
func ref(id int) any {
	if id == 0 {
		return nil
	}
	return id
}

// whoRings is somebody new at the pace at which contacts come, and otherwise
// rather somebody who came lately.
func (w *writer) whoRings(c *one) (int, error) {
	if len(w.people) == 0 || len(w.people) < int(int64(w.size.Contacts)*int64(c.id)/int64(w.size.Calls)) {
		err := w.newContact(c.started)
		return len(w.people), err
	}
	u := w.dice.Float64()
	return len(w.people) - int(u*u*float64(len(w.people))), nil
}

func (w *writer) newContact(at int64) error {
	w.people = append(w.people, person{})
	id := len(w.people)
	name, named := number(id), 0
	if id%5 < 2 {
		name, named = nameOf(id), 1
	}
	if err := w.contacts.add(id, name, named, login(id), at); err != nil {
		return err
	}
	if err := w.search.add(id, search.Text(name, []string{number(id)})); err != nil {
		return err
	}
	if id%50 == 0 {
		kind := "agreed"
		if id%200 == 0 {
			kind = "refused"
		}
		if err := w.consents.add(number(id), kind, at, login(id), "told by phone", ""); err != nil {
			return err
		}
	}
	return w.numbers.add(number(id), id)
}

func (w *writer) inbound(c *one, contact int) {
	c.contact, c.direction, c.from, c.to = contact, "inbound", number(contact), "+4930555"+fmt.Sprint(len(c.pool))
}

func (w *writer) note(lead, contact, call int, at int64, kind, who, channel, detail string) error {
	w.entries++
	return w.timeline.add(ref(lead), ref(contact), ref(call), at, kind, who, channel, detail)
}

// missed is a call that nobody answered. With fresh it is of somebody who is not
// owed a call yet.
func (w *writer) missed(c *one, fresh bool) error {
	contact, err := w.whoRings(c)
	if err != nil {
		return err
	}
	if !fresh && len(w.owed) > 0 { // somebody who is owed a call rings again
		contact = w.leads[w.owed[w.dice.IntN(len(w.owed))]-1].contact
	}
	for fresh && w.people[contact-1].lead != 0 {
		contact = 1 + w.dice.IntN(len(w.people))
	}
	w.inbound(c, contact)
	c.verdict, c.reason, c.ended = "missed", reasons[w.dice.IntN(len(reasons))], c.started+c.wait
	who := &w.people[contact-1]
	if who.lead == 0 && !fresh { // it was settled by a talk that was going on
		return w.note(0, contact, c.id, c.ended, "settled_before", "", "", c.reason)
	}
	if who.lead == 0 {
		if err := w.open(c); err != nil {
			return err
		}
	}
	l := &w.leads[who.lead-1]
	l.missed, l.last, c.lead, c.pool = l.missed+1, c.started, who.lead, Pools[l.pool]
	return w.note(who.lead, contact, c.id, c.ended, "missed", "", "", c.reason)
}

// open opens the lead of a missed call and tells its manager.
func (w *writer) open(c *one) error {
	id := len(w.leads) + 1
	pool := w.dice.IntN(len(Pools))
	w.leads = append(w.leads, lead{contact: c.contact, pool: pool, first: c.started, opened: c.ended, manager: login(id), forgotten: id%1000 == 0})
	w.people[c.contact-1].lead = id
	switch {
	case id%1000 == 0:
	case id%4 == 0:
		w.ringing = append(w.ringing, id)
	default:
		w.owed = append(w.owed, id)
	}
	if err := w.note(id, c.contact, 0, c.ended, "assigned", login(id), "", "turn"); err != nil {
		return err
	}
	month := w.size.Until.AddDate(0, -1, 0).UnixMilli()
	for _, channel := range []string{"sip", "email"} {
		if err := w.note(id, c.contact, 0, c.ended+20_000, "alert_sent", login(id), channel, ""); err != nil {
			return err
		}
		if c.ended < month { // jobs are not kept for longer
			continue
		}
		err := w.jobs.add("notify:"+channel, login(id), fmt.Sprintf("notify/%d/1/%s", id, channel), id, "{}", c.ended, c.ended+20_000, 0, "done", 1, c.ended+20_100)
		if err != nil {
			return err
		}
	}
	return nil
}

// settle closes the first of the leads whose time has come; 0: of none.
func (w *writer) settle(queue *[]int, c *one, after time.Duration, outcome, by string) int {
	if len(*queue) == 0 || w.leads[(*queue)[0]-1].opened+after.Milliseconds() > c.started {
		return 0
	}
	id := (*queue)[0]
	*queue = (*queue)[1:]
	l := &w.leads[id-1]
	l.closed, l.outcome, l.closedBy = c.started+c.wait+c.talk, outcome, by
	w.people[l.contact-1].lead = 0
	return id
}

// out is a call to a contact: mostly one that is owed.
func (w *writer) out(c *one) error {
	c.direction, c.from, c.talk, c.verdict, c.reason, c.reached = "outbound", phone(c.id), 20_000+w.dice.Int64N(300_000), "answered", "person", 1
	id := w.settle(&w.owed, c, 15*time.Minute, "called_back", login(c.id))
	if id == 0 {
		contact, err := w.whoRings(c)
		c.contact, c.to, c.answeredBy = contact, number(contact), number(contact)
		return err
	}
	contact := w.leads[id-1].contact
	c.contact, c.to, c.answeredBy = contact, number(contact), number(contact)
	if err := w.attempts.add(id, c.id, login(c.id), c.started, c.talk, 1); err != nil {
		return err
	}
	return w.note(id, contact, c.id, c.started+c.wait+c.talk, "closed", login(c.id), "", "called_back")
}

// answered is a call that somebody took.
func (w *writer) answered(c *one) error {
	c.verdict, c.reason, c.answeredBy, c.talk, c.reached = "answered", "person", phone(c.id), 10_000+w.dice.Int64N(400_000), 1
	if id := w.settle(&w.ringing, c, time.Hour, "client_got_through", phone(c.id)); id != 0 {
		w.inbound(c, w.leads[id-1].contact)
		return w.note(id, c.contact, c.id, c.started+c.wait+c.talk, "closed", phone(c.id), "", "client_got_through")
	}
	contact, err := w.whoRings(c)
	if err != nil {
		return err
	}
	w.inbound(c, contact)
	return w.note(0, contact, c.id, c.started+c.wait+c.talk, "answered", phone(c.id), "", "")
}

// closeBooks writes what is known in the end, and what goes beside the calls.
func (w *writer) closeBooks() error {
	for i := range w.leads {
		l := &w.leads[i]
		var closed any
		if l.closed != 0 {
			closed = l.closed
		}
		err := w.leadRows.add(i+1, l.contact, Pools[l.pool], Pools[l.pool], l.manager, l.missed, l.first, l.last, l.opened, closed, l.outcome, l.closedBy, 1)
		if err != nil {
			return err
		}
	}
	for i := range w.size.Calls / 50 {
		if err := w.appointment(i + 1); err != nil {
			return err
		}
	}
	for _, pool := range Pools {
		if err := w.turns.add(pool, Manager); err != nil {
			return err
		}
	}
	if err := w.trunks.add(PBX, "trunk"); err != nil {
		return err
	}
	return w.watched.add(PBX, w.size.Until.UnixMilli())
}

// appointment writes one, its reminder and the call of that.
func (w *writer) appointment(id int) error {
	at := w.at(id*50 - 1)
	contact := 1 + w.dice.IntN(max(len(w.people), 1))
	starts := at + (3 * 24 * time.Hour).Milliseconds()
	err := w.appointments.add(id, fmt.Sprintf("crm-%d", id), "digest", contact, number(contact), login(id), starts, 3600, "Europe/Berlin", "Main street 1",
		"visit", Pools[0], "", `{"doctor":"Weber"}`, "confirmed", 2, at, at)
	if err != nil {
		return err
	}
	due := starts - (24 * time.Hour).Milliseconds()
	if err := w.reminders.add(id, "before", due, starts, "confirmed", at, due+60_000, "", nil, "", "", "", "", "", "[]", "{}"); err != nil {
		return err
	}
	channel := fmt.Sprintf("ringback-r%d", id)
	return w.dials.add(channel, channel, PBX, "trunk", "reminder", number(contact), "", "", 0, 0, id, due, due+9000, due+60_000, "answered")
}
