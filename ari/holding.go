package ari

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"
)

// Holding is what a PBX tells about who listens under our application's name.
type Holding uint8

const (
	// Free: nobody listens.
	Free Holding = iota
	// Held: somebody listens.
	Held
	// Untold: the PBX knows the name, which it may do though nobody listens.
	Untold
)

// Holding asks whether somebody listens under our application's name. Asking
// takes it from nobody.
//
// Asterisk 22.10.1 answers 200 to GET /applications/{app} while a client holds
// the name, and 404 as soon as that client has gone. 16.28.0 answers 404 until a
// client first comes with subscribeAll, and 200 for ever after, whoever listens
// (both measured): there the application keeps its subscriptions, and stays.
// That was mended together with the prerequisites of outbound websockets
// (asterisk pull request 1200), which are in 20.15, 21.10 and 22.5.
func (c *Client) Holding(ctx context.Context) (Holding, error) {
	_, err := c.do(ctx, http.MethodGet, "/applications/"+url.PathEscape(c.App()), nil)
	switch {
	case HTTPStatus(err) == http.StatusNotFound:
		return Free, nil
	case err != nil:
		return Untold, err
	}
	info, err := c.Info(ctx)
	switch {
	case err != nil:
		return Untold, err
	case forgetsNames(info.Version):
		return Held, nil
	}
	return Untold, nil
}

// releaseNumbers finds release and update in "22.10.1~dfsg", "GIT-22-1a2b3c4"
// or "certified/20.7-cert3".
var releaseNumbers = regexp.MustCompile(`^(?:GIT-|certified/)?([0-9]{1,4})(?:\.([0-9]{1,4}))?(?:[^0-9]|$)`)

// forgetsNames says whether an Asterisk of this version is known to forget an
// application whose client has gone.
func forgetsNames(version string) bool {
	parts := releaseNumbers.FindStringSubmatch(version)
	if parts == nil {
		return false
	}
	release, _ := strconv.Atoi(parts[1])
	update, _ := strconv.Atoi(parts[2]) // none: 0
	since, listed := map[int]int{20: 15, 21: 10, 22: 5}[release]
	return release > 22 || listed && update >= since
}

const (
	// asksAPause is how often the PBX is asked within a ReplacedPause.
	asksAPause = 10
	// longestAbsence bounds how long we stand back where the PBX does not tell.
	longestAbsence = 6 * time.Hour
)

// standBack waits after another client has taken our name in a session that
// lasted so long. It returns when we may come back, or ctx has ended.
func (s *Stream) standBack(ctx context.Context, lasted time.Duration) {
	if lasted >= 2*longestAbsence { // longer than another Ringback would have stood back
		s.absence = 0
	}
	s.absence = min(max(2*s.absence, s.opt.ReplacedPause), longestAbsence)
	began := time.Now()
	for asks := 1; sleep(ctx, s.opt.ReplacedPause/asksAPause); asks++ {
		holding, err := s.client.Holding(ctx)
		away := time.Since(began)
		switch {
		case ctx.Err() != nil, err == nil && holding == Free:
			return
		case err == nil && holding == Untold && away >= s.absence:
			s.log.Warn("taking the name of our ARI application back: the PBX does not tell whether another client holds it",
				"app", s.client.App(), "away", away)
			return
		}
		if asks%asksAPause == 0 {
			s.log.Error("this PBX is still NOT being watched: another client has our ARI application",
				"app", s.client.App(), "away", away, "err", err, "hint", Replaced.Hint())
		}
	}
}
