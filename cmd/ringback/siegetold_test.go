package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"ringback/ari/softphone"
)

// earful is one message as somebody got it.
type earful struct {
	channel, to, number string
	why                 string // as alert.Why
	id                  string // of the message, where the receiver removes doubles by it
	marked              bool   // it says that it may have come before
	at                  time.Time
}

// rungOf is what nobody is told twice: one person, by one channel, of one lead on
// one rung of its ladder.
type rungOf struct{ channel, to, number, why string }

// ears are those of everybody who is told or rung: all managers' phones, their
// mailboxes and a CRM.
type ears struct {
	phone *softphone.Phone
	crm   *httptest.Server
	mail  *smtp.Server
	post  net.Listener

	mu    sync.Mutex
	heard []earful
	rings map[string][]time.Time // by the phone's name: when it was rung
}

// openEars starts the receivers. They close at the end of the test.
func (s *siege) openEars() *ears {
	s.Helper()
	e := &ears{rings: map[string][]time.Time{}}
	e.crm = httptest.NewServer(http.HandlerFunc(e.hook))
	s.Cleanup(e.crm.Close)
	var err error
	if e.post, err = net.Listen("tcp4", "127.0.0.1:0"); err != nil {
		s.Fatal(err)
	}
	e.mail = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &letter{ears: e}, nil }))
	e.mail.Domain, e.mail.ErrorLog = "mail.example.com", log.New(io.Discard, "", 0)
	var over sync.WaitGroup
	over.Go(func() { _ = e.mail.Serve(e.post) }) // ends when it is closed
	s.Cleanup(func() {
		_, _ = e.mail.Close(), e.post.Close() // the server may not know its listener yet
		over.Wait()
	})
	// One socket is all managers' phones: they are told apart by whom it is rung as.
	if e.phone, err = softphone.New(s.Context(), softphone.Options{Listen: freeUDP(s, "127.0.0.4")}); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		if err := e.phone.Close(); err != nil {
			s.Errorf("the managers' phones did not close well: %v", err)
		}
	})
	e.phone.Always(e.rung)
	over.Go(func() {
		for {
			m, err := e.phone.ExpectMessage(context.Background())
			if err != nil {
				return // it is closed
			}
			e.hear(earful{channel: "sip", to: m.To}, m.Body)
		}
	})
	return e
}

// rung notes a call of the robot; nobody picks up.
func (e *ears) rung(ctx context.Context, in *softphone.Incoming) {
	e.mu.Lock()
	e.rings[in.To] = append(e.rings[in.To], in.At)
	e.mu.Unlock()
	letsRing(ctx, in)
}

var aboutNumber = regexp.MustCompile(`\+79\d{9}`)

// hear notes a message of which there is a text alone.
func (e *ears) hear(m earful, text string) {
	m.number, m.why = aboutNumber.FindString(text), "new_lead"
	switch {
	case strings.Contains(text, "Not called back yet"):
		m.why = "overdue"
	case strings.Contains(text, "Rang again"):
		m.why = "rang_again"
	}
	m.marked = strings.Contains(text, "may have had this message before") || strings.Contains(text, "perhaps a repeat")
	e.note(m)
}

func (e *ears) note(m earful) {
	e.mu.Lock()
	defer e.mu.Unlock()
	m.at = time.Now()
	e.heard = append(e.heard, m)
}

// hook takes a webhook.
func (e *ears) hook(w http.ResponseWriter, r *http.Request) {
	var posted struct {
		Type string
		Data struct {
			To, Number string
			Double     bool
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(body, &posted) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	e.note(earful{"crm", posted.Data.To, posted.Data.Number, strings.TrimPrefix(posted.Type, "alert."), r.Header.Get("webhook-id"), posted.Data.Double, time.Time{}})
}

// letter is one conversation with the mail server.
type letter struct {
	ears *ears
	to   string
}

func (l *letter) Mail(string, *smtp.MailOptions) error { return nil }

func (l *letter) Rcpt(to string, _ *smtp.RcptOptions) error {
	l.to, _, _ = strings.Cut(to, "@")
	return nil
}

func (l *letter) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	l.ears.hear(earful{channel: "email", to: l.to}, string(text))
	return nil
}

func (l *letter) Reset() {}

func (l *letter) Logout() error { return nil }

// firstHeard is when somebody was told first of a number on a rung.
type firstHeard struct{ number, why string }

// tidings are what the receivers tell in sum.
type tidings struct {
	messages int            // that came, each webhook-id once
	again    int            // webhooks that came again, and were known by their id
	marked   int            // that said that they may have come before
	by       map[rungOf]int // those that did not
	first    map[firstHeard]time.Time
	rings    map[string][]time.Time // by phone
}

func (e *ears) count() tidings {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := tidings{by: map[rungOf]int{}, first: map[firstHeard]time.Time{}, rings: map[string][]time.Time{}}
	ids := map[string]bool{}
	for _, m := range e.heard {
		if m.id != "" && ids[m.id] {
			c.again++
			continue
		}
		ids[m.id] = true
		c.messages++
		if what := (firstHeard{m.number, m.why}); c.first[what].IsZero() {
			c.first[what] = m.at
		}
		if m.marked {
			c.marked++
			continue
		}
		c.by[rungOf{m.channel, m.to, m.number, m.why}]++
	}
	for phone, at := range e.rings {
		c.rings[phone] = append(c.rings[phone], at...)
	}
	return c
}

func (k rungOf) String() string {
	return fmt.Sprintf("%s about %s (%s) by %s", k.to, k.number, k.why, k.channel)
}

// mailPort is where the mail server takes mail.
func (e *ears) mailPort() string {
	_, port, _ := net.SplitHostPort(e.post.Addr().String())
	return port
}
