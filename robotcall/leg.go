package robotcall

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"ringback/ari"
)

// notice is what a leg's script learns of its channel.
type notice struct {
	kind     noticeKind
	text     string // key: the digit; playbackOver: its id; dialed: DIALSTATUS
	cause    int    // gone: Q.850
	sip      int    // gone: SIP status, where the PBX tells it
	failed   bool   // playbackOver: there was nothing to play
	byOthers bool   // dialed, gone: the leg that the dialplan dialed for ours
}

type noticeKind uint8

const (
	inScript     noticeKind = iota + 1 // the channel is answered and in our application
	leftScript                         // it went on into the dialplan
	key                                // the far end has pressed a key
	playbackOver                       // a playback has ended
	dialed                             // how far dialing has come
	dialStatus                         // the dialplan's DIALSTATUS: how its Dial ended
	gone                               // the channel was destroyed
	vanished                           // the channel was destroyed while nobody could see
	resumed                            // the PBX is watched again: what happened in between was not heard
)

// leg is one channel of ours. Whoever follows the PBX puts notices in and never
// waits; the leg's script takes them out in order.
type leg struct {
	id       string
	exchange *Exchange

	mu      sync.Mutex
	notices []notice
	over    bool // its end was heard
	wake    chan struct{}
}

func newLeg(id string, x *Exchange) *leg {
	return &leg{id: id, exchange: x, wake: make(chan struct{}, 1)}
}

func (l *leg) put(n notice) {
	l.mu.Lock()
	l.notices = append(l.notices, n)
	l.over = l.over || n.ends()
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// next waits for the next notice, until ctx ends.
func (l *leg) next(ctx context.Context) (notice, error) {
	n, err := l.take(ctx)
	if err == nil && n.kind == vanished && !l.isGone(ctx) {
		n.kind = resumed
	}
	return n, err
}

// isGone asks whether the channel is gone that a list did not hold: it may have
// been placed after the list was made.
func (l *leg) isGone(ctx context.Context) bool {
	_, err := l.exchange.PBX.Channel(ctx, l.id)
	return ari.HTTPStatus(err) == http.StatusNotFound
}

// forget drops the notices of these kinds that were not taken yet.
func (l *leg) forget(kinds ...noticeKind) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notices = slices.DeleteFunc(l.notices, func(n notice) bool { return slices.Contains(kinds, n.kind) })
}

// rest takes all the notices that wait.
func (l *leg) rest() []notice {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.notices
	l.notices = nil
	return all
}

// ends says that the notice is of the channel's end.
func (n notice) ends() bool { return n.kind == gone && !n.byOthers || n.kind == vanished }

func (l *leg) take(ctx context.Context) (notice, error) {
	for {
		l.mu.Lock()
		if len(l.notices) > 0 {
			n := l.notices[0]
			l.notices = l.notices[1:]
			l.mu.Unlock()
			return n, nil
		}
		l.mu.Unlock()
		select {
		case <-l.wake:
		case <-ctx.Done():
			return notice{}, context.Cause(ctx)
		}
	}
}
