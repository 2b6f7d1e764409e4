package page

import (
	"context"
	"net/http"
	"time"

	"ringback/cmd/ringback/web/door"
	"ringback/leads/text"
	"ringback/leads/told"
)

// Introduction is how a person tells the company's bot who they are, once: by
// opening Link, or by sending it Code.
type Introduction struct{ Link, Code string }

// Introduce makes an Introduction for somebody.
type Introduce func(ctx context.Context, login string) (Introduction, error)

// introduce shows a person how to tell the bot who they are.
func (s *Site) introduce(w http.ResponseWriter, r *http.Request) {
	v := door.VisitorOf(r)
	if v.Login == "" || !s.cfg.Door.Posted(w, r) {
		return
	}
	if s.cfg.Introduce == nil {
		s.nothingHere(w, r)
		return
	}
	chosen, err := told.Read(r.Context(), s.cfg.DB.Reader(), v.Login)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	if !s.tries.may(v.Login, time.Now()) {
		s.showSettings(w, r, http.StatusTooManyRequests, chosen, settingsPage{Tested: text.In(v.Language).Say("settings.test.soon")})
		return
	}
	how, err := s.cfg.Introduce(r.Context(), v.Login)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	s.showSettings(w, r, http.StatusOK, chosen, settingsPage{Introduction: &how})
}
