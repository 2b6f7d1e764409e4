package page

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringback/leads/text"
	"ringback/leads/view"
)

// reportDays are the lengths of a report, today included.
var reportDays = []int{1, 7, 30}

type reportPage struct {
	head
	Days    []option // their addresses as values
	Length  int      // the one that is chosen; 0: what was asked for is none
	Filters filters
	Table   string // address of the same as a file
	Own     bool   // it is of the reader's own calls
	Key     []keyFigure
	Charts  []chart
	Reasons []reasonRow
	Groups  []groupTable
	Terms   []string // what is defined, by the ends of ids in the catalog
}

// keyFigure is one of the large numbers; Term is what is defined of it.
type keyFigure struct{ Term, Value, Beside string }

type reasonRow struct {
	Why   string
	Calls int
	Share string
	// Width is that of its bar, in hundredths of the longest.
	Width int
}

// groupTable is a table by pool, line or person.
type groupTable struct {
	Title string // an id of the catalog
	Rows  []groupRow
}

type groupRow struct {
	Name                                              string
	Inbound, Answered, Missed, Leads, Called, Reached int
	Rate, BeyondShort, ToTry, ToReach                 string
}

// terms are what the report defines, in its order.
var terms = []string{"inbound", "answered", "missed", "rate", "short", "ignored", "owed", "tried", "called_back", "reached", "to_try", "to_reach", "median", "person", "day"}

// report shows what became of calls.
func (s *Site) report(w http.ResponseWriter, r *http.Request) {
	t := s.teller(r)
	f, asked := t.reportAsked(r.URL.Query())
	page := reportPage{head: s.head(t, t.say("nav.report")), Filters: f, Own: !t.visitor.Leads(), Terms: terms, Length: asked.Days,
		Table: with("/report.csv", r.URL.Query(), "", ""), Days: t.reportTabs(r.URL.Query(), asked.Days)}
	if f.Wrong {
		s.show(w, r, http.StatusUnprocessableEntity, "report.html", page)
		return
	}
	report, err := s.clerk.Report(r.Context(), asked, t.now)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	page.Key, page.Charts, page.Reasons = t.keyFigures(&report.Total), t.charts(report), t.reasonRows(&report.Total)
	for _, g := range []struct {
		title string
		list  []view.Group
		say   func(string) string
	}{{"report.by_pool", report.Pools, itself}, {"report.by_line", report.Lines, itself}, {"report.by_person", report.People, t.person}} {
		if len(g.list) > 0 {
			page.Groups = append(page.Groups, groupTable{g.title, t.groupRows(g.list, g.say)})
		}
	}
	s.show(w, r, http.StatusOK, "report.html", page)
}

// reportAsked reads what a report is to be about.
func (t *teller) reportAsked(asked url.Values) (filters, view.ReportAsked) {
	f := filters{t: t, asked: asked}
	by := view.ReportAsked{Sight: t.visitor.Sight, Days: 1}
	if typed := asked.Get("days"); typed != "" {
		n, err := strconv.Atoi(typed)
		if by.Days = n; err != nil || !slices.Contains(reportDays, n) {
			by.Days, f.Wrong = 0, true
		}
	}
	by.Pool, by.Line, by.Person = f.choose("pool", t.pools(), itself), f.choose("line", t.lines(), itself), f.choose("person", t.people(), t.person)
	return f, by
}

// reportTabs are the lengths to choose from, with the same filters.
func (t *teller) reportTabs(asked url.Values, chosen int) (list []option) {
	for _, n := range reportDays {
		q := url.Values{}
		for name, values := range asked {
			q[name] = values
		}
		q.Set("days", strconv.Itoa(n))
		label := t.words.Say("report.today")
		if n > 1 {
			label = t.words.Say("report.days", "n", n)
		}
		list = append(list, option{with("/report", q, "", ""), label, n == chosen})
	}
	return list
}

func (t *teller) keyFigures(f *view.Figures) []keyFigure {
	say := t.words.Say
	return []keyFigure{
		{"inbound", strconv.Itoa(f.Inbound()), say("report.beside.answered", "count", f.Answered)},
		{"missed", strconv.Itoa(f.Missed), say("report.beside.rate", "rate", t.percent(f.MissedRate()), "beyond", t.percent(f.MissedRateBeyondShort()))},
		{"owed", strconv.Itoa(f.Leads), say("report.beside.open", "count", f.Open)},
		{"called_back", strconv.Itoa(f.CalledBack), say("report.beside.tried", "count", f.Tried)},
		{"reached", t.percent(f.ReachedRate()), say("report.beside.reached", "count", f.Reached, "of", f.Leads)},
		{"to_try", t.typical(f.ToTry()), t.mostly(f.ToTry())},
		{"to_reach", t.typical(f.ToReach()), t.mostly(f.ToReach())},
	}
}

// nothing stands where there is nothing to say a number of.
const nothing = "–"

func (t *teller) typical(s view.Spread) string {
	if s.Of == 0 {
		return nothing
	}
	return t.length(s.Median.Round(time.Second))
}

func (t *teller) mostly(s view.Spread) string {
	if s.Of == 0 {
		return ""
	}
	return t.words.Say("report.beside.p90", "d", t.length(s.P90.Round(time.Second)))
}

// percent says a share; the small ones with a tenth.
func (t *teller) percent(share float64) string {
	if share < 0 {
		return nothing
	}
	said := fmt.Sprintf("%.0f", 100*share)
	if share > 0 && share < .0995 {
		said = fmt.Sprintf("%.1f", 100*share)
	}
	if t.words.Language != text.English {
		return strings.Replace(said, ".", ",", 1) + "\u00a0%"
	}
	return said + "%"
}

func (t *teller) reasonRows(f *view.Figures) (list []reasonRow) {
	by := f.MissedBy()
	for _, c := range by {
		list = append(list, reasonRow{t.why(string(c.Reason)), c.Calls, t.percent(float64(c.Calls) / float64(f.Missed)), max(1, 100*c.Calls/by[0].Calls)})
	}
	return list
}

func (t *teller) groupRows(groups []view.Group, say func(string) string) (list []groupRow) {
	for i := range groups {
		g := &groups[i]
		name := say(g.Name)
		if g.Name == "" {
			name = t.words.Say("report.nobody")
		}
		list = append(list, groupRow{Name: name, Inbound: g.Inbound(), Answered: g.Answered, Missed: g.Missed, Leads: g.Leads, Called: g.CalledBack, Reached: g.Reached,
			Rate: t.percent(g.MissedRate()), BeyondShort: t.percent(g.MissedRateBeyondShort()), ToTry: t.typical(g.ToTry()), ToReach: t.typical(g.ToReach())})
	}
	return list
}
