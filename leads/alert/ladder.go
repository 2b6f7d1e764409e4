package alert

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/jobs"
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
}

// Config says whom a Ladder serves and how.
type Config struct {
	Office   *leads.Office
	Channels []Named
	Mode     Mode
	// PublicURL is where people reach the daemon's pages; links begin with it.
	PublicURL string
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
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	l := &Ladder{cfg: c,
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ringback_alerts_total",
			Help: "Alerts handed to a channel, by what became of them."}, []string{"channel", "outcome"}),
		lost: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ringback_alerts_undelivered_total",
			Help: "Times that the last rung of a ladder reached nobody by any channel and was booked again, by the channels that were tried."}, []string{"channel"}),
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
		{Kind: leads.KindRung, InTx: l.rung},
		{Kind: leads.KindAgain, InTx: l.rangAgain},
		l.strays(),
	}
	for _, ch := range l.cfg.Channels {
		works = append(works, l.notify(ch))
	}
	return works
}

const (
	// busyPause is how long a rung waits for a contact who is on the phone,
	// before it looks again.
	busyPause = 15 * time.Second
	// maxWaits bounds how often in a row it does: 20 minutes in all. A number
	// that many people share may be on the phone all day, and the end of a call
	// may stay unseen while a PBX is away; a miss must not go unnoticed for
	// that.
	maxWaits = 80
)

// rung climbs one rung: it reads the lead again, tells whom the rung names, and
// books the next.
func (l *Ladder) rung(tx *db.Tx, j jobs.Job) error {
	var due climb
	if err := json.Unmarshal(j.Payload, &due); err != nil {
		return fmt.Errorf("alert: rung: %w", err)
	}
	lead, pool, err := l.standing(tx, j.Lead, due.Ladder)
	if err != nil || lead == nil || due.Rung >= len(pool.Ladder.Rungs) {
		return err
	}
	later, err := l.putOff(tx, lead, pool, due)
	if err != nil {
		return err
	}
	if !later.IsZero() {
		due.Waited++
		return due.book(tx, lead, later)
	}
	rungs := pool.Ladder.Rungs
	to, why := lead.Manager, NewLead
	if rungs[due.Rung].Tell == routing.TellSupervisor {
		to, why = pool.Supervisor, Overdue
	}
	m, err := l.message(tx, lead, to, why, due.RungDue)
	if err != nil {
		return err
	}
	m.Due, m.Round, m.Last = j.Due, due.Round, due.Rung+1 == len(rungs)
	if err := l.tell(tx, m, fmt.Sprintf("notify:%d:%d:%d", lead.ID, due.Ladder, due.Rung)); err != nil || m.Last {
		return err
	}
	next := tx.Now().Add(rungs[due.Rung+1].After - rungs[due.Rung].After)
	return leads.BookRung(tx, lead, leads.RungDue{Ladder: due.Ladder, Rung: due.Rung + 1}, next)
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

// putOff says until when a rung must wait: while the contact is on the phone,
// and, once the supervisor has been told or the ladder's end was reached,
// outside the pool's hours. Zero: it need not wait.
func (l *Ladder) putOff(tx *db.Tx, lead *leads.Lead, pool *routing.Pool, due climb) (time.Time, error) {
	busy, err := waits(tx, lead, due.RungDue)
	if err != nil {
		return time.Time{}, err
	}
	if busy {
		return tx.Now().Add(busyPause), nil
	}
	told := due.Round > 0
	for _, r := range pool.Ladder.Rungs[:due.Rung] {
		told = told || r.Tell == routing.TellSupervisor
	}
	if told && !pool.Hours.Open(tx.Now()) {
		return pool.Hours.NextOpening(tx.Now()), nil
	}
	return time.Time{}, nil
}

// waits says that nobody is told just now, because the contact is on the phone:
// that may settle the lead.
func waits(tx *db.Tx, lead *leads.Lead, due leads.RungDue) (bool, error) {
	if due.Waited%forwarded >= maxWaits {
		return false, nil
	}
	return leads.OnThePhone(tx, lead.Contact)
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
	busy, err := waits(tx, lead, due)
	if err != nil {
		return err
	}
	if busy {
		return againLater(tx, lead, j, due)
	}
	m, err := l.message(tx, lead, lead.Manager, RangAgain, due)
	if err != nil {
		return err
	}
	m.Due = j.Due
	return l.tell(tx, m, "notify:"+j.Key)
}

// againLater puts "rang again" off; the key is as unique as the job that is put off.
func againLater(tx *db.Tx, lead *leads.Lead, j jobs.Job, due leads.RungDue) error {
	due.Waited++
	text, err := json.Marshal(due)
	if err != nil {
		return fmt.Errorf("alert: rang again: %w", err)
	}
	return jobs.Enqueue(tx, jobs.Job{Kind: leads.KindAgain, Lead: lead.ID, Due: tx.Now().Add(busyPause), Payload: text,
		Key: fmt.Sprintf("again:%d:after:%d", lead.ID, j.ID)})
}

// message says what there is to say of a lead to one person.
func (l *Ladder) message(tx *db.Tx, lead *leads.Lead, to string, why Why, due leads.RungDue) (Message, error) {
	m := Message{Why: why, At: tx.Now(), To: to, Lead: lead.ID, Opened: lead.Opened, Contact: lead.Contact.Int64, Line: lead.Line, Pool: lead.Pool,
		Manager: lead.Manager, Missed: lead.Missed, LastMissed: lead.LastMissed, Ladder: due.Ladder, Rung: due.Rung,
		Link: fmt.Sprintf("%s/leads/%d", strings.TrimSuffix(l.cfg.PublicURL, "/"), lead.ID)}
	if person := l.cfg.Office.Directory.Manager(to); person != nil {
		m.Devices, m.Email = person.Devices, person.Email
	}
	if lead.Contact.Valid {
		m.Link = fmt.Sprintf("%s/contacts/%d", strings.TrimSuffix(l.cfg.PublicURL, "/"), lead.Contact.Int64)
		var named bool
		err := tx.QueryRow(`SELECT c.name, c.named, COALESCE(k.caller, '') FROM contacts c
			LEFT JOIN calls k ON k.id = (SELECT MAX(id) FROM calls WHERE lead = $1)
			WHERE c.id = $2`, lead.ID, lead.Contact.Int64).Scan(&m.Name, &named, &m.Number)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return m, fmt.Errorf("alert: contact %d: %w", lead.Contact.Int64, err)
		}
		m.Name, m.Number, m.NeedsDetails = Clean(m.Name), Clean(m.Number), !named
	}
	m.Text = m.text(tx.Now(), l.cfg.Zone)
	return m, nil
}

// channelsOf are the channels by which a person is told.
func (l *Ladder) channelsOf(login string) []Named {
	person := l.cfg.Office.Directory.Manager(login)
	if person == nil {
		return nil
	}
	if len(person.Channels) == 0 {
		return l.cfg.Channels
	}
	var list []Named
	for _, name := range person.Channels {
		for _, ch := range l.cfg.Channels {
			if ch.Name == name {
				list = append(list, ch)
			}
		}
	}
	return list
}

// tell promises the message by every channel of its person that it was not
// promised by before; in mode observe it only notes who would have been told.
// id is the message's, without the channel.
func (l *Ladder) tell(tx *db.Tx, m Message, id string) error {
	entry := leads.Entry{Lead: leads.Ref(m.Lead), Contact: leads.Ref(m.Contact), Who: m.To, Detail: string(m.Why)}
	channels := l.channelsOf(m.To)
	if len(channels) == 0 {
		entry.Kind = leads.EntryNobodyToTell
		return leads.Note(tx, entry)
	}
	for _, ch := range channels {
		if l.cfg.Mode != Act {
			entry.Kind, entry.Channel = leads.EntryAlertWould, ch.Name
			if err := leads.Note(tx, entry); err != nil {
				return err
			}
			continue
		}
		m.ID = id + ":" + ch.Name
		if err := l.promise(tx, ch, m, keys(id, m.Round)+ch.Name); err != nil {
			return err
		}
	}
	return nil
}

// promise books the sending of a message.
func (l *Ladder) promise(tx *db.Tx, ch Named, m Message, key string) error {
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("alert: message %s: %w", m.ID, err)
	}
	return jobs.Enqueue(tx, jobs.Job{Kind: kindOf(ch.Name), Lane: ch.Name, Key: key, Lead: m.Lead, Payload: text,
		Expires: tx.Now().Add(giveUpAfter)})
}

func kindOf(channel string) string { return "notify:" + channel }
