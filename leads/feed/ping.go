package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/hook"
)

// Test posts an event of the type ping to a hook, once, and gives the answer. The
// error says in plain words that it was not taken, and what to do.
func Test(ctx context.Context, h Hook) (hook.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	now := time.Now().UTC()
	ping := Event{ID: fmt.Sprintf("evt_ping_%d", now.UnixMilli()), Type: Ping, Timestamp: leads.Stamp{Time: now}, Data: Data{Detail: h.Name}}
	body, err := json.Marshal(ping)
	if err != nil {
		return hook.Answer{}, fmt.Errorf("feed: ping: %w", err)
	}
	answer := h.Receiver.Post(ctx, ping.ID, body)
	if !answer.Taken() {
		return answer, errors.New(h.why(answer))
	}
	return answer, nil
}

// why says what a receiver did, without what it sent.
func (h *Hook) why(a hook.Answer) string {
	switch {
	case a.Status == 0:
		return fmt.Sprintf("%s: %s", h.Receiver.Shown(), alert.Reason(a.Err))
	case a.Status == http.StatusGone:
		return fmt.Sprintf("%s answered 410: it wants no more events, and is left alone for an hour at a time; take the hook out of the configuration, or mend the receiver", h.Receiver.Shown())
	case a.Status >= 300 && a.Status <= 399:
		return fmt.Sprintf("%s answered %d: redirects are not followed, write the address that it leads to", h.Receiver.Shown(), a.Status)
	}
	return fmt.Sprintf("%s answered %d %s", h.Receiver.Shown(), a.Status, http.StatusText(a.Status))
}
