package telegram

import (
	"context"
	"sync"
	"time"
)

// Telegram's limits (https://core.telegram.org/bots/faq): a message a second in a
// chat, thirty a second in all. A tenth more in a chat, because it counts when
// messages come, and the way there is not always as long.
const (
	chatGap = 1100 * time.Millisecond
	allGap  = time.Second / 30
)

// pace keeps to them.
type pace struct {
	mu   sync.Mutex
	chat map[int64]time.Time // when the next message may go there
	all  time.Time
}

// wait waits for the turn of a chat; false, with how long it would have taken:
// ctx ends before that.
func (p *pace) wait(ctx context.Context, chat int64) (time.Duration, bool) {
	turn, ok := p.take(ctx, chat)
	wait := time.Until(turn)
	if !ok || wait <= 0 {
		return wait, ok
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return 0, true
	case <-ctx.Done():
		return wait, false
	}
}

// take takes the next turn of a chat; false: it comes after the end of ctx, and
// is not taken.
func (p *pace) take(ctx context.Context, chat int64) (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	turn := time.Now()
	for id, free := range p.chat {
		if !free.After(turn) {
			delete(p.chat, id)
		}
	}
	if p.chat == nil {
		p.chat = map[int64]time.Time{}
	}
	if free := p.chat[chat]; free.After(turn) {
		turn = free
	}
	if p.all.After(turn) {
		turn = p.all
	}
	if end, ends := ctx.Deadline(); ends && turn.After(end) {
		return turn, false
	}
	p.chat[chat], p.all = turn.Add(chatGap), turn.Add(allGap)
	return turn, true
}

// arrived says that a message has gone to a chat just now, which may be later than
// its turn was.
func (p *pace) arrived(chat int64) { p.rest(chat, chatGap) }

// rest leaves a chat alone for as long as Telegram asks.
func (p *pace) rest(chat int64, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(min(max(d, chatGap), time.Hour)); until.After(p.chat[chat]) {
		p.chat[chat] = until
	}
}
