package api

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ringback/cmd/ringback/web/door"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/dials"
	"ringback/leads/number"
	"ringback/leads/posted"
	"ringback/leads/view"
)

// consents answers GET /api/v1/consents: a page of the ledger, in the order in
// which it was written, or all of it as CSV for who accepts that alone.
func (s *API) consents(w http.ResponseWriter, r *http.Request) {
	if accept := r.Header.Get("Accept"); strings.HasPrefix(accept, typeCSV) {
		s.exportConsents(w, r)
		return
	}
	q := r.URL.Query()
	for name, values := range q {
		if name != "limit" && name != "cursor" || len(values) > 1 {
			door.Problem(w, http.StatusBadRequest, "This list has the parameters limit and cursor, each once.")
			return
		}
	}
	limit, place := view.DefaultLimit, int64(0)
	var err, bad error
	if q.Has("limit") {
		if limit, err = strconv.Atoi(q.Get("limit")); err != nil || limit < 1 || limit > view.MaxLimit {
			bad = view.ErrLimit
		}
	}
	if q.Get("cursor") != "" {
		if place, err = strconv.ParseInt(q.Get("cursor"), 10, 64); err != nil || place < 1 {
			bad = view.ErrCursor
		}
	}
	if bad != nil {
		door.Problem(w, http.StatusBadRequest, bad.Error()+".")
		return
	}
	words, next, err := s.view.Consents(r.Context(), place, limit)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	list := view.List[dials.Word]{Items: words}
	if next != 0 {
		list.Next = strconv.FormatInt(next, 10)
	}
	door.JSON(w, http.StatusOK, typeJSON, list)
}

// exportConsents sends the ledger as it is read: however long it is, a piece of it
// is in memory.
func (s *API) exportConsents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", typeCSV+"; charset=utf-8; header=present")
	w.Header().Set("Content-Disposition", `attachment; filename="consents.csv"`)
	if err := s.view.ExportConsents(r.Context(), w); err != nil {
		s.cfg.Door.Torn(r, err)
	}
}

// consent answers POST /api/v1/consents: one word in JSON, or a file of them.
func (s *API) consent(w http.ResponseWriter, r *http.Request) {
	kind, ok := bodyType(w, r, typeJSON, typeCSV)
	if !ok {
		return
	}
	var words []dials.Word
	if kind == typeCSV {
		words, ok = s.readConsents(w, r)
	} else {
		words, ok = s.readConsent(w, r)
	}
	if !ok {
		return
	}
	for i := range words {
		enteredBy(&words[i], program(r))
	}
	err := s.do(r, at("/api/v1/consents"), func(tx *db.Tx) error {
		if err := dials.Record(tx, words...); err != nil || kind == typeCSV { // a whole ledger is no news of anybody
			return err
		}
		said := leads.EntryRefused
		if words[0].Kind == dials.Agreed {
			said = leads.EntryAgreed
		}
		return leads.NoteConsent(tx, words[0].Number, said, cmp.Or(words[0].Who, program(r)), program(r))
	})
	if s.done(w, r, err) {
		door.JSON(w, http.StatusOK, typeJSON, struct {
			Taken int `json:"taken"`
		}{len(words)})
	}
}

// enteredBy has a word be the program's that enters it, whomever that names: no
// program writes in a person's name into what is a proof. The name is kept in the
// note.
func enteredBy(word *dials.Word, program string) {
	if word.Who != "" && word.Who != program {
		word.Note = strings.TrimSuffix(word.Who+": "+word.Note, ": ")
	}
	word.Who = program
}

func (s *API) readConsents(w http.ResponseWriter, r *http.Request) ([]dials.Word, bool) {
	text, ok := readBody(w, r, MaxCSV)
	if !ok {
		return nil, false
	}
	words, err := dials.ReadConsents(text, s.cfg.Plan, time.Now())
	return words, s.done(w, r, err)
}

func (s *API) readConsent(w http.ResponseWriter, r *http.Request) ([]dials.Word, bool) {
	var word dials.Word
	if !readJSON(w, r, &word) {
		return nil, false
	}
	var wrong posted.Problems
	n := s.cfg.Plan.Read(word.Number)
	if n.Kind != number.E164 {
		wrong = append(wrong, posted.Problem{Field: "number", Text: "is no valid telephone number: write it with its country code, as in +74951234567"})
	}
	if word.Kind != dials.Agreed && word.Kind != dials.Refused {
		wrong = append(wrong, posted.Problem{Field: "kind", Text: "is agreed or refused"})
	}
	now := time.Now()
	if word.At.IsZero() {
		word.At = now
	}
	if err := word.CheckTime(now); err != nil {
		wrong = append(wrong, posted.Problem{Field: "at", Text: err.Error()})
	}
	if len(wrong) > 0 {
		wrongs(w, wrong)
		return nil, false
	}
	word.Number = n.Value
	return []dials.Word{word}, true
}
