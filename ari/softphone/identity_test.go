package softphone_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"ringback/ari/pbx"
	"ringback/ari/softphone"
)

// What callers from outside call themselves is shown and changes nothing: one
// who claims to be 101 is still outside.
func TestHostileCallers(t *testing.T) { everywhere(t, hostileCallers) }

func hostileCallers(t *testing.T, o *office) {
	desk := o.desk(pbx.Manager1, 700)
	shown := func(caller softphone.DialOptions, number, name string) {
		t.Helper()
		call := must(o.outside.Dial(o.ctx, pbx.LineDirect, caller))(t)
		in := must(desk.ExpectRing(o.ctx))(t)
		if in.From != number || in.Name != name {
			t.Errorf("%q, not %q %q, is shown as %q %q", caller.CallerID, number, name, in.From, in.Name)
		}
		if err := call.Hangup(o.ctx); err != nil {
			t.Fatal(err)
		}
	}
	for _, number := range []string{
		"101", "anonymous", "79161234567", "+79161234567", "0079161234567", "+1 (800) FLOWERS", strings.Repeat("1234567890", 4),
		"1\r\nX-Evil: 1", "a@b", `"><script>`, "'; DROP TABLE calls; --",
	} {
		show, _, _ := strings.Cut(number, ";") // what follows is a parameter to Asterisk
		shown(softphone.DialOptions{CallerID: number}, show, "")
	}
	for _, name := range []string{`"><script>alert(1)</script>`, `\"; DROP TABLE calls; --`, "Ünïcødé ☎ 名前", "${SHELL(id)}, <sip:1@2>"} {
		show := name
		if o.pbx.ChanSIPAddr == "" {
			// PJSIP takes a quoted name with its backslashes for the name itself.
			show = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)
		}
		shown(softphone.DialOptions{CallerID: "79161234567", CallerName: name}, "79161234567", show)
	}
	shown(softphone.DialOptions{Headers: map[string]string{"X-Folded": "a\r\n\tb"}}, "outside", "")
	shown(softphone.DialOptions{Identity: softphone.Anonymous}, "anonymous", "Anonymous")
	if o.pbx.ChanSIPAddr == "" {
		shown(softphone.DialOptions{Identity: softphone.NoNumber}, "anonymous", "Anonymous")
	} else {
		shown(softphone.DialOptions{Identity: softphone.NoNumber}, "asterisk", "asterisk")
		shown(softphone.DialOptions{CallerID: "1", CallerName: "a\r\n b"}, "1", "a b") // PJSIP throws that INVITE away
	}
}

// This is what goes on the wire, and what does not.
func TestIdentity(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	far := must(softphone.New(ctx, softphone.Options{}))(t)
	near := must(softphone.New(ctx, softphone.Options{Server: far.Addr(), User: "201", Name: "Ann"}))(t)
	t.Cleanup(func() { near.Close(); far.Close() })
	for _, test := range []struct {
		options       softphone.DialOptions
		from, privacy string
	}{
		{softphone.DialOptions{}, `"Ann" <sip:201@` + near.Addr() + `>`, ""},
		{softphone.DialOptions{CallerID: "+7 916\r\nX: y", CallerName: `a"<b>\`}, `"a\"<b>\\" <sip:+7%20916%0D%0AX%3A%20y@` + near.Addr() + `>`, ""},
		{softphone.DialOptions{Identity: softphone.Anonymous, CallerID: "1", CallerName: "b"}, `"Anonymous" <sip:anonymous@anonymous.invalid>`, "id"},
		{softphone.DialOptions{Identity: softphone.NoNumber, CallerID: "1"}, `"Ann" <sip:` + near.Addr() + `>`, ""},
	} {
		call := must(near.Dial(ctx, "1", test.options))(t)
		in := must(far.ExpectRing(ctx))(t)
		if from, _, _ := strings.Cut(in.Header("From"), ";tag="); from != test.from || in.Header("Privacy") != test.privacy || in.Header("X") != "" {
			t.Errorf("%+v goes as %s, privacy %q", test.options, in.Header("From"), in.Header("Privacy"))
		}
		talk := must(in.Answer(ctx))(t)
		if err := errors.Join(call.WaitAnswer(ctx), call.Hangup(ctx)); err != nil {
			t.Fatal(err)
		}
		<-talk.Done() // a moment after the caller knows
	}
	for _, breaks := range []softphone.DialOptions{
		{CallerName: "a\r\nX: y"}, {CallerName: "a\n b"}, {CallerName: "a\r\n \r\nX: y"}, {CallerName: "a\r\r\n \nX: y"},
		{Headers: map[string]string{"X": "a\r\nY: z"}}, {Headers: map[string]string{"X: a\r\n Y": "z"}},
	} {
		if _, err := near.Dial(ctx, "1", breaks); err == nil {
			t.Errorf("%+q was sent", breaks.CallerName)
		}
	}
}
