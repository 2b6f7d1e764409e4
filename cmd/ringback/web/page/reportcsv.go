package page

import (
	"fmt"
	"net/http"
	"strconv"

	"ringback/leads/view"
)

// reportColumns are the columns of the report's table, by their ids in the catalog.
var reportColumns = []string{"part", "part_name", "inbound", "answered", "missed", "rate", "rate_beyond", "short", "ignored", "owed", "tried", "called_back", "got_through",
	"reached", "settled", "not_needed", "open", "try_median", "try_p90", "reach_median", "reach_p90"}

// reportCSV sends the report as a table: all, then each day, hour, reason, pool,
// line and person.
func (s *Site) reportCSV(w http.ResponseWriter, r *http.Request) {
	t := s.teller(r)
	f, asked := t.reportAsked(r.URL.Query())
	if f.Wrong {
		http.Redirect(w, r, with("/report", r.URL.Query(), "", ""), http.StatusSeeOther) // which says what is wrong
		return
	}
	report, err := s.clerk.Report(r.Context(), asked, t.now)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	out := t.table(w, "report", reportColumns)
	row := func(part, name string, f *view.Figures) {
		try, reach := f.ToTry(), f.ToReach()
		cells := []string{t.words.Say("report.part." + part), name}
		for _, n := range []int{f.Inbound(), f.Answered, f.Missed} {
			cells = append(cells, strconv.Itoa(n))
		}
		cells = append(cells, ratio(f.MissedRate()), ratio(f.MissedRateBeyondShort()))
		for _, n := range []int{f.Short(), f.Ignored, f.Leads, f.Tried, f.CalledBack, f.GotThrough, f.Reached, f.Settled, f.NotNeeded, f.Open} {
			cells = append(cells, strconv.Itoa(n))
		}
		for _, took := range []view.Spread{try, reach} {
			if took.Of == 0 {
				cells = append(cells, "", "")
				continue
			}
			cells = append(cells, fmt.Sprint(took.Median.Seconds()), fmt.Sprint(took.P90.Seconds()))
		}
		out.row(cells)
	}
	row("all", "", &report.Total)
	for i := range report.Days {
		row("day", report.Days[i].Name, &report.Days[i].Figures)
	}
	for h := range report.Hours {
		row("hour", fmt.Sprintf("%02d:00", h), &report.Hours[h])
	}
	for _, c := range report.Total.MissedBy() {
		row("reason", t.why(string(c.Reason)), &view.Figures{Missed: c.Calls})
	}
	for _, part := range []struct {
		name string
		list []view.Group
		say  func(string) string
	}{{"pool", report.Pools, itself}, {"line", report.Lines, itself}, {"person", report.People, t.person}} {
		for i := range part.list {
			row(part.name, part.say(part.list[i].Name), &part.list[i].Figures)
		}
	}
	out.flush()
}

// ratio is a share as spreadsheets read it; empty: there is none.
func ratio(share float64) string {
	if share < 0 {
		return ""
	}
	return fmt.Sprintf("%.4f", share)
}
