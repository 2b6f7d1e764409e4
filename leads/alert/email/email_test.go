package email

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"

	"ringback/leads/alert"
)

func TestMain(m *testing.M) {
	flag.Parse()
	goleak.VerifyTestMain(m)
}

var update = flag.Bool("update", false, "rewrite the golden mails of testdata")

var missed = alert.Message{
	ID: "notify:7:1:0:email", Opened: time.Date(2026, 3, 2, 9, 0, 0, 123e6, time.UTC), Why: alert.NewLead, At: time.Date(2026, 3, 2, 12, 0, 20, 5e6, time.FixedZone("MSK", 3*3600)),
	To: "anna", Email: "anna@example.com", Lead: 7, Contact: 3, Number: "+79161234567", Name: "+79161234567", NeedsDetails: true,
	Line: "sales", Pool: "default", Manager: "anna", Missed: 2,
	Text: "Missed call: +79161234567, line sales, 11:59, 2 missed calls.\nNew contact: please fill in the card.\nhttps://ring.example.com/contacts/3",
}

// channel is one to a server, as it is configured by default.
func (s *server) channel(t *testing.T, change func(c *Config)) *Channel {
	t.Helper()
	return channel(t, s.addr, func(c *Config) {
		c.Username, c.Password = user, password
		if change != nil {
			change(c)
		}
	}, s)
}

func channel(t *testing.T, addr *net.TCPAddr, change func(c *Config), s *server) *Channel {
	t.Helper()
	c := Config{Host: addr.IP.String(), Port: addr.Port, TLS: StartTLS, From: "Ringback <ringback@example.com>"}
	if change != nil {
		change(&c)
	}
	ch, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if s != nil {
		ch.roots = s.roots
	}
	return ch
}

func inClear(c *Config) { c.TLS = NoTLS }

func send(t *testing.T, ch *Channel, m alert.Message, want alert.Outcome) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	outcome, detail := ch.Send(ctx, m)
	if outcome != want {
		t.Errorf("the outcome is %s (%s), want %s", outcome, detail, want)
	}
	if (outcome == alert.Sent) != (detail == "") {
		t.Errorf("%s, and the detail is %q", outcome, detail)
	}
	if ctx.Err() != nil {
		t.Error("it took until the deadline")
	}
	return detail
}

// TestMails compares whole mails with what was agreed.
func TestMails(t *testing.T) {
	named := missed
	named.ID, named.Why, named.Name, named.NeedsDetails = "notify:7:1:3:email", alert.Overdue, "Жанна Ёлкина", false
	named.Text = "Not called back yet: +79161234567 (Жанна Ёлкина), line продажи, 11:59, assigned to anna.\nhttps://ring.example.com/contacts/3"
	withheld := missed
	withheld.Number, withheld.Contact = "", 0
	withheld.Text = "Missed call: withheld number, line sales, 11:59.\nhttps://ring.example.com/leads/7"
	for name, m := range map[string]alert.Message{"missed": missed, "named": named, "withheld": withheld} {
		s := serve(t, false, nil)
		ch := s.channel(t, nil)
		send(t, ch, m, alert.Sent)
		send(t, ch, m, alert.Sent)
		mails, _ := s.got()
		if len(mails) != 2 || !bytes.Equal(mails[0].text, mails[1].text) {
			t.Fatalf("%s: the same message twice is not the same mail twice: %+v", name, mails)
		}
		got, file := mails[0], "testdata/"+name+".eml"
		if got.from != "ringback@example.com" || got.to != "anna@example.com" || got.user != user || !got.encrypted {
			t.Errorf("%s: from %s to %s by %q, encrypted: %v", name, got.from, got.to, got.user, got.encrypted)
		}
		text := bytes.ReplaceAll(got.text, []byte("\r\n"), []byte("\n"))
		if bytes.ContainsFunc(text, func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }) {
			t.Errorf("%s: it holds more than ASCII: %q", name, text)
		}
		if *update {
			if err := os.WriteFile(file, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(text, want) {
			t.Errorf("%s differs (rewrite with -update):\n%s", file, text)
		}
	}
}

// taken apart is a mail as its reader sees it.
func takenApart(t *testing.T, mail []byte) (netmail.Header, string, string) {
	t.Helper()
	parsed, err := netmail.ReadMessage(bytes.NewReader(mail))
	if err != nil {
		t.Fatalf("%v in\n%s", err, mail)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(parsed.Body))
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Header, subject, string(body)
}

// Whatever stands in a text, no header is added, and nothing turns the
// direction of writing.
func TestHostileTextStaysInItsLine(t *testing.T) {
	for _, name := range []string{
		"x\r\nBcc: all@example.com\r\n\r\nGotcha",
		"x\rBcc: all@example.com", "x\vBcc: a", "x\u2028Bcc: a",
		"=?utf-8?q?x=0D=0ABcc:_all@example.com?=",
		"Доход\u202etxt.exe\u202c\u200f\ufeff\x00\x1b[31m", "\xff\xfe",
		strings.Repeat("Ж", 5000), strings.Repeat("x", 5000), ".", "\n.\nMAIL FROM:<x@example.com>",
	} {
		s := serve(t, false, nil)
		m := missed
		m.Text = "Missed call: " + name + ".\nhttps://ring.example.com/contacts/3"
		send(t, s.channel(t, nil), m, alert.Sent)
		mails, _ := s.got()
		if len(mails) != 1 {
			t.Fatalf("%.40q: %d mails came", name, len(mails))
		}
		header, subject, body := takenApart(t, mails[0].text)
		if len(header) != 10 || header.Get("Bcc") != "" {
			t.Errorf("%.40q: the headers are %v", name, header)
		}
		if n := len([]rune(subject)); n > 121 || !strings.HasPrefix(subject, "Missed call:") {
			t.Errorf("%.40q: the subject is %q", name, subject)
		}
		invisible := func(r rune) bool {
			return r != '\n' && r != '\r' && (r < ' ' || strings.ContainsRune("\u202e\u200f\ufeff\u2028\x7f", r))
		}
		if strings.ContainsFunc(subject, invisible) || strings.ContainsAny(subject, "\r\n") || strings.ContainsFunc(body, invisible) {
			t.Errorf("%.40q: there are invisible characters in %q or %q", name, subject, body)
		}
		if len(body) > 4000 || !strings.Contains(body, "\nhttps://ring.example.com/contacts/3\r\n") && !strings.Contains(body, "\nhttps://ring.example.com/contacts/3\n") {
			t.Errorf("%.40q: the body is %q", name, body)
		}
	}
}

func TestAnotherMessageIsAnotherMail(t *testing.T) {
	ids := map[string]bool{}
	again, later := missed, missed
	again.ID += ":again"
	later.Opened = later.Opened.Add(time.Millisecond)
	for _, m := range []alert.Message{missed, again, later} {
		ids[idOf(&m, "ringback@example.com")] = true
	}
	if len(ids) != 3 {
		t.Errorf("the ids are %v", ids)
	}
}

func TestRefusalsOfTheServer(t *testing.T) {
	for _, step := range []string{"login", "from", "to", "text"} {
		for code, want := range map[int]alert.Outcome{
			421: alert.Unreachable, 450: alert.Unreachable, 451: alert.Unreachable, 452: alert.Unreachable, 454: alert.Unreachable,
			535: alert.Refused, 550: alert.Refused, 552: alert.Refused, 554: alert.Refused,
		} {
			s := serve(t, false, func(s *server) {
				s.refuse = func(at string) error {
					if at == step {
						return &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: "not\u202e today, \x1b[1mAnna\nor tomorrow"}
					}
					return nil
				}
			})
			detail := send(t, s.channel(t, nil), missed, want)
			if !strings.Contains(detail, fmt.Sprint(code)) || !strings.Contains(detail, "not  today,  [1mAnna") || !strings.Contains(detail, s.addr.String()) {
				t.Errorf("%d at %s: the detail is %q", code, step, detail)
			}
			if mails, _ := s.got(); len(mails) != 0 {
				t.Errorf("%d at %s: a mail was taken", code, step)
			}
		}
	}
}

func TestGreetingThatIsNone(t *testing.T) {
	detail := send(t, channel(t, script(t, true, "554 go away\r\n"), nil, nil), missed, alert.Refused)
	if !strings.Contains(detail, "554 go away") {
		t.Errorf("the detail is %q", detail)
	}
	send(t, channel(t, script(t, true, "421 later\r\n"), nil, nil), missed, alert.Unreachable)
	send(t, channel(t, script(t, true, "HTTP/1.1 400 Bad Request\r\n"), nil, nil), missed, alert.Unreachable)
}

func TestWaysToLogIn(t *testing.T) {
	for _, ways := range [][]string{{sasl.Plain}, {sasl.Login}, {"XOAUTH2", sasl.Login}, {sasl.Login, sasl.Plain}} {
		s := serve(t, false, func(s *server) { s.ways = ways })
		send(t, s.channel(t, nil), missed, alert.Sent)
		if mails, _ := s.got(); len(mails) != 1 || mails[0].user != user {
			t.Errorf("%v: %+v", ways, mails)
		}
	}
	s := serve(t, false, func(s *server) { s.ways = []string{"XOAUTH2"} })
	if detail := send(t, s.channel(t, nil), missed, alert.Refused); !strings.Contains(detail, "no login by PLAIN") {
		t.Errorf("the detail is %q", detail)
	}
	s = serve(t, false, nil)
	detail := send(t, s.channel(t, func(c *Config) { c.Password = "wrong" }), missed, alert.Refused)
	if !strings.Contains(detail, "535") || strings.Contains(detail, "wrong") {
		t.Errorf("the detail is %q", detail)
	}
	s = serve(t, false, func(s *server) { s.ways = nil })
	send(t, s.channel(t, func(c *Config) { c.Username = "" }), missed, alert.Sent)
}

func TestEncryption(t *testing.T) {
	s := serve(t, true, nil)
	send(t, s.channel(t, func(c *Config) { c.TLS = Implicit }), missed, alert.Sent)
	if mails, _ := s.got(); len(mails) != 1 || !mails[0].encrypted || mails[0].user != user {
		t.Errorf("implicit: %+v", mails)
	}

	s = serve(t, false, func(s *server) { s.TLSConfig, s.AllowInsecureAuth = nil, true })
	if detail := send(t, s.channel(t, nil), missed, alert.Refused); !strings.Contains(detail, "offers no STARTTLS") {
		t.Errorf("the detail is %q", detail)
	}
	if _, steps := s.got(); len(steps) != 0 {
		t.Errorf("in the clear was said %v", steps)
	}
	send(t, s.channel(t, inClear), missed, alert.Sent) // to this machine

	unsaid := func(c *Config) { c.TLS = "" }
	s = serve(t, false, nil)
	send(t, s.channel(t, unsaid), missed, alert.Sent)
	if mails, _ := s.got(); len(mails) != 1 || !mails[0].encrypted || mails[0].user != user {
		t.Errorf("nothing was said of encryption: %+v", mails)
	}
	s = serve(t, false, func(s *server) { s.TLSConfig, s.AllowInsecureAuth = nil, true })
	if detail := send(t, s.channel(t, unsaid), missed, alert.Refused); !strings.Contains(detail, "offers no STARTTLS") {
		t.Errorf("nothing was said of encryption: the detail is %q", detail)
	}
	if mails, steps := s.got(); len(mails) != 0 || len(steps) != 0 {
		t.Errorf("in the clear was said %v, %+v", steps, mails)
	}

	s = serve(t, false, nil)
	distrustful := s.channel(t, nil)
	distrustful.roots = nil
	if detail := send(t, distrustful, missed, alert.Unreachable); !strings.Contains(detail, "not trusted") {
		t.Errorf("the detail is %q", detail)
	}
	elsewhere := s.channel(t, func(c *Config) { c.Host = "localhost" }) // which the certificate does not name
	if detail := send(t, elsewhere, missed, alert.Unreachable); !strings.Contains(detail, "not trusted") {
		t.Errorf("the detail is %q", detail)
	}
	if _, steps := s.got(); len(steps) != 0 {
		t.Errorf("to a stranger was said %v", steps)
	}
}

func TestWrongConfiguration(t *testing.T) {
	for want, c := range map[string]Config{
		"must be encrypted":     {Host: "mail.example.com", TLS: NoTLS, From: "a@example.com"},
		"is no way to encrypt":  {Host: "127.0.0.1", TLS: "ssl", From: "a@example.com"},
		"is no address":         {Host: "mail.example.com", From: "Ringback"},
		"is no address such as": {Host: "mail.example.com", From: "a@пример.рф"},
	} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", c, err, want)
		}
	}
	for tls, want := range map[TLS]int{"": 587, StartTLS: 587, Implicit: 465, NoTLS: 25} {
		if ch, err := New(Config{Host: "127.0.0.1", TLS: tls, From: "a@example.com"}); err != nil || ch.cfg.Port != want {
			t.Errorf("%s: %+v, %v", tls, ch, err)
		}
	}
}

func TestPersonsWhoCannotBeMailed(t *testing.T) {
	s := serve(t, false, nil)
	for email, want := range map[string]string{"": "anna has no email address", "nobody": "the email address of anna is no address",
		"a@example.com\r\nRCPT TO:<b@example.com>": "is no address", "a@example.com, b@example.com": "is no address", "жанна@example.com": "is no address"} {
		m := missed
		m.Email = email
		if detail := send(t, s.channel(t, nil), m, alert.Refused); !strings.Contains(detail, want) || strings.ContainsAny(detail, "\r\n") {
			t.Errorf("%q: the detail is %q", email, detail)
		}
	}
	if _, steps := s.got(); len(steps) != 0 {
		t.Errorf("the server was told %v", steps)
	}
}

func TestPasswordIsNeverShown(t *testing.T) {
	for _, said := range []string{"AUTH PLAIN AHJpbmdiYWNrAGh1bnRlcjIgYW5kIGEgYmxhbms=: no", "aHVudGVyMiBhbmQgYSBibGFuaw== is wrong", password + " is wrong"} {
		s := serve(t, false, func(s *server) {
			s.refuse = func(string) error {
				return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.NoEnhancedCode, Message: said}
			}
		})
		detail := send(t, s.channel(t, nil), missed, alert.Refused)
		if !strings.Contains(detail, "535 (its words repeat the password)") {
			t.Errorf("the detail is %q", detail)
		}
	}
	down, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	down.Close()
	ch := channel(t, down.Addr().(*net.TCPAddr), func(c *Config) { c.Username, c.Password = user, password }, nil)
	detail := send(t, ch, missed, alert.Unreachable)
	if !strings.Contains(detail, "connection refused") || strings.Contains(detail, "hunter2") {
		t.Errorf("the detail is %q", detail)
	}
}

// The polite beginning of a conversation in the clear, up to the mail's end.
var polite = []string{"220 hello\r\n", "250 mail\r\n", "250 from\r\n", "250 to\r\n", "354 go on\r\n"}

func TestServerThatFallsSilent(t *testing.T) {
	for said := range len(polite) + 1 {
		want := alert.Unreachable
		if said == len(polite) {
			want = alert.TimedOut // all was handed over
		}
		detail := send(t, channel(t, script(t, true, polite[:said]...), inClear, nil), missed, want)
		if !strings.Contains(detail, "connection broke") {
			t.Errorf("it hung up after %d lines: the detail is %q", said, detail)
		}

		ch := channel(t, script(t, false, polite[:said]...), inClear, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if outcome, detail := ch.Send(ctx, missed); outcome != want || !strings.Contains(detail, "no answer in time") {
			t.Errorf("silent after %d lines: %s (%s), want %s", said, outcome, detail, want)
		}
		cancel()
	}
}

func TestStop(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, false, func(s *server) {
		s.refuse = func(step string) error {
			if step == "text" {
				cancel()
			}
			return nil
		}
	})
	// Whether the answer or the stop comes first is open; nothing else is.
	outcome, detail := s.channel(t, nil).Send(ctx, missed)
	if outcome != alert.Sent && (outcome != alert.TimedOut || !strings.Contains(detail, "cut off")) {
		t.Errorf("the outcome is %s (%s)", outcome, detail)
	}
}

// Once the server has the mail, nothing that it does later makes another one.
func TestAnswersAfterTheMail(t *testing.T) {
	for answer, want := range map[string]alert.Outcome{"250 taken\r\n": alert.Sent, "252 taken\r\n": alert.Sent, "200 ok\r\n": alert.Sent,
		"354 what\r\n": alert.TimedOut, "nonsense\r\n": alert.TimedOut, "451 later\r\n": alert.Unreachable, "554 spam\r\n": alert.Refused} {
		send(t, channel(t, script(t, true, append(slices.Clone(polite), answer)...), inClear, nil), missed, want)
	}
}

func TestServerThatNeverStopsTalking(t *testing.T) {
	endless := "250-" + strings.Repeat("x", 1000) + "\r\n"
	addr := script(t, true, "220 hello\r\n", strings.Repeat(endless, 1000))
	send(t, channel(t, addr, inClear, nil), missed, alert.Unreachable)
	addr = script(t, true, strings.Repeat("x", 1<<20))
	send(t, channel(t, addr, inClear, nil), missed, alert.Unreachable)
}

func TestLargestTextArrivesWhole(t *testing.T) {
	s := serve(t, false, nil)
	m := missed
	m.Text = strings.Repeat(strings.Repeat("ж", 500)+"\n.\n", 50)
	send(t, s.channel(t, nil), m, alert.Sent)
	mails, _ := s.got()
	_, _, body := takenApart(t, mails[0].text)
	if got := strings.Count(body, "ж"); got != 50*500 || strings.Count(body, "\n.") != 50 {
		t.Errorf("%d letters came", got)
	}
}
