package softphone_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"ringback/ari/pbx"
	"ringback/ari/softphone"
)

// ari sends a request to the PBX's ARI and returns status and body.
func (o *office) ari(method, path string, query url.Values) (int, string) {
	o.t.Helper()
	req, err := http.NewRequestWithContext(o.ctx, method, o.pbx.ARIURL+path+"?"+query.Encode(), nil)
	if err != nil {
		o.t.Fatal(err)
	}
	req.SetBasicAuth(o.pbx.ARIUser, o.pbx.ARIPassword)
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// eventually looks until ok, for what the PBX does a moment later.
func (o *office) eventually(what string, ok func() bool) {
	o.t.Helper()
	for !ok() {
		select {
		case <-o.ctx.Done():
			o.t.Fatalf("%s: not within the test's time", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (o *office) online(user string) bool {
	_, body := o.ari(http.MethodGet, "/endpoints/PJSIP/"+user, nil)
	return strings.Contains(body, `"state":"online"`)
}

func TestRegister(t *testing.T) {
	o := open(t)
	if o.online(pbx.Manager1) {
		t.Fatal("the phone is known before it has registered")
	}
	desk := o.desk(pbx.Manager1, 0)
	o.eventually("the phone has registered and is known", func() bool { return o.online(pbx.Manager1) })
	if err := errors.Join(desk.Unregister(o.ctx), desk.Unregister(o.ctx)); err != nil {
		t.Fatal(err)
	}
	o.eventually("the phone has unregistered and is known no more", func() bool { return !o.online(pbx.Manager1) })
}

func TestWrongPassword(t *testing.T) {
	o := open(t)
	thief := o.phone(softphone.Options{Server: o.pbx.SIPAddr, User: pbx.Manager1, Password: "guessed"})
	var refused *softphone.Refused
	if err := thief.Register(o.ctx); !errors.As(err, &refused) || refused.Status != 401 {
		t.Errorf("registering with a wrong password: %v", err)
	} else if strings.Contains(err.Error(), "guessed") {
		t.Error("the error tells the password")
	}
	if o.online(pbx.Manager1) {
		t.Error("the phone is known in spite of the wrong password")
	}
	call := must(thief.Dial(o.ctx, pbx.Manager2, softphone.DialOptions{}))(t)
	if err := call.WaitAnswer(o.ctx); !errors.As(err, &refused) || refused.Status != 401 {
		t.Errorf("calling with a wrong password: %v", err)
	}
}

// A registration of two seconds is renewed: the phone is known after five.
func TestRegistrationIsRenewed(t *testing.T) {
	o := open(t)
	account, _ := o.options.Phone(pbx.Manager1)
	desk := o.phone(softphone.Options{Server: o.pbx.SIPAddr, User: pbx.Manager1, Password: account.Password, Expires: 2 * time.Second})
	if err := desk.Register(o.ctx); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	o.eventually("the registration is renewed twice", func() bool {
		log, err := os.ReadFile(o.pbx.LogFile)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(log), "has been deleted") || strings.Contains(string(log), "is now Unreachable") {
			t.Fatal("the registration has run out")
		}
		return time.Since(began) > 5*time.Second
	})
	if !o.online(pbx.Manager1) {
		t.Error("the registration was not renewed")
	}
}

// Phones need not register again when the PBX has crashed.
func TestPhonesSurviveTheCrash(t *testing.T) {
	o := open(t)
	desk := o.desk(pbx.Manager1, 700)
	o.eventually("Asterisk has noted the registration on disk", func() bool {
		const name = "data/astdb.sqlite3"
		db := must(os.ReadFile(filepath.Join(o.pbx.Dir, name)))(t)
		_, err := os.Stat(filepath.Join(o.pbx.Dir, name+"-journal")) // as long as it is there a crash undoes
		return strings.Contains(string(db), "registrar/contact") && errors.Is(err, fs.ErrNotExist)
	})
	o.pbx.Kill()
	if err := o.pbx.Restart(o.ctx); err != nil {
		t.Fatal(err)
	}
	call := must(o.outside.Dial(o.ctx, pbx.LineDirect, softphone.DialOptions{}))(t)
	must(must(desk.ExpectRing(o.ctx))(t).Answer(o.ctx))(t)
	if err := errors.Join(call.WaitAnswer(o.ctx), call.Hears(o.ctx, 700)); err != nil {
		t.Fatal(err)
	}
}

func TestMessage(t *testing.T) {
	o := open(t)
	desk := o.desk(pbx.Manager1, 0)
	const text = "Missed: +7 916 123-45-67 <b>\"Ann\"</b> ☎\nline sales"
	before := time.Now()
	status, body := o.ari(http.MethodPut, "/endpoints/sendMessage", url.Values{
		"to": {"pjsip:" + pbx.Manager1}, "from": {"sip:ringback@127.0.0.1"}, "body": {text},
	})
	if status != http.StatusAccepted {
		t.Fatalf("ARI answered %d %s", status, body)
	}
	m := must(desk.ExpectMessage(o.ctx))(t)
	if m.Body != text || m.From != "ringback" || m.At.Before(before) {
		t.Errorf("arrived: %+v", m)
	}
}

// All keys reach Asterisk, in order, each for as long as it was pressed, in
// whatever way they travel.
func TestKeys(t *testing.T) {
	const keys = "1234567890*#ABCD11"
	o := open(t, func(options *pbx.Options) {
		options.Extensions = "[from-internal]\nexten => 1,1,Answer()\n same => n,Wait(60)\n"
		options.Files["+logger.conf"] = "keys => dtmf\n"
	})
	line := regexp.MustCompile(`DTMF end '(.)' received on PJSIP/\d+-\d+, duration (\d+) ms`)
	var before int
	for how, lasts := range map[softphone.Keys][2]int{softphone.RTPKeys: {100, 100}, softphone.InfoKeys: {100, 100}, softphone.InbandKeys: {60, 120}} {
		account, _ := o.options.Phone(pbx.Manager1)
		desk := o.phone(softphone.Options{Server: o.pbx.SIPAddr, User: pbx.Manager1, Password: account.Password, Tone: 700, Keys: how})
		call := must(desk.Dial(o.ctx, "1", softphone.DialOptions{}))(t)
		if err := errors.Join(call.WaitAnswer(o.ctx), call.SendDTMF(o.ctx, keys)); err != nil {
			t.Fatal(err)
		}
		var got [][]string
		o.eventually(fmt.Sprint("Asterisk has the keys sent in way ", how), func() bool {
			log := must(os.ReadFile(filepath.Join(o.pbx.Dir, "log/keys")))(t)
			got = line.FindAllStringSubmatch(string(log), -1)[before:]
			return len(got) >= len(keys)
		})
		before += len(got)
		var pressed string
		for _, match := range got {
			pressed += match[1]
			if long, _ := strconv.Atoi(match[2]); long < lasts[0] || long > lasts[1] {
				t.Errorf("way %d: key %s took %d ms", how, match[1], long)
			}
		}
		if pressed != keys {
			t.Errorf("way %d: Asterisk has %s", how, pressed)
		}
		if err := call.SendDTMF(o.ctx, "x"); err == nil {
			t.Error("x was pressed")
		}
		if err := call.Hangup(o.ctx); err != nil {
			t.Fatal(err)
		}
	}
}
