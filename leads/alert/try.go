package alert

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ringback/leads/text"
)

// Test is a message that somebody has asked for, to see whether it comes.
const Test Why = "test"

// ErrNoChannel is in the error of a test by a channel that is not configured.
var ErrNoChannel = errors.New("there is no such channel")

// Try sends a person a test by one channel at once, whatever the mode: no
// promise is made, and no timeline tells of it.
func (l *Ladder) Try(ctx context.Context, channel, login string, language text.Language) (Outcome, string, error) {
	for _, ch := range l.cfg.Channels {
		if ch.Name != channel {
			continue
		}
		now := time.Now()
		m := Message{Why: Test, At: now, Opened: now, ID: fmt.Sprintf("test:%d:%s", now.UnixMilli(), ch.Name)}
		l.address(&m, login)
		if language != "" {
			m.Language = language
		}
		m.Link = l.link(ch, &m, now)
		l.say(&m, now)
		timeout := ch.Timeout
		if timeout == 0 {
			timeout = usualTimeout
		}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		outcome, detail := ch.Channel.Send(ctx, m)
		l.sent.WithLabelValues(ch.Name, string(outcome)).Inc()
		return outcome, detail, nil
	}
	return "", "", fmt.Errorf("alert: %s: %w", channel, ErrNoChannel)
}
