package web

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"ringback/leads/db"
)

// once sends JSON with an Idempotency-Key.
func (h *house) once(key, method, path, body string) reply {
	h.t.Helper()
	header := bearerHeader(rightToken)
	header["Content-Type"], header["Idempotency-Key"] = "application/json", key
	return h.ask(ask{method: method, path: path, header: header, body: body})
}

func TestTheSameRequestTwiceIsDoneOnce(t *testing.T) {
	h := newHouse(t)
	const body = `{"number":"+79161234567","line":"sales","why":"promised"}`
	first := h.once("a", "POST", "/api/v1/leads", body)
	if first.code != http.StatusCreated {
		t.Fatalf("%d %s", first.code, first.body)
	}
	h.wants(http.StatusOK, "POST", "/api/v1/leads/1/settle", `{"login":"anna"}`)
	for _, key := range []string{"a", `"a"`} { // as RFC 9651 writes it too
		again := h.once(key, "POST", "/api/v1/leads", body)
		if again.code != first.code || again.body != first.body || again.header.Get("Location") != first.header.Get("Location") ||
			again.header.Get("Content-Type") != first.header.Get("Content-Type") || again.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%d %v %s", again.code, again.header, again.body)
		}
	}
	if n := h.rows("leads"); n != 1 {
		t.Errorf("%d leads", n)
	}
	for name, got := range map[string]reply{"another body": h.once("a", "POST", "/api/v1/leads", strings.Replace(body, "sales", "", 1)),
		"another address": h.once("a", "PUT", "/api/v1/contacts", body)} {
		if got.code != http.StatusUnprocessableEntity || !strings.Contains(got.body, "Idempotency-Key") {
			t.Errorf("%s: %d %s", name, got.code, got.body)
		}
	}
	other := bearerHeader("another-token-of-the-file")
	other["Idempotency-Key"], other["Content-Type"] = "a", "application/json"
	if got := h.ask(ask{method: "POST", path: "/api/v1/leads", header: other, body: body}); got.code != http.StatusCreated || got.body == first.body {
		t.Errorf("the key of another program: %d %s", got.code, got.body)
	}
	spelled := map[string]string{"Authorization": "bEARER   " + rightToken, "Idempotency-Key": "a", "Content-Type": "application/json"}
	if got := h.ask(ask{method: "POST", path: "/api/v1/leads", header: spelled, body: body}); got.body != first.body || got.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the same token written another way: %d %s", got.code, got.body)
	}
	for _, key := range []string{"", " ", strings.Repeat("x", 256), "a\tb", "ключ"} {
		if got := h.once(key, "POST", "/api/v1/leads", body); got.code != http.StatusBadRequest {
			t.Errorf("key %q: %d %s", key, got.code, got.body)
		}
	}
}

// TestWhatWasRefusedIsAskedAnew: nothing was done, so nothing is kept.
func TestWhatWasRefusedIsAskedAnew(t *testing.T) {
	h := newHouse(t)
	if got := h.once("a", "POST", "/api/v1/leads", `{"contact":1}`); got.code != http.StatusNotFound {
		t.Fatalf("%d %s", got.code, got.body)
	}
	h.tell("+79161234567", "", answered)
	if got := h.once("a", "POST", "/api/v1/leads", `{"contact":1}`); got.code != http.StatusCreated {
		t.Errorf("%d %s", got.code, got.body)
	}
}

// TestDiedBeforeTheAnswer: what was done is known to be done, and where to look.
func TestDiedBeforeTheAnswer(t *testing.T) {
	h := newHouse(t)
	const body = `{"number":"+79161234567","name":"Ivan"}`
	h.once("a", "PUT", "/api/v1/contacts", body)
	h.exec("UPDATE answers SET code = 0, body = NULL")
	got := h.once("a", "PUT", "/api/v1/contacts", body)
	if got.code != http.StatusSeeOther || got.header.Get("Location") != "/api/v1/contacts/1" {
		t.Errorf("%d %v %s", got.code, got.header, got.body)
	}
}

// TestAnswersAreSwept wants that old ones go with new ones, and are none before.
func TestAnswersAreSwept(t *testing.T) {
	h := newHouse(t)
	note := func(i int) string { return fmt.Sprintf(`{"number":"+7916123456%d"}`, i) }
	for i := range 8 {
		h.once(fmt.Sprint("k", i), "PUT", "/api/v1/contacts", note(i))
	}
	h.exec("UPDATE answers SET at = $1", db.Millis(time.Now().Add(-25*time.Hour)))
	if got := h.once("k0", "PUT", "/api/v1/contacts", note(0)); got.code != http.StatusOK || got.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("a key of yesterday: %d %s", got.code, got.body)
	}
	h.once("k8", "PUT", "/api/v1/contacts", note(8))
	if n := h.rows("answers"); n != 2 {
		t.Errorf("%d answers are kept", n)
	}
}

// TestManyAtOnceIsDoneOnce: whoever is not the first is told to wait, or gets the
// first one's answer.
func TestManyAtOnceIsDoneOnce(t *testing.T) {
	h := newHouse(t)
	var all sync.WaitGroup
	codes := make([]int, 12)
	for i := range codes {
		all.Go(func() { codes[i] = h.once("a", "POST", "/api/v1/leads", `{"number":"+79161234567"}`).code })
	}
	all.Wait()
	done := 0
	for _, code := range codes {
		switch code {
		case http.StatusCreated:
			done++
		case http.StatusConflict:
		default:
			t.Errorf("status %d", code)
		}
	}
	if n := h.rows("timeline WHERE kind = 'asked'"); n != 1 || done == 0 {
		t.Errorf("it was done %d times, and %d were told so", n, done)
	}
}

// TestAFloodIsHeldUp posts more than a token may, and writes it a little differently
// each time.
func TestAFloodIsHeldUp(t *testing.T) {
	h := newHouse(t)
	held := 0
	for i := range 2000 {
		r, _ := http.NewRequestWithContext(t.Context(), "POST", "/api/v1/leads", strings.NewReader("{"))
		r.Header.Set("Authorization", "Bearer"+strings.Repeat(" ", 1+i%100)+rightToken)
		w := httptest.NewRecorder()
		h.server.ServeHTTP(w, r)
		if w.Code == http.StatusTooManyRequests {
			held++
			if w.Header().Get("Retry-After") != "1" {
				t.Fatalf("%v", w.Header())
			}
		}
	}
	if held == 0 || held > 1000 {
		t.Errorf("%d of 2000 were held up", held)
	}
	if got := h.ask(ask{path: "/api/v1/leads", header: bearerHeader(rightToken)}); got.code != http.StatusOK {
		t.Errorf("who reads: %d", got.code)
	}
	other := h.ask(ask{method: "POST", path: "/api/v1/leads", header: bearerHeader("another-token-of-the-file"), body: "{"})
	if other.code != http.StatusBadRequest {
		t.Errorf("another token: %d", other.code)
	}
}

// TestFilesAreTakenOneAfterAnother sends one while another is on its way.
func TestFilesAreTakenOneAfterAnother(t *testing.T) {
	h := newHouse(t)
	post := func(kind string, body io.Reader) reply {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/consents", body)
		r.Header.Set("Authorization", "Bearer "+rightToken)
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		h.server.ServeHTTP(w, r)
		return reply{w.Code, w.Header(), w.Body.String()}
	}
	const file = "number,kind\n+79160000001,refused\n"
	body, sent := io.Pipe()
	slow := make(chan reply)
	go func() { slow <- post("text/csv", body) }()
	if _, err := io.WriteString(sent, file); err != nil { // by now it is being read
		t.Fatal(err)
	}
	for _, kind := range []string{"text/csv", "Text/CSV; charset=utf-8"} {
		if got := post(kind, strings.NewReader(file)); got.code != http.StatusTooManyRequests || got.header.Get("Retry-After") != "1" {
			t.Errorf("%s: %d %s", kind, got.code, got.body)
		}
	}
	if got := post("application/json", strings.NewReader(`{"number":"+79160000002","kind":"refused"}`)); got.code != http.StatusOK {
		t.Errorf("what is no file: %d %s", got.code, got.body)
	}
	sent.Close()
	if got := <-slow; got.code != http.StatusOK {
		t.Errorf("the first: %d %s", got.code, got.body)
	}
	if got := post("text/csv", strings.NewReader(file)); got.code != http.StatusOK {
		t.Errorf("after it: %d %s", got.code, got.body)
	}
}

// torn is a connection that has broken.
type torn struct{ *httptest.ResponseRecorder }

func (torn) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestHalfALedgerIsNoWholeOne wants an export that breaks off to break the
// connection too.
func TestHalfALedgerIsNoWholeOne(t *testing.T) {
	h := newHouse(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/consents", nil)
	setAll(r, bearerHeader(rightToken))
	r.Header.Set("Accept", "text/csv")
	defer func() {
		if broken := recover(); broken != http.ErrAbortHandler {
			t.Errorf("the connection ends as if it were whole: %v", broken)
		}
	}()
	h.server.ServeHTTP(torn{httptest.NewRecorder()}, r)
}
