package webhook

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ringback/leads/alert"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var missed = alert.Message{
	ID: "notify:7:1:0:crm", Opened: time.Date(2026, 3, 2, 9, 0, 0, 123e6, time.UTC), Why: alert.NewLead, At: time.Date(2026, 3, 2, 9, 0, 20, 5e6, time.UTC),
	To: "anna", Lead: 7, Contact: 3, Number: "+79161234567", Name: "+79161234567", NeedsDetails: true,
	Line: "sales", Pool: "default", Manager: "anna", Missed: 2,
	LastMissed: time.Date(2026, 3, 2, 8, 59, 50, 0, time.UTC),
	Link:       "https://ring.example.com/contacts/3", Ladder: 1, Text: "Missed call: +79161234567.\nhttps://ring.example.com/contacts/3",
}

// missedID is its id for the receiver: 2026-03-02T09:00:00.123Z in milliseconds
// tells it from lead 7 of another database.
const missedID = "notify:7:1:0:crm:1772442000123"

// channel is a Channel whose connections end with the test.
func channel(t *testing.T, c Config) *Channel {
	t.Helper()
	ch, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ch.Close)
	return ch
}

// post is a request as a receiver got it.
type post struct {
	header http.Header
	body   []byte
	uri    string
}

// receive starts a receiver that keeps what it gets and answers as told.
func receive(t *testing.T, answer http.HandlerFunc) (url string, posts <-chan post) {
	t.Helper()
	got := make(chan post, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("the receiver read %v", err)
		}
		got <- post{r.Header, body, r.RequestURI}
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL, got
}

func send(t *testing.T, ch *Channel, m alert.Message, want alert.Outcome) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	outcome, detail := ch.Send(ctx, m)
	if outcome != want {
		t.Errorf("the outcome is %s (%s), want %s", outcome, detail, want)
	}
	if ctx.Err() != nil {
		t.Error("it took until the deadline")
	}
	return detail
}

// verify is a receiver's half of Standard Webhooks, written from its
// specification and not with the code under test.
func verify(key []byte, p post) error {
	id, stamp := p.header.Get("webhook-id"), p.header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return err
	}
	if age := time.Since(time.Unix(seconds, 0)); age < -5*time.Minute || age > 5*time.Minute {
		return fmt.Errorf("it is %v old", age)
	}
	for signature := range strings.FieldsSeq(p.header.Get("webhook-signature")) {
		version, text, _ := strings.Cut(signature, ",")
		sum, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return err
		}
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", id, stamp, p.body)
		if version == "v1" && hmac.Equal(sum, mac.Sum(nil)) {
			return nil
		}
	}
	return fmt.Errorf("no signature fits: %q", p.header.Get("webhook-signature"))
}

func TestReceiverCanTrustWhatItGets(t *testing.T) {
	key := bytes.Repeat([]byte{0xfb, 1, 2}, 8)
	for secret, key := range map[string][]byte{
		"whsec_" + base64.StdEncoding.EncodeToString(key): key,
		"correct horse battery staple":                    []byte("correct horse battery staple"),
	} {
		url, posts := receive(t, nil)
		ch := channel(t, Config{URL: url + "/hook?token=t0p", Secret: secret})
		send(t, ch, missed, alert.Sent)
		p := <-posts
		if err := verify(key, p); err != nil {
			t.Errorf("with secret %q: %v", secret, err)
		}
		p.body[len(p.body)-3] ^= 1
		if verify(key, p) == nil {
			t.Errorf("with secret %q a changed body was taken", secret)
		}
		if p.uri != "/hook?token=t0p" {
			t.Errorf("posted to %s", p.uri)
		}
	}
}

// What receivers rely on: a changed line here is a changed contract.
func TestBodyIsTheContract(t *testing.T) {
	const want = `{
  "type": "alert.new_lead",
  "timestamp": "2026-03-02T09:00:20.005Z",
  "data": {
    "to": "anna",
    "lead": 7,
    "contact": 3,
    "number": "+79161234567",
    "name": "+79161234567",
    "needs_details": true,
    "line": "sales",
    "pool": "default",
    "manager": "anna",
    "missed": 2,
    "last_missed": "2026-03-02T08:59:50Z",
    "link": "https://ring.example.com/contacts/3",
    "rung": 0,
    "double": false,
    "text": "Missed call: +79161234567.\nhttps://ring.example.com/contacts/3"
  }
}`
	url, posts := receive(t, nil)
	ch := channel(t, Config{URL: url, Secret: "s"})
	send(t, ch, missed, alert.Sent)
	p := <-posts
	var got bytes.Buffer
	if err := json.Indent(&got, p.body, "", "  "); err != nil {
		t.Fatal(err)
	}
	if got.String() != want {
		t.Errorf("the body is\n%s\nwant\n%s", got.String(), want)
	}
	if kind := p.header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("the content type is %q", kind)
	}

	withheld := missed
	withheld.Contact, withheld.Number = 0, ""
	send(t, ch, withheld, alert.Sent)
	if p := <-posts; !bytes.Contains(p.body, []byte(`"contact":null,"number":""`)) {
		t.Errorf("of a withheld number the body says %s", p.body)
	}
}

func TestSameMessageAgainIsTheSameEvent(t *testing.T) {
	answers := make(chan int, 2)
	answers <- http.StatusServiceUnavailable
	answers <- http.StatusNoContent
	url, posts := receive(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(<-answers) })
	ch := channel(t, Config{URL: url, Secret: "s"})
	send(t, ch, missed, alert.Unreachable)
	send(t, ch, missed, alert.Sent)
	first, second := <-posts, <-posts
	if a, b := first.header.Get("webhook-id"), second.header.Get("webhook-id"); a != missedID || a != b {
		t.Errorf("the ids are %q and %q, want %q twice", a, b, missedID)
	}
	if !bytes.Equal(first.body, second.body) {
		t.Errorf("the bodies differ:\n%s\n%s", first.body, second.body)
	}
}

func TestHostileTextStaysInItsField(t *testing.T) {
	url, posts := receive(t, nil)
	ch := channel(t, Config{URL: url, Secret: "s"})
	m := missed
	m.Name = "\"},\"x\":1\r\nwebhook-id: 9\u202e<script>\x00" + strings.Repeat("я", 5000)
	send(t, ch, m, alert.Sent)
	p := <-posts
	var got event
	if err := json.Unmarshal(p.body, &got); err != nil {
		t.Fatal(err)
	}
	if got.Data.Name != m.Name || p.header.Get("webhook-id") != missedID {
		t.Errorf("the name came as %q, the id as %q", got.Data.Name, p.header.Get("webhook-id"))
	}
	if bytes.ContainsAny(p.body, "\r\n\x00<") {
		t.Errorf("the body is not one plain line: %q", p.body)
	}
	if err := verify([]byte("s"), p); err != nil {
		t.Error(err)
	}
}

func TestAnswers(t *testing.T) {
	for status, want := range map[int]alert.Outcome{
		200: alert.Sent, 202: alert.Sent, 204: alert.Sent, 299: alert.Sent,
		301: alert.Refused, 302: alert.Refused, 304: alert.Refused, 307: alert.Refused, 308: alert.Refused,
		400: alert.Refused, 401: alert.Refused, 403: alert.Refused, 404: alert.Refused, 410: alert.Refused, 422: alert.Refused,
		408: alert.Unreachable, 425: alert.Unreachable, 429: alert.Unreachable,
		500: alert.Unreachable, 502: alert.Unreachable, 503: alert.Unreachable, 599: alert.Unreachable,
	} {
		elsewhere, strayed := receive(t, nil)
		url, _ := receive(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", elsewhere)
			w.WriteHeader(status)
		})
		ch := channel(t, Config{URL: url, Secret: "s"})
		detail := send(t, ch, missed, want)
		if want != alert.Sent && !strings.Contains(detail, strconv.Itoa(status)) {
			t.Errorf("the detail of %d is %q", status, detail)
		}
		select {
		case <-strayed:
			t.Errorf("a redirect (%d) was followed", status)
		default:
		}
	}
}

// An address that makes no sense in a redirect is the receiver's mistake, and
// still an answer.
func TestBrokenRedirectIsAnAnswer(t *testing.T) {
	url, _ := receive(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://%zz/t0p-secret")
		w.WriteHeader(http.StatusFound)
	})
	detail := send(t, channel(t, Config{URL: url, Secret: "s"}), missed, alert.Refused)
	if strings.Contains(detail, "t0p") {
		t.Errorf("the detail repeats what the receiver sent: %s", detail)
	}
}

const secrets = "t0p" // is in every part of an address that may carry a secret

// secretive puts secrets into all parts of an address that may carry one.
func secretive(url string) string {
	scheme, host, _ := strings.Cut(url, "://")
	return scheme + "://" + host + "/t0ppath?token=t0pquery#t0pfragment"
}

func TestAddressKeepsItsSecrets(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + free.Addr().String()
	free.Close()
	distrusted := httptest.NewTLSServer(nil)
	distrusted.Config.ErrorLog = nil
	t.Cleanup(distrusted.Close)
	plain, _ := receive(t, nil)
	failing, _ := receive(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		io.WriteString(w, r.RequestURI)
	})
	breaking, _ := receive(t, func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	tests := []struct {
		url, want string
		outcome   alert.Outcome
	}{
		{nobody, "connection refused", alert.Unreachable},
		{distrusted.URL, "not trusted", alert.Unreachable},
		{strings.Replace(plain, "http:", "https:", 1), "TLS", alert.Unreachable},
		{failing, "500 Internal Server Error", alert.Unreachable},
		{breaking, "connection broke", alert.TimedOut},
	}
	for _, test := range tests {
		ch := channel(t, Config{URL: secretive(test.url), Secret: "s"})
		detail := send(t, ch, missed, test.outcome)
		if !strings.Contains(detail, test.want) || !strings.Contains(detail, test.url) {
			t.Errorf("the detail is %q, want %s and %q", detail, test.url, test.want)
		}
		if strings.Contains(detail, secrets) {
			t.Errorf("a secret is in %q", detail)
		}
	}
}

func TestTimeIsUp(t *testing.T) {
	t.Run("after the request was written", func(t *testing.T) {
		url, posts := receive(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		ch := channel(t, Config{URL: url, Secret: "s"})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if outcome, detail := ch.Send(ctx, missed); outcome != alert.TimedOut || !strings.Contains(detail, "no answer in time") {
			t.Errorf("the outcome is %s (%s)", outcome, detail)
		}
		<-posts
	})
	t.Run("before there was a connection", func(t *testing.T) {
		silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and never greets
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		ch := channel(t, Config{URL: "https://" + silent.Addr().String(), Secret: "s"})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if outcome, detail := ch.Send(ctx, missed); outcome != alert.Unreachable || !strings.Contains(detail, "no answer in time") {
			t.Errorf("the outcome is %s (%s)", outcome, detail)
		}
	})
}

func TestEndlessAnswerIsCutOff(t *testing.T) {
	gone := make(chan struct{})
	url, _ := receive(t, func(w http.ResponseWriter, r *http.Request) {
		defer close(gone)
		chunk := bytes.Repeat([]byte("x"), 64<<10)
		for {
			if _, err := w.Write(chunk); err != nil {
				return // the other side has hung up
			}
		}
	})
	send(t, channel(t, Config{URL: url, Secret: "s"}), missed, alert.Sent)
	<-gone

	url, _ = receive(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 32<<10))
	})
	send(t, channel(t, Config{URL: url, Secret: "s"}), missed, alert.TimedOut)
}

// A receiver that closes idle connections may do so in the very moment in which
// one of them is used again.
func TestConnectionThatIsClosedWhenUsedAgainCostsNothing(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var over sync.WaitGroup
	defer over.Wait()
	defer ln.Close()
	over.Go(func() {
		for range 2 {
			conn, err := ln.Accept()
			if err != nil {
				t.Errorf("no connection came: %v", err)
				return
			}
			reader := bufio.NewReader(conn)
			if _, err := http.ReadRequest(reader); err == nil {
				io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
			}
			// The body of the first request, and the beginning of the next.
			for line := ""; err == nil && !strings.HasSuffix(line, " HTTP/1.1\r\n"); {
				line, err = reader.ReadString('\n')
			}
			conn.Close()
		}
	})
	ch := channel(t, Config{URL: "http://" + ln.Addr().String(), Secret: "s"})
	send(t, ch, missed, alert.Sent)
	send(t, ch, missed, alert.Sent)
	ch.Close()
}

func TestWrongConfigurationIsSaidWithoutItsSecrets(t *testing.T) {
	for _, c := range []Config{
		{URL: "", Secret: "s"},
		{URL: "http://%zzt0p", Secret: "s"},
		{URL: "https://t0p:t0p@h/t0p", Secret: "s"},
		{URL: "ftp://t0p:t0p@h/t0p", Secret: "s"},
		{URL: "crm.example.com/t0p", Secret: "s"},
		{URL: "https:///t0p", Secret: "s"},
		{URL: "https://h/", Secret: ""},
		{URL: "https://h/", Secret: "whsec_t0p!"},
		{URL: "https://h/", Secret: "whsec_"},
	} {
		_, err := New(c)
		if err == nil {
			t.Errorf("%+v was taken", c)
		} else if strings.Contains(err.Error(), "t0p") {
			t.Errorf("a secret is in %q", err)
		}
	}
}
