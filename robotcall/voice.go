package robotcall

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringback/ari"
	"ringback/leads/db"
	"ringback/leads/dials"
)

// Voice is an answered call whose far end hears what we play. One goroutine
// uses it.
type Voice struct {
	// Pass is of the leg that was answered.
	Pass Pass

	dialer   *Dialer
	leg      *leg
	language string
	played   int
	early    []string // keys pressed while nobody asked
}

// ErrHungUp says that the far end has hung up, or the call was lost.
var ErrHungUp = errors.New("robotcall: hung up")

// ErrNotPlayed says that the PBX could not play what it was given: the far end
// has heard nothing, or not all.
var ErrNotPlayed = errors.New("robotcall: the PBX could not play it")

// playbackMark stands in the id of a playback between its channel's and its own
// number.
const playbackMark = ".play"

// keyPause is how long a key is waited for after the last word.
const keyPause = 5 * time.Second

// Ask plays media, one after the other, and returns the first key that is
// pressed, at once: also one that was pressed before anything was heard. It is
// empty when none was pressed until some seconds after the last word, and with
// ErrNotPlayed where there was no word.
func (v *Voice) Ask(ctx context.Context, media ...string) (string, error) {
	if k := v.take(); k != "" {
		return k, nil
	}
	played := v.play(ctx, media, false)
	if played != nil && !errors.Is(played, ErrNotPlayed) {
		return "", played
	}
	if k := v.take(); k != "" {
		return k, nil
	}
	pause, cancel := context.WithTimeoutCause(ctx, keyPause, errSilence)
	defer cancel()
	for {
		n, err := v.leg.next(pause)
		switch {
		case errors.Is(err, errSilence):
			return "", played
		case err != nil:
			return "", err
		case v.over(n):
			return "", ErrHungUp
		case n.kind == key:
			return n.text, nil
		}
	}
}

var errSilence = errors.New("no key was pressed")

// Say plays media to their end, or until a key is pressed, which the next Ask
// returns.
func (v *Voice) Say(ctx context.Context, media ...string) error {
	if len(v.early) > 0 {
		return nil
	}
	return heard(v.play(ctx, media, false))
}

// Tell plays media to their end, whatever is pressed: nothing of it can be
// answered, and what was pressed meanwhile is no answer to what comes next.
func (v *Voice) Tell(ctx context.Context, media ...string) error {
	err := heard(v.play(ctx, media, true))
	v.early = nil
	v.leg.forget(key)
	return err
}

// heard passes over words that could not be played: the call goes on.
func heard(err error) error {
	if errors.Is(err, ErrNotPlayed) {
		return nil
	}
	return err
}

func (v *Voice) take() string {
	if len(v.early) == 0 {
		return ""
	}
	k := v.early[0]
	v.early = nil
	return k
}

// play plays until the end, or, unless it is deaf, until a key, which is kept.
func (v *Voice) play(ctx context.Context, media []string, deaf bool) error {
	media, err := Compose(v.language, media, Booked{}, time.Now())
	if err != nil || len(media) == 0 {
		return err
	}
	v.played++
	id := v.playback(v.played)
	if err = v.leg.exchange.PBX.Play(ctx, v.leg.id, id, v.language, media...); err != nil {
		if v.endsSoon(ctx) != 0 {
			return ErrHungUp
		}
		return fmt.Errorf("robotcall: play: %w", err)
	}
	for {
		n, err := v.leg.next(ctx)
		switch {
		case err != nil:
			return err
		case v.over(n):
			return ErrHungUp
		case n.kind == key && !deaf:
			v.early = append(v.early, n.text)
			v.hush(ctx, id)
			return nil
		case n.kind == resumed: // whether it has ended meanwhile was not heard
			v.hush(ctx, id)
			return nil
		case n.kind == playbackOver && n.text == id && n.failed:
			if v.endsSoon(ctx) != 0 { // nothing can be played to who has just hung up
				return ErrHungUp
			}
			v.dialer.log.Warn("the PBX could not play a recording", "pbx", v.leg.exchange.Name, "media", withoutDigits(media))
			return ErrNotPlayed
		case n.kind == playbackOver && n.text == id:
			return nil
		}
	}
}

// withoutDigits is media for the log, but for which digits they hold: they say a
// client's number.
func withoutDigits(media []string) string {
	names := make([]string, len(media))
	for i, uri := range media {
		if names[i] = uri; strings.HasPrefix(uri, digitSounds) {
			names[i] = digitSounds + "…"
		}
	}
	return strings.Join(slices.Compact(names), ",")
}

// playback is the id of the n-th playback. They take turns in a few, so that the
// next life of the daemon knows that of the one that still plays.
func (v *Voice) playback(n int) string {
	return fmt.Sprintf("%s%s%d", v.leg.id, playbackMark, n%playbackIDs)
}

const playbackIDs = 4

// hushFormer stops what a former life still plays: Asterisk would let all that
// is asked of the channel wait for its end.
func (v *Voice) hushFormer(ctx context.Context) {
	for n := range playbackIDs {
		v.hush(ctx, v.playback(n))
	}
}

func (v *Voice) hush(ctx context.Context, playback string) {
	if err := v.leg.exchange.PBX.StopPlayback(ctx, playback); err != nil {
		v.dialer.log.Warn("a playback could not be stopped", "pbx", v.leg.exchange.Name, "err", err)
	}
}

func (v *Voice) over(n notice) bool {
	return n.ends() || n.kind == leftScript
}

// endsSoon waits a moment for the end that a failed request, or playback, hints
// at, and says which it was; 0: none came. What is pressed meanwhile is kept.
func (v *Voice) endsSoon(ctx context.Context) noticeKind {
	soon, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for {
		n, err := v.leg.next(soon)
		switch {
		case err != nil:
			return 0
		case v.over(n):
			return n.kind
		case n.kind == key:
			v.early = append(v.early, n.text)
		}
	}
}

// Hangup ends the call and its row.
func (v *Voice) Hangup(ctx context.Context, detail string) error {
	v.dialer.drop(ctx, v.leg)
	return v.end(ctx, detail)
}

func (v *Voice) end(ctx context.Context, detail string) error {
	return v.dialer.db.Do(context.WithoutCancel(ctx), func(tx *db.Tx) error {
		return dials.End(tx, v.leg.id, dials.Answered, detail)
	})
}

// Connect hands the call to the PBX's outbound context, where its dialplan dials
// extension: outbound routes, recording and hangup are the PBX's from then on, and
// the call outlives the daemon. callerID is the number that the far end is shown;
// empty: what the PBX makes of it. fell, which may be nil, is told when the call
// has ended and the PBX has not reached the extension: it had no way, or dialed
// nobody.
func (v *Voice) Connect(ctx context.Context, p Pass, extension, callerID string, fell func(tx *db.Tx) error) error {
	pbx := v.leg.exchange.PBX
	variables := [][2]string{{"TIMEOUT(absolute)", strconv.Itoa(seconds(longestTalk))}}
	if !v.Pass.dial.Kind.ToHouse() {
		variables = append(variables, asOutsider...)
	}
	if callerID != "" {
		variables = append(variables, [2]string{"CALLERID(num)", callerID}, [2]string{"CALLERID(name)", callerID})
	}
	for _, set := range variables {
		if err := pbx.SetVariable(ctx, v.leg.id, set[0], set[1]); err != nil {
			return v.notConnected(ctx, p, err)
		}
	}
	err := pbx.Continue(ctx, v.leg.id, v.leg.exchange.Connect.Context, extension)
	if err != nil && v.endsSoon(ctx) != leftScript {
		return v.notConnected(ctx, p, err)
	}
	v.dialer.release(v.leg, p, fell)
	return nil
}

// asOutsider keeps a client whose channel goes into the dialplan of the house from
// dialing through it with the keys by which callers there transfer (option T of
// Dial): their transfers go to a context that there is none of, and FreePBX takes the
// option from whoever comes in. Only the second is inherited: the first would take
// the transfers of the manager who is dialed, those of their phone too.
var asOutsider = [][2]string{{"TRANSFER_CONTEXT", "ringback-no-transfer"}, {"__DIRECTION", "INBOUND"}}

// notConnected ends the row of a connection that did not come about. Where the
// far end has just hung up, that is why.
func (v *Voice) notConnected(ctx context.Context, p Pass, why error) error {
	v.dialer.endRow(ctx, p.dial.Channel, dials.Stopped, why.Error())
	if ari.HTTPStatus(why) == http.StatusNotFound {
		return ErrHungUp
	}
	return fmt.Errorf("robotcall: connect: %w", why)
}

// spelled is how the dialplan that calls go out by dials a number; empty when it
// does not.
func (v *Voice) spelled(ctx context.Context, e164 string) (string, error) {
	x := v.leg.exchange
	if x.Connect.Context == "" || e164 != "+"+onlyDigits(e164) { // what was received as something else is not for the dialplan
		return "", nil
	}
	for _, spelling := range x.ways(e164) {
		if known, err := v.dials(ctx, spelling); err != nil || known {
			return spelling, err
		}
	}
	return "", nil
}
