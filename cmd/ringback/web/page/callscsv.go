package page

import (
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"ringback/ari/call"
	"ringback/leads/alert"
	"ringback/leads/view"
)

// callColumns are the columns of the table of calls, by their ids in the catalog.
var callColumns = []string{"started", "direction", "number", "name", "line", "pool", "person", "verdict", "reason", "why", "wait", "talk", "rang", "answered_by", "explanation"}

// perPiece is for how long a receiver may take one piece of a table: a whole one
// may be long, and whoever takes nothing any more is let go.
const perPiece = 20 * time.Second

// callsCSV sends all calls that the filters let through as a table, piece by
// piece: however many there are, only one piece is in memory.
func (s *Site) callsCSV(w http.ResponseWriter, r *http.Request) {
	t := s.teller(r)
	f, by := t.callFilters(r.URL.Query())
	if f.Wrong {
		http.Redirect(w, r, with("/calls", r.URL.Query(), "", ""), http.StatusSeeOther) // which says what is wrong
		return
	}
	p := view.Page{Limit: view.MaxLimit}
	found, err := s.view.Calls(r.Context(), t.visitor.Sight, by, p)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	out := t.table(w, "calls", callColumns)
	control := http.NewResponseController(w)
	for {
		for i := range found.Items {
			out.row(t.callCells(&found.Items[i]))
		}
		if out.flush(); found.Next == "" {
			return
		}
		_ = control.SetWriteDeadline(time.Now().Add(perPiece)) // a writer without one is a test's
		p.Cursor = found.Next
		if found, err = s.view.Calls(r.Context(), t.visitor.Sight, by, p); err != nil {
			s.cfg.Door.Torn(r, err)
		}
	}
}

func (t *teller) callCells(c *view.Call) []string {
	number, name := c.Caller, c.ContactName
	if c.Direction != call.Inbound {
		number = c.Dialed
	}
	if name == number {
		name = ""
	}
	why := ""
	if c.Reason != "" {
		why = t.why(string(c.Reason))
	}
	verdict := string(c.Verdict)
	if c.Running() {
		verdict, why = "running", ""
	}
	if verdict != "" {
		verdict = t.say("verdict." + verdict)
	}
	return []string{c.Started.In(t.zone).Format(time.DateTime), t.say("verdict." + string(c.Direction)), number, name, c.Line, c.Pool, t.person(c.Manager), verdict,
		string(c.Reason), why, fmt.Sprint(c.WaitS), fmt.Sprint(c.TalkS), strings.Join(c.Rang, " "), c.AnsweredBy, c.Explanation}
}

// table is a file for spreadsheets that is being sent.
type table struct{ *csv.Writer }

// table begins one, with what its columns are called; it names the file.
func (t *teller) table(w http.ResponseWriter, name string, columns []string) table {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.csv"`)
	_, _ = io.WriteString(w, "\ufeff") // spreadsheets know UTF-8 by it
	out := table{csv.NewWriter(w)}
	heads := make([]string, len(columns))
	for i, c := range columns {
		heads[i] = t.words.Say("lists.column." + c)
	}
	out.row(heads)
	return out
}

func (t table) row(cells []string) {
	safe := make([]string, len(cells))
	for i, c := range cells {
		safe[i] = cell(c)
	}
	_ = t.Write(safe) // whoever no longer reads is nobody's fault
}

func (t table) flush() { t.Flush() }

// plainNumber matches a telephone number as we write it: spreadsheets take it for
// a number and programs for what it is.
var plainNumber = regexp.MustCompile(`^\+[0-9]+$`)

// cell is a text that no spreadsheet takes for a formula: what would begin one,
// also in the wide forms of eastern keyboards, gets an apostrophe, which they show
// as text.
func cell(text string) string {
	text = alert.Line(text, 1000)
	if first, _ := utf8.DecodeRuneInString(text); strings.ContainsRune("=+-@＝＋－＠", first) && !plainNumber.MatchString(text) {
		return "'" + text
	}
	return text
}
