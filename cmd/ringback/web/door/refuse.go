package door

import (
	"net/http"
	"strings"

	"ringback/leads/text"
)

// Refusal is why a request was not answered as it was asked.
type Refusal struct {
	Code int
	// Said says it in the language of whoever asks.
	Said string
	// Again says that what was posted, which has been read, may be sent once more:
	// nothing is wrong with it but that the page it stood on was too old.
	Again bool
}

// ShowRefusals has people told by a page why they were refused. Without it they
// are told by a line of text, as programs are.
func (d *Door) ShowRefusals(show func(http.ResponseWriter, *http.Request, Refusal)) { d.show = show }

// refuse says no for a reason of the catalog: to people by a page, and to programs
// in English, as a problem under /api/ and else as a line of text.
func (d *Door) refuse(w http.ResponseWriter, r *http.Request, code int, why string, pairs ...any) {
	d.tell(w, r, Refusal{Code: code}, why, pairs)
}

// tooOld says no to what came from a page that was open for too long.
func (d *Door) tooOld(w http.ResponseWriter, r *http.Request, code int, why string) {
	d.tell(w, r, Refusal{Code: code, Again: true}, why, nil)
}

func (d *Door) tell(w http.ResponseWriter, r *http.Request, no Refusal, why string, pairs []any) {
	english := text.In(text.English).Say(why, pairs...)
	switch {
	case strings.HasPrefix(r.URL.Path, "/api/"):
		Problem(w, no.Code, english)
	case d.show != nil && readsPages(r):
		no.Said = text.In(d.speaks(r)).Say(why, pairs...)
		d.show(w, r, no)
	default:
		http.Error(w, english, no.Code)
	}
}

// readsPages says whether an answer is for the eyes of a person: browsers say so
// of every page that they open, and programs do not.
func readsPages(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// speaks is the language of whoever asks.
func (d *Door) speaks(r *http.Request) text.Language {
	if v := VisitorOf(r); v != nil {
		return v.Language
	}
	return d.Language(r)
}
