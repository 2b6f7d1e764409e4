package hook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// post posts to a program that answers as told.
func post(t *testing.T, answer http.HandlerFunc) Answer {
	t.Helper()
	srv := httptest.NewServer(answer)
	t.Cleanup(srv.Close)
	r, err := New(srv.URL+"/events?key=t0p", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	return r.Post(ctx, "evt_1", []byte(`{"a":"<b>"}`))
}

func TestWhatIsSignedIsSent(t *testing.T) {
	got := post(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, []byte("s"))
		io.WriteString(mac, r.Header.Get("webhook-id")+"."+r.Header.Get("webhook-timestamp")+"."+string(body))
		want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		if r.Header.Get("webhook-signature") != want || string(body) != `{"a":"<b>"}` || r.Header.Get("webhook-id") != "evt_1" || r.RequestURI != "/events?key=t0p" {
			w.WriteHeader(http.StatusForbidden)
		}
	})
	if !got.Taken() {
		t.Errorf("the answer is %+v", got)
	}
}

func TestAnswersAreReadAsTheyAreMeant(t *testing.T) {
	for status, want := range map[int]struct{ taken, passing bool }{
		200: {taken: true}, 204: {taken: true}, 299: {taken: true}, 301: {}, 304: {}, 308: {}, 400: {}, 401: {}, 404: {}, 410: {}, 422: {},
		408: {passing: true}, 425: {passing: true}, 429: {passing: true}, 500: {passing: true}, 503: {passing: true}, 599: {passing: true},
	} {
		strayed := false
		elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strayed = true }))
		got := post(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", elsewhere.URL)
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(status)
		})
		elsewhere.Close()
		if got.Status != status || got.Taken() != want.taken || got.Passing() != want.passing || got.After != 2*time.Minute || !got.Left {
			t.Errorf("%d is read as %+v", status, got)
		}
		if strayed {
			t.Errorf("a redirect (%d) was followed", status)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "-7": 0, "7.5": 0, "999999999": 24 * time.Hour,
		"99999999999999999999": 0, "Wed, 21 Oct 2026 07:28:00 GMT": 0} {
		if got := retryAfter(header); got != want {
			t.Errorf("%q is %s, want %s", header, got, want)
		}
	}
}

func TestEndlessAndSilentAnswersEnd(t *testing.T) {
	got := post(t, func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 64<<10)); err != nil {
				return
			}
		}
	})
	if !got.Taken() {
		t.Errorf("an endless answer is %+v", got)
	}
	if got := post(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // only then a server sees that the other side has gone
		<-r.Context().Done()
	}); got.Status != 0 || got.Err == nil || !got.Left {
		t.Errorf("no answer is %+v", got)
	}
	if got := post(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 2*maxHeader))
	}); got.Status != 0 || !got.Left {
		t.Errorf("an endless header is %+v", got)
	}
	if got := post(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }); got.Status != 0 || !got.Left {
		t.Errorf("a broken answer is %+v", got)
	}
}

func TestNobodyThere(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	r, err := New("http://"+free.Addr().String()+"/t0p", "s")
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Post(t.Context(), "evt_1", nil); got.Status != 0 || got.Left || got.Err == nil {
		t.Errorf("the answer is %+v", got)
	}
	if strings.Contains(r.Shown(), "t0p") {
		t.Errorf("%s is shown", r.Shown())
	}
}
