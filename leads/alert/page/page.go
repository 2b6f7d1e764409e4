// Package page tells people on the pages that they have open. It promises that an
// alert counts as sent only when such a page says that it can be seen or heard.
package page

import (
	"context"
	"fmt"

	"ringback/leads/alert"
)

// Notice is what a page says aloud.
type Notice struct {
	Title, Body string
	Path        string // where it leads: a path of the daemon's own
	Tag         string // a notice with the same tag takes its place
}

// Tell hands a notice to the open pages of a person; false: none has said
// until ctx ended that it shows it.
type Tell func(ctx context.Context, login string, n Notice) bool

// Channel tells by open pages. A crash in mid-work does no harm: the notice has
// a tag.
type Channel struct{ tell Tell }

var _ alert.Channel = (*Channel)(nil)

// New makes a Channel.
func New(tell Tell) *Channel { return &Channel{tell} }

// Send is Sent when an open page of the person shows the message, and
// Unreachable otherwise: they look at none.
func (c *Channel) Send(ctx context.Context, m alert.Message) (alert.Outcome, string) {
	n := Notice{Title: m.Subject, Path: "/"}
	if m.Lead != 0 {
		n.Path, n.Tag = fmt.Sprintf("/leads/%d", m.Lead), fmt.Sprintf("lead-%d", m.Lead)
	}
	if m.Line != "" {
		n.Body = m.Line
	}
	if !c.tell(ctx, m.To, n) {
		return alert.Unreachable, fmt.Sprintf("%s has no page open that says alerts aloud", m.To)
	}
	return alert.Sent, ""
}
