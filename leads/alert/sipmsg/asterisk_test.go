package sipmsg

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/pbx"
	"ringback/ari/softphone"
	"ringback/leads/alert"
)

// What a real Asterisk does with phones that are there, away and unknown.
func TestAsterisk(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	root, err := pbx.Install(ctx, pbx.Asterisk22, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	options := pbx.Office("127.0.0.2:5060", 0)
	options.Dir = t.TempDir()
	inst, err := pbx.Start(ctx, root, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := inst.Stop(); err != nil {
			t.Errorf("stop Asterisk: %v", err)
		}
	})
	account, _ := options.Phone(pbx.Manager1)
	phone, err := softphone.New(ctx, softphone.Options{Server: inst.SIPAddr, User: account.User, Password: account.Password})
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	main := client(t, ari.Config{URL: inst.ARIURL, Username: inst.ARIUser, Password: ari.NewSecret(inst.ARIPassword)})
	ch := New(Config{From: "ringback", PBXes: map[string]PBX{"main": main}})
	if err := phone.Register(ctx); err != nil {
		t.Fatal(err)
	}
	become(t, ctx, main, "online")

	t.Run("a registered phone shows the text", func(t *testing.T) {
		for _, text := range []string{
			"Missed call: +79161234567 (Иван «Ё»), line sales, 12:30.\nNew contact: please fill in the card.\nhttps://ring.example.com/contacts/3?a=b&c=%20#d",
			strings.Repeat("я", 2000),
		} {
			m := to("PJSIP/101")
			m.Text = text
			if !send(t, ch, m, long, alert.Sent, "") {
				continue
			}
			got, err := phone.ExpectMessage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if got.Body != body(text) || got.From != "ringback" {
				t.Errorf("the phone shows %q from %q, want %q", got.Body, got.From, body(text))
			}
		}
	})
	t.Run("one phone of several is enough", func(t *testing.T) {
		if !send(t, ch, to("102", "101", "199"), long, alert.Sent, "phone 102 is not registered; PBX main has no phone PJSIP/199") {
			return
		}
		if _, err := phone.ExpectMessage(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Run("a phone that is not registered", func(t *testing.T) {
		send(t, ch, to("102"), long, alert.Unreachable, "phone 102 is not registered")
	})
	t.Run("a phone that there is not", func(t *testing.T) {
		send(t, ch, to("199"), long, alert.Refused, "has no phone PJSIP/199")
	})
	t.Run("a phone that went away", func(t *testing.T) {
		if err := phone.Unregister(ctx); err != nil {
			t.Fatal(err)
		}
		become(t, ctx, main, "offline")
		send(t, ch, to("101"), long, alert.Unreachable, "phone 101 is not registered")
	})
	t.Run("a PBX that is down", func(t *testing.T) {
		if err := phone.Register(ctx); err != nil {
			t.Fatal(err)
		}
		become(t, ctx, main, "online")
		if err := inst.Stop(); err != nil {
			t.Fatal(err)
		}
		send(t, ch, to("101"), long, alert.Unreachable, "PBX main: refused")
	})
	t.Run("a PBX that has started again still knows the phone", func(t *testing.T) {
		if err := inst.Restart(ctx); err != nil {
			t.Fatal(err)
		}
		become(t, ctx, main, "online")
		if !send(t, ch, to("101"), long, alert.Sent, "") {
			return
		}
		if _, err := phone.ExpectMessage(ctx); err != nil {
			t.Error(err)
		}
	})
}

// become waits until the PBX's own view of phone 101 has followed: it changes a
// moment after the PBX has answered the REGISTER.
func become(t *testing.T, ctx context.Context, pbx *ari.Client, state string) {
	t.Helper()
	for {
		phone, err := pbx.Endpoint(ctx, "PJSIP", "101")
		if err != nil {
			t.Fatal(err)
		}
		if phone.State == state {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("phone 101 is %s, and does not become %s", phone.State, state)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
