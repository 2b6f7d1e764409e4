package feed

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/hook"
)

// What receivers rely on: a changed line here is a changed contract.
func TestBodyIsTheContract(t *testing.T) {
	bodies := make(chan []byte, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		bodies <- body
	}))
	defer srv.Close()
	receiver, err := hook.New(srv.URL, "s")
	if err != nil {
		t.Fatal(err)
	}
	defer receiver.Close()
	o := newOffice(t, 1)
	o.feed, err = New(t.Context(), Config{DB: o.db, Hooks: []Hook{{Name: "crm", Receiver: receiver, Timeout: 5 * time.Second}}})
	if err != nil {
		t.Fatal(err)
	}
	o.start()
	o.do(func(tx *db.Tx) error {
		if _, err := tx.Exec("UPDATE contacts SET name = $1", "\"},<script>\r\n\u202e\x00"+strings.Repeat("я", 5<<20)); err != nil {
			return err
		}
		return leads.Note(tx, leads.Entry{Lead: leads.Ref(1), Contact: leads.Ref(1), Kind: leads.EntryAssigned, Who: "anna", Channel: "page", Detail: "hand", Actor: "chief"})
	})
	body := <-bodies
	if len(body) > 4<<10 || bytes.ContainsAny(body, "\r\n\x00<") {
		t.Errorf("%d bytes, or more than one plain line: %.300s", len(body), body)
	}
	o.do(func(tx *db.Tx) error {
		if _, err := tx.Exec("UPDATE contacts SET name = 'Ivan'"); err != nil {
			return err
		}
		return leads.Note(tx, leads.Entry{Contact: leads.Ref(1), Kind: leads.EntryCard, Who: "anna", Channel: "api", Detail: "name"})
	})
	var got bytes.Buffer
	for _, body := range [][]byte{<-bodies} {
		if err := json.Indent(&got, body, "", "  "); err != nil {
			t.Fatal(err)
		}
	}
	varying := regexp.MustCompile(`(evt_2_)\d{13}|("timestamp": )"20[^"]*Z"`)
	const want = `{
  "id": "evt_2_",
  "type": "contact.changed",
  "timestamp": ,
  "data": {
    "who": "anna",
    "by": "",
    "how": "api",
    "detail": "name",
    "call": null,
    "lead": null,
    "contact": {
      "id": 1,
      "name": "Ivan",
      "named": false,
      "needs_details": true,
      "shared": false,
      "numbers": [
        "+79160000001"
      ],
      "manager": "",
      "external_id": null,
      "email": "",
      "note": "",
      "language": "",
      "open_leads": 1
    }
  }
}`
	if text := varying.ReplaceAllString(got.String(), "$1$2"); text != want {
		t.Errorf("the body is\n%s\nwant\n%s", text, want)
	}
}

func TestPingSaysWhatCameBack(t *testing.T) {
	for status, want := range map[int]string{200: "", 302: "redirects are not followed", 401: "answered 401 Unauthorized", 410: "wants no more", 500: "answered 500"} {
		var got Event
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
				t.Error(err)
			}
			w.WriteHeader(status)
		}))
		receiver, err := hook.New(srv.URL, "s")
		if err != nil {
			t.Fatal(err)
		}
		_, err = Test(t.Context(), Hook{Name: "crm", Receiver: receiver, Timeout: 5 * time.Second})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) || got.Type != Ping {
			t.Errorf("%d: %v, and %+v came", status, err, got)
		}
		receiver.Close()
		srv.Close()
	}
}
