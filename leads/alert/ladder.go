package alert

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/leads/text"
	"ringback/leads/told"
	"ringback/routing"
)

// Mode says whether people are told.
type Mode string

const (
	Observe Mode = "observe" // the timeline says who would have been told
	Act     Mode = "act"
)

// Named is a channel as the configuration names it.
type Named struct {
	Name    string
	Channel Channel
	// Crash says what it means that the daemon died while sending: Repeat where
	// the receiver removes doubles by Message.ID.
	Crash jobs.Crash
	// Timeout bounds one Send; 0: 15 seconds.
	Timeout time.Duration
	// Reaches says whether the channel knows how to reach a person; nil: everybody.
	Reaches func(*routing.Manager) bool
	// Program says that a program is told, and no person: it gets nobody's own link.
	Program bool
	// Once says that what cannot be handed over now is not tried again later.
	Once bool
}

// Config says whom a Ladder serves and how.
type Config struct {
	Office   *leads.Office
	Book     *leads.Book
	Channels []Named
	Mode     Mode
	// PublicURL is where people reach the daemon's pages; links begin with it.
	PublicURL string
	// Link is the path of a person's own link to a lead, by which they see it
	// without a password; nil: they need one.
	Link func(login string, lead int64, now time.Time) string
	// Speaks is in which language a person is spoken to; nil: in Language. It is
	// asked inside a transaction and must neither block nor ask the database.
	Speaks   func(login string) text.Language
	Language text.Language
	// Calls says that somebody does jobs of leads.KindCall: where not, a rung
	// that would ring a manager says so and is passed over.
	Calls bool
	// Busy says whether a manager is on the phone just now; nil: never. It is
	// asked inside a transaction and must neither block nor ask the database.
	Busy func(login string) bool
	// Told knows how people want to be told; nil: nobody has chosen.
	Told *told.Desk
	// Templates are an administrator's own texts; nil: there are none.
	Templates *Templates
	// Zone is the zone of times in texts; nil: UTC.
	Zone    *time.Location
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// Ladder climbs the rungs that leads have booked.
type Ladder struct {
	cfg  Config
	sent *prometheus.CounterVec
	lost *prometheus.CounterVec
	late *prometheus.HistogramVec
}

// New makes a Ladder. Its Works do nothing until a jobs.Runner has them.
func New(c Config) *Ladder {
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Told == nil && c.Office != nil {
		c.Told = told.New(told.Config{Directory: c.Office.Directory, Zone: c.Zone, Language: c.Language})
	}
	if c.Busy == nil {
		c.Busy = func(string) bool { return false }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	l := &Ladder{cfg: c,
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ringback_alerts_total",
			Help: "Alerts handed to a channel, by what became of them."}, []string{"channel", "outcome"}),
		lost: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ringback_alerts_undelivered_total",
			Help: "Times that the last rung of a ladder, a list of leads or a notice of a reminder reached nobody by any channel, by the channels that were tried."}, []string{"channel"}),
		late: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "ringback_alert_handover_seconds",
			Help:    "From when an alert was due to when it was first handed to its channel; a first rung without delay is due when its lead is written.",
			Buckets: leads.Latencies}, []string{"channel"})}
	for _, ch := range c.Channels {
		l.late.WithLabelValues(ch.Name)
		l.lost.WithLabelValues(ch.Name)
		for _, o := range Outcomes {
			l.sent.WithLabelValues(ch.Name, string(o))
		}
	}
	if c.Metrics != nil {
		c.Metrics.MustRegister(l.sent, l.lost, l.late)
	}
	return l
}

// Works are the kinds of job that a Ladder does.
func (l *Ladder) Works() []jobs.Work {
	works := []jobs.Work{
		{Kind: leads.KindRung, InTx: l.rung, AtOnce: true},
		{Kind: leads.KindAgain, InTx: l.rangAgain},
		{Kind: leads.KindHanded, InTx: l.handed},
		{Kind: leads.KindDigest, InTx: l.digest},
		{Kind: leads.KindAbsent, InTx: l.absent},
		{Kind: KindHeld, Dated: true, InTx: l.release},
		l.strays(),
	}
	for _, ch := range l.cfg.Channels {
		works = append(works, l.notify(ch))
	}
	return works
}

// rung climbs one rung: it reads the lead again, does what the rung says, and
// books the next.
func (l *Ladder) rung(tx *db.Tx, j jobs.Job) error {
	var due leads.RungDue
	if err := json.Unmarshal(j.Payload, &due); err != nil {
		return fmt.Errorf("alert: rung: %w", err)
	}
	lead, pool, err := l.standing(tx, j.Lead, due.Ladder)
	if err != nil || lead == nil || len(pool.Ladder.Rungs) == 0 {
		return err
	}
	heir := ""
	if pool.Ladder.At(due.Rung).Tell == routing.TellNextManager {
		if heir, err = l.cfg.Book.Heir(tx, lead); err != nil {
			return err
		}
	}
	later, err := l.putOff(tx, j, lead, pool, &due, heir)
	if err != nil {
		return err
	}
	if !later.IsZero() {
		return leads.BookRung(tx, lead, due, later, leads.After(j))
	}
	var next time.Time
	if !pool.Ladder.Ends(due.Rung) {
		next = tx.Now().Add(pool.Ladder.At(due.Rung+1).After - pool.Ladder.At(due.Rung).After)
	}
	// Noted first: who gets the lead by its very first rung is to hear of it.
	if err := leads.Climbed(tx, lead, due, next); err != nil {
		return err
	}
	return l.carryOut(tx, j, lead, pool, due, heir)
}

// carryOut does what a rung says.
func (l *Ladder) carryOut(tx *db.Tx, j jobs.Job, lead *leads.Lead, pool *routing.Pool, due leads.RungDue, heir string) error {
	switch pool.Ladder.At(due.Rung).Tell {
	case routing.TellCall:
		return l.call(tx, j, lead, pool, due)
	case routing.TellNextManager:
		if heir == "" && due.Round > 0 { // who has it was not reached, and there is nobody else
			return l.tellRung(tx, j, lead, pool, due, lead.Manager, NewLead)
		}
		return l.cfg.Book.Bequeath(tx, lead, heir, leads.ByLadder)
	case routing.TellSupervisor:
		return l.tellRung(tx, j, lead, pool, due, pool.Supervisor, Overdue)
	}
	return l.tellRung(tx, j, lead, pool, due, lead.Manager, NewLead)
}

// tellRung sends the message of a rung.
func (l *Ladder) tellRung(tx *db.Tx, j jobs.Job, lead *leads.Lead, pool *routing.Pool, due leads.RungDue, to string, why Why) error {
	m, err := l.message(tx, lead, to, why, due)
	if err != nil {
		return err
	}
	m.Due, m.Round, m.Last = j.Due, due.Round, pool.Ladder.Ends(due.Rung)
	return l.tell(tx, m, fmt.Sprintf("notify:%d:%d:%d", lead.ID, due.Ladder, due.Rung))
}

// standing reads the lead of a job; nil when it is settled, or climbs another
// ladder by now.
func (l *Ladder) standing(tx *db.Tx, id int64, ladder int) (*leads.Lead, *routing.Pool, error) {
	lead, err := leads.Find(tx, id)
	if err != nil || lead == nil || !lead.Closed.IsZero() || lead.Ladder != ladder {
		return nil, nil, err
	}
	pool := l.cfg.Office.Directory.Pool(lead.Pool)
	if pool == nil {
		return nil, nil, fmt.Errorf("alert: lead %d: no pool %q", id, lead.Pool)
	}
	return lead, pool, nil
}

// rangAgain tells the manager that the contact has rung again.
func (l *Ladder) rangAgain(tx *db.Tx, j jobs.Job) error {
	var due leads.RungDue
	if err := json.Unmarshal(j.Payload, &due); err != nil {
		return fmt.Errorf("alert: rang again: %w", err)
	}
	lead, _, err := l.standing(tx, j.Lead, due.Ladder)
	if err != nil || lead == nil {
		return err
	}
	busy, err := l.onThePhone(tx, lead, lead.Manager, &due.Waited)
	if err != nil {
		return err
	}
	if busy {
		return againLater(tx, lead, j, due)
	}
	m, err := l.message(tx, lead, lead.Manager, RangAgain, leads.RungDue{Ladder: lead.Ladder, Rung: lead.Rung - 1})
	if err != nil {
		return err
	}
	m.Due = j.Due
	return l.tell(tx, m, "notify:"+j.Key)
}

// againLater puts "rang again" off; the key is as unique as the job that is put off.
func againLater(tx *db.Tx, lead *leads.Lead, j jobs.Job, due leads.RungDue) error {
	text, err := json.Marshal(due)
	if err != nil {
		return fmt.Errorf("alert: rang again: %w", err)
	}
	return jobs.Enqueue(tx, jobs.Job{Kind: leads.KindAgain, Lead: lead.ID, Due: tx.Now().Add(busyPause), Payload: text,
		Key: fmt.Sprintf("again:%d:%s", lead.ID, leads.After(j))})
}

// message says what there is to say of a lead to one person.
func (l *Ladder) message(tx *db.Tx, lead *leads.Lead, to string, why Why, due leads.RungDue) (Message, error) {
	m := Message{Why: why, At: tx.Now(), Lead: lead.ID, Opened: lead.Opened, Contact: lead.Contact.Int64, Line: lead.Line, Pool: lead.Pool,
		Manager: lead.Manager, Missed: lead.Missed, LastMissed: lead.LastMissed, Ladder: due.Ladder, Rung: due.Rung,
		FoundLate: (why == NewLead || why == Handed) && lead.Late != leads.InTime}
	l.address(&m, to)
	if lead.Contact.Valid {
		w, err := leads.WhoRang(tx, lead)
		if err != nil {
			return m, err
		}
		m.Name, m.Number, m.NeedsDetails = Clean(w.Name), Clean(w.Number), !w.Named
	}
	return m, nil
}

// address says to whom the message goes.
func (l *Ladder) address(m *Message, to string) {
	m.To, m.Devices, m.Email, m.Mobile, m.Language = to, nil, "", "", l.cfg.Language
	if person := l.cfg.Office.Directory.Manager(to); person != nil {
		m.Devices, m.Email, m.Mobile = person.Devices, person.Email, person.Mobile
	}
	if l.cfg.Speaks != nil {
		m.Language = l.cfg.Speaks(to)
	}
}

// channelsOf are the channels by which a person is told: those that they have
// chosen, and of these the ones that reach them. Where none does, all try, and
// fail where everybody sees it.
func (l *Ladder) channelsOf(login string) []Named {
	person := l.cfg.Office.Directory.Manager(login)
	if person == nil {
		return nil
	}
	list := l.cfg.Channels
	if len(person.Channels) > 0 {
		list = nil
		for _, name := range person.Channels {
			for _, ch := range l.cfg.Channels {
				if ch.Name == name {
					list = append(list, ch)
				}
			}
		}
	}
	reaching := slices.DeleteFunc(slices.Clone(list), func(ch Named) bool { return ch.Reaches != nil && !ch.Reaches(person) })
	if len(reaching) == 0 {
		return list
	}
	return reaching
}

// promise says a message in the words of its person, and books its sending.
func (l *Ladder) promise(tx *db.Tx, ch Named, m Message, key string) error {
	l.write(ch, &m, tx.Now())
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("alert: message %s: %w", m.ID, err)
	}
	return jobs.Enqueue(tx, jobs.Job{Kind: kindOf(ch.Name), Lane: ch.Name, Key: key, Lead: m.Lead, Payload: text,
		Expires: tx.Now().Add(giveUpAfter)})
}

func kindOf(channel string) string { return "notify:" + channel }
