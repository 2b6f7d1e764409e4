package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringback/ari"
	"ringback/ari/aritest"
	"ringback/ari/pbx"
	"ringback/config"
)

// bareRelease is a PBX of a release without phones and lines.
func bareRelease(t *testing.T, release pbx.Release, files map[string]string) *pbx.Instance {
	t.Helper()
	root, err := pbx.Install(t.Context(), release, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	on, err := pbx.Start(t.Context(), root, pbx.Options{Dir: t.TempDir(), Files: files})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := on.Stop(); err != nil {
			t.Error(err)
		}
	})
	return on
}

// TestDoctorOfGoodContexts examines a PBX whose dialplan spells the lines'
// numbers in other ways than the configuration, and one of whose trunks logs in.
func TestDoctorOfGoodContexts(t *testing.T) {
	t.Parallel()
	for _, release := range []pbx.Release{pbx.Asterisk22, pbx.Asterisk16} {
		t.Run(string(release), func(t *testing.T) {
			t.Parallel()
			on := bareRelease(t, release, map[string]string{
				"extensions.conf": "[from-national]\nexten => 74951000001,1,Hangup()\nexten => 84951000002,1,Hangup()\n" +
					"[from-city]\nexten => 4951000003,1,Hangup()\n[from-auth]\nexten => 500,1,Hangup()\n[from-nowhere]\nexten => 500,1,Hangup()\n",
				"+pjsip.conf": "[prov2]\ntype = auth\nusername = prov2\npassword = of-the-provider\n[prov2]\ntype = endpoint\ncontext = from-auth\nauth = prov2\ndisallow = all\nallow = ulaw\n",
			})
			c := newCompany(t, account{"main", on.ARIURL, on.ARIUser, on.ARIPassword})
			c.lines = "\n  - {name: sales, pbx: main, numbers: [\"+74951000001\"]}\n  - {name: support, pbx: main, numbers: [\"+74951000002\"]}\n" +
				"  - {name: city, pbx: main, numbers: [\"+74951000003\"]}\n  - {name: other, pbx: main, numbers: [\"+74951000004\"]}"
			file := c.write(t)
			inFile("contexts: [from-trunk]", "contexts: [from-national, from-city, from-auth, from-nowhere]")(t, c, file)
			d := c.examine(t, file)
			d.says("main", "contexts", levelGood, "from-national is in the dialplan and takes calls to 74951000001")
			d.says("main", "contexts", levelGood, "from-city is in the dialplan and takes calls to 4951000003")
			d.says("main", "contexts", levelGood, "calls of PJSIP/prov2 begin in from-auth")
			d.says("main", "contexts", levelWarn, "begin in from-nowhere, and it knows none")
			d.says("main", "lines", levelGood, "line sales: from-national knows 74951000001")
			d.says("main", "lines", levelGood, "line support: from-national knows 84951000002")
			d.says("main", "lines", levelGood, "line city: from-city knows 4951000003")
			d.says("main", "lines", levelWarn, "line other: none of its numbers")

			inFile("contexts: [from-national, from-city, from-auth, from-nowhere]", "contexts: [from-auth]")(t, c, file)
			c.examine(t, file).says("main", "contexts", levelGood, "calls of PJSIP/prov2 begin in from-auth")
		})
	}
}

// TestSpellings asks for no number but those that the daemon would take for the
// line.
func TestSpellings(t *testing.T) {
	for _, c := range []struct{ country, number, want string }{
		{"RU", "+74951000001", "+74951000001 74951000001 84951000001 4951000001 0074951000001"},
		{"DE", "+493012345678", "+493012345678 493012345678 03012345678 3012345678 00493012345678"},
		{"DE", "+74951000001", "+74951000001 74951000001 0074951000001"},
		{"RU", "s", "s"},
		{"RU", "100", "100"},
	} {
		company := newCompany(t, account{name: "main", url: "http://127.0.0.1:8088", user: "ringback", password: "unasked"})
		company.lines = "\n  - {name: sales, pbx: main, numbers: [\"" + c.number + "\"]}"
		file := company.write(t)
		inFile("country: RU", "country: "+c.country)(t, company, file)
		cfg, err := config.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		s := &subject{cfg: cfg, pbx: &cfg.Asterisk[0], directory: cfg.Directory()}
		if got := strings.Join(s.spellings(&cfg.Lines[0]), " "); got != c.want {
			t.Errorf("%s in %s: %q, want %q", c.number, c.country, got, c.want)
		}
	}
}

// TestDoctorOfASlowDialplan asks a PBX that needs a second for each answer about
// many lines: some are left out, and that is said.
func TestDoctorOfASlowDialplan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := aritest.New()
		defer fake.Close()
		client, err := ari.NewClient(fake.Config())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		c := newCompany(t, account{"main", "http://127.0.0.1:8088", "ringback", "password-of-none"})
		for i := range 30 {
			c.lines += fmt.Sprintf("\n  - {name: line%d, pbx: main, numbers: [\"+749510001%02d\"]}", i, i)
		}
		cfg, err := config.Load(c.write(t))
		if err != nil {
			t.Fatal(err)
		}
		s := &subject{cfg: cfg, pbx: &cfg.Asterisk[0], directory: cfg.Directory(), now: time.Now(), client: client}
		second := everySecond(t)
		for i := range cfg.Lines {
			for _, spelling := range s.spellings(&cfg.Lines[i]) {
				fake.Answer("GET /deviceStates/Local/"+spelling+"@from-trunk", aritest.Answer{Status: 200, Body: `{"state":"INVALID"}`, Wait: second})
			}
		}
		for name, check := range map[string]func() []finding{
			"contexts": func() []finding { return checkContexts(t.Context(), s) }, "lines": func() []finding { return checkLines(t.Context(), s) },
		} {
			s.asking = 0
			before := len(fake.Requests("GET /deviceStates/"))
			d := &diagnosis{t: t}
			for _, f := range check() {
				d.Findings = append(d.Findings, findingLine{"main", f.Check, f.Level, f.Text, f.Do})
			}
			d.says("main", name, levelWarn, map[string]string{"contexts": "of 1 context it is not known", "lines": `of \d\d lines that nobody has dialed`}[name])
			if asked := len(fake.Requests("GET /deviceStates/")) - before; asked < 10 || asked > 21 {
				t.Errorf("%s: the dialplan was asked %d times", name, asked)
			}
			for _, f := range d.Findings {
				if f.Level == levelFail {
					t.Errorf("%s: what was not asked is a failure: %s", name, f.Text)
				}
			}
		}
	})
}

// everySecond gives one token a second.
func everySecond(t *testing.T) <-chan struct{} {
	tokens := make(chan struct{})
	go func() {
		for tick := time.NewTicker(time.Second); ; {
			select {
			case <-tick.C:
			case <-t.Context().Done():
				tick.Stop()
				return
			}
			select {
			case tokens <- struct{}{}:
			case <-t.Context().Done():
			}
		}
	}()
	return tokens
}
