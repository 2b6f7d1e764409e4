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
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
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
	if err := phone.Register(ctx); err != nil {
		t.Fatal(err)
	}
	ch := New(Config{From: "ringback", PBXes: map[string]PBX{
		"main": client(t, ari.Config{URL: inst.ARIURL, Username: inst.ARIUser, Password: ari.Secret(inst.ARIPassword)}),
	}})

	t.Run("a registered phone shows the text", func(t *testing.T) {
		for _, text := range []string{
			"Missed call: +79161234567 (Иван «Ё»), line sales, 12:30.\nNew contact: please fill in the card.\nhttps://ring.example.com/contacts/3?a=b&c=%20#d",
			strings.Repeat("я", 2000),
		} {
			m := to("PJSIP/101")
			m.Text = text
			send(t, ch, m, long, alert.Sent, "")
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
		send(t, ch, to("102", "101", "199"), long, alert.Sent, "phone 102 is not registered; PBX main has no phone PJSIP/199")
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
		send(t, ch, to("101"), long, alert.Unreachable, "phone 101 is not registered")
	})
	t.Run("a PBX that is down", func(t *testing.T) {
		if err := phone.Register(ctx); err != nil {
			t.Fatal(err)
		}
		inst.Kill()
		send(t, ch, to("101"), long, alert.Unreachable, "PBX main: refused")
	})
}
