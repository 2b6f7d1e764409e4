package page

import (
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringback/ari"
	"ringback/cmd/ringback/web/health"
	"ringback/leads/alert"
	"ringback/leads/text"
	"ringback/leads/view"
)

// shownGaps is how many blind intervals the status shows.
const shownGaps = 30

type statusPage struct {
	head
	Problems []health.Problem
	Observe  bool
	PBXes    []pbxState
	Gaps     []gapRow
	Channels []workRow
	// Blocked says who lets the bot write nothing.
	Blocked []string
	Hooks   []hookRow
	Jobs    []workRow
	Facts   []fact
}

// pbxState is a PBX with what is known of its watching.
type pbxState struct {
	pbxRow
	Version   string // Asterisk's own; empty: not known yet
	Events    uint64
	LastEvent moment
	Ahead     string // of our clock; empty: by less than half a second
}

// workRow is work of one kind: a channel's, or other.
type workRow struct {
	Name                                      string
	Waiting, Late, Held, Done, Failed, Doubts int
	Next, LastDone, LastFailed                moment
	Error                                     string
	// State is good, bad or note: a class of the style sheet.
	State string
}

// hookRow is a program that is told of events, Trouble why it does not take them.
type hookRow struct {
	Name, Address, Trouble     string
	Waiting, GivenUp           int
	Oldest, Delivered, Refused moment
}

// fact is a line of what there is to know of the daemon itself.
type fact struct{ Label, Value string }

// status shows administrators how everything stands.
func (s *Site) status(w http.ResponseWriter, r *http.Request) {
	t := s.teller(r)
	work, err := s.view.Work(r.Context(), t.now)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	gaps, err := s.view.Gaps(r.Context(), shownGaps)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	page := statusPage{head: s.head(t, t.say("nav.status")), Observe: s.cfg.Mode == string(alert.Observe)}
	for _, p := range s.cfg.Health.Problems(r.Context()) {
		page.Problems = append(page.Problems, t.problem(p))
	}
	for _, pbx := range s.cfg.PBXes() {
		page.PBXes = append(page.PBXes, t.pbxState(pbx))
	}
	for _, g := range gaps {
		page.Gaps = append(page.Gaps, gapRow{PBX: g.PBX, Bad: g.Unconfirmed > 0, Since: t.moment(g.Since), Until: t.moment(g.Until), Text: t.gapText(g)})
	}
	for i := range work {
		row := t.workRow(&work[i])
		if name, is := work[i].Channel(); is {
			row.Name = name
			page.Channels = append(page.Channels, row)
			continue
		}
		page.Jobs = append(page.Jobs, row)
	}
	if page.Hooks, err = s.hooks(r, t); err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	page.Blocked = s.blocked(t)
	if page.Facts, err = s.facts(r, t); err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	page.Refresh = 30
	s.show(w, r, http.StatusOK, "status.html", page)
}

func (t *teller) pbxState(pbx ari.Status) pbxState {
	row := pbxState{pbxRow: t.pbxes([]ari.Status{pbx})[0], Version: alert.Clean(pbx.Version), Events: pbx.Events, LastEvent: t.moment(pbx.LastEvent)}
	if ahead := pbx.ClockOffset.Round(100 * time.Millisecond); ahead.Abs() >= time.Second/2 {
		row.Ahead = fmt.Sprintf("%+.1f s", ahead.Seconds())
	}
	return row
}

func (t *teller) workRow(w *view.Work) workRow {
	row := workRow{Name: t.known("job.", w.Kind), Waiting: w.Waiting, Late: w.Late, Held: w.Held, Done: w.Done, Failed: w.Failed, Doubts: w.Doubtful, Next: t.moment(w.Next),
		LastDone: t.moment(w.LastDone), LastFailed: t.moment(w.LastFailed), Error: t.workFault(w.Error), State: "good"}
	switch {
	case w.Late > 0 || w.LastFailed.After(w.LastDone):
		row.State = "bad"
	case w.Failed+w.Doubtful > 0:
		row.State = "note"
	case w.Done == 0:
		row.State = ""
	}
	if next := w.Next.Sub(t.now); next > 0 { // what is to come has no age
		row.Next.Ago = ""
	}
	return row
}

// hooks are how the programs do that are told of events.
func (s *Site) hooks(r *http.Request, t *teller) ([]hookRow, error) {
	if s.cfg.Feed == nil {
		return nil, nil
	}
	states, err := s.cfg.Feed.States(r.Context())
	if err != nil {
		return nil, err
	}
	var rows []hookRow
	for _, h := range states {
		row := hookRow{Name: h.Hook, Address: h.Address, Waiting: h.Waiting, GivenUp: h.GivenUp, Oldest: t.moment(h.Oldest), Delivered: t.moment(h.Delivered)}
		if h.Trouble != "" {
			row.Trouble, _ = t.fault(h.Trouble)
			row.Refused = t.moment(h.Troubled)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// blocked says who lets the bot write nothing, and since when.
func (s *Site) blocked(t *teller) []string {
	if s.cfg.Blocked == nil {
		return nil
	}
	all := s.cfg.Blocked()
	var list []string
	for _, login := range slices.Sorted(maps.Keys(all)) {
		list = append(list, t.words.Say("lists.status.blocked", "who", t.person(login), "when", t.moment(all[login]).Clock))
	}
	return list
}

// facts are what there is to know of the daemon and its database.
func (s *Site) facts(r *http.Request, t *teller) ([]fact, error) {
	engine, err := s.view.Engine(r.Context())
	if err != nil {
		return nil, err
	}
	space, err := s.cfg.DB.Space()
	if err != nil {
		return nil, err
	}
	say := t.words.Say
	return []fact{
		{say("lists.status.version"), "Ringback " + s.cfg.Version + " · " + runtime.Version() + " · " + engine},
		{say("lists.status.mode"), t.known("mode.", s.cfg.Mode)},
		{say("lists.status.zone"), zoneName(s.cfg.Zone, t.now)},
		{say("lists.status.database"), t.bytes(space.Size) + " + " + t.bytes(space.Log)},
		{say("lists.status.disk"), say("lists.status.free", "free", t.bytes(space.Free), "of", t.bytes(space.Disk))},
		{say("lists.status.backlog"), strconv.Itoa(s.cfg.Book.Waiting())},
	}, nil
}

// bytes says a size.
func (t *teller) bytes(n int64) string {
	size, unit := float64(n), 0
	units := []string{"B", "kB", "MB", "GB", "TB"}
	for size >= 1000 && unit < len(units)-1 {
		size, unit = size/1000, unit+1
	}
	said := fmt.Sprintf("%.1f", size)
	if size >= 100 || unit == 0 {
		said = fmt.Sprintf("%.0f", size)
	}
	if t.words.Language != text.English {
		said = strings.Replace(said, ".", ",", 1)
	}
	return said + "\u00a0" + units[unit]
}
