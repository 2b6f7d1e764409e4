package people

import (
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringback/leads/db"
)

func TestAPersonComesInByAnInvitationAndThenByPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		old, _, err := h.Invite(t.Context(), "anna", ToSetPassword)
		if err != nil {
			t.Fatal(err)
		}
		invite, ends, err := h.Invite(t.Context(), "anna", ToSetPassword)
		if err != nil || ends.Sub(h.db.Now()) != InviteFor {
			t.Fatal(ends, err)
		}
		if _, err := h.Accept(t.Context(), old, good, From{}); !errors.Is(err, ErrNoInvite) {
			t.Errorf("an invitation that another has replaced: %v", err)
		}
		if err := h.logIn("anna", "", ""); !errors.Is(err, ErrWrong) {
			t.Errorf("before there is a password: %v", err)
		}
		if _, err := h.Accept(t.Context(), invite, "short", From{}); !errors.Is(err, ErrShort) {
			t.Errorf("a short password: %v", err)
		}
		secret, err := h.Accept(t.Context(), invite, good, From{Address: "192.0.2.1", Device: "Firefox"})
		if err != nil {
			t.Fatal(err)
		}
		if s, err := h.Session(t.Context(), secret); err != nil || s.Login != "anna" || s.Device != "Firefox" || s.Address != "192.0.2.1" || s.Form == "" {
			t.Errorf("%+v %v", s, err)
		}
		if _, err := h.Accept(t.Context(), invite, "another "+good, From{}); !errors.Is(err, ErrNoInvite) {
			t.Errorf("an invitation that was used: %v", err)
		}
		if err := h.logIn("anna", good, ""); err != nil {
			t.Errorf("the right password: %v", err)
		}
		for _, wrong := range []string{"", good + " ", strings.ToUpper(good), "another " + good, strings.Repeat("x", 1<<20)} {
			if err := h.logIn("anna", wrong, ""); !errors.Is(err, ErrWrong) {
				t.Errorf("the password %.20q: %v", wrong, err)
			}
			if err := h.Unlock(t.Context(), "anna"); err != nil {
				t.Fatal(err)
			}
		}
		late, _, err := h.Invite(t.Context(), "boris", ToSetPassword)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(InviteFor)
		if _, err := h.Accept(t.Context(), late, good, From{}); !errors.Is(err, ErrNoInvite) {
			t.Errorf("an invitation whose time is over: %v", err)
		}
		if _, _, err := h.Invite(t.Context(), "nobody", ToSetPassword); !errors.Is(err, ErrNobody) {
			t.Errorf("an invitation to nobody: %v", err)
		}
	})
}

func TestTwoKeyboardsWriteOnePassword(t *testing.T) {
	h := newHouse(t)
	h.joins("anna", "zażółć gęślą jaźń") // composed
	if err := h.logIn("anna", "zaz\u0307o\u0301ł\u0063\u0301 ge\u0328s\u0301la\u0328 jaz\u0301n\u0301", ""); err != nil {
		t.Errorf("the same in combining marks: %v", err)
	}
}

func TestNothingInTheDatabaseLetsAnybodyIn(t *testing.T) {
	h := newHouse(t)
	secret := h.joins("anna", good)
	invite, _, err := h.Invite(t.Context(), "boris", ToSetPassword)
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := h.MakeToken(t.Context(), "crm", []string{"leads:read"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := h.dump()
	if !strings.Contains(all, "anna") || !strings.Contains(all, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("this is not what is in the database: %q", all)
	}
	for name, text := range map[string]string{"password": good, "cookie": secret, "invitation": invite, "token": token, "token without its prefix": token[len(TokenPrefix):]} {
		if strings.Contains(all, text) {
			t.Errorf("the %s stands in the database", name)
		}
	}
}

// TestNobodyLearnsWhoExists wants the same answer, and the same work, whatever
// was wrong.
func TestNobodyLearnsWhoExists(t *testing.T) {
	h := newHouse(t)
	h.joins("anna", good)
	h.joins("vera", good)
	if err := h.Lock(t.Context(), "vera"); err != nil {
		t.Fatal(err)
	}
	for name, login := range map[string]string{"a wrong password": "anna", "no password yet": "boris", "nobody": "mallory", "locked": "vera", "no login": "", "a login without end": strings.Repeat("x", 1<<20)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := h.logIn(login, "wrong "+good, "")
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrWrong) {
			t.Errorf("%s: %v", name, err)
		}
		if hashed := after.TotalAlloc - before.TotalAlloc; hashed < uint64(current.memory)<<10 {
			t.Errorf("%s: nothing was hashed: %d bytes", name, hashed)
		}
	}
	if err := h.logIn("vera", good, ""); !errors.Is(err, ErrLocked) {
		t.Errorf("who knows the password of a locked account is told: %v", err)
	}
}

func TestSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		first := h.joins("anna", good)
		second, err := h.LogIn(t.Context(), "anna", good, From{})
		if err != nil {
			t.Fatal(err)
		}
		other := h.joins("boris", good)
		s, err := h.Session(t.Context(), second)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.End(t.Context(), "boris", s.ID); err != nil || !h.in(second) {
			t.Errorf("somebody else has ended it: %v", err)
		}
		if err := h.ChangePassword(t.Context(), "anna", "wrong "+good, "new "+good, s.ID, From{}); !errors.Is(err, ErrWrong) || !h.in(first) {
			t.Errorf("a new password without the old: %v", err)
		}
		if err := h.ChangePassword(t.Context(), "anna", good, "new "+good, s.ID, From{}); err != nil {
			t.Fatal(err)
		}
		if h.in(first) || !h.in(second) || !h.in(other) {
			t.Error("a new password ends the person's other sessions, and no more")
		}
		if err := h.logIn("anna", good, ""); !errors.Is(err, ErrWrong) {
			t.Errorf("the old password: %v", err)
		}
		// A session that is used every day ends at its time, another when nobody has
		// used it for long.
		for day := time.Duration(0); day < DefaultSession; day += 24 * time.Hour {
			if !h.in(second) {
				t.Fatalf("the session in use ended after %s", day)
			}
			if day == DefaultIdle && h.in(other) {
				t.Error("the session that nobody uses lives")
			}
			synctest.Wait()
			time.Sleep(24 * time.Hour)
		}
		if h.in(second) {
			t.Error("it never ends")
		}
		if h.joins("vera", good); strings.Contains(h.dump(), "Firefox\n192.0.2.1\nanna") {
			t.Error("what is over stays")
		}
		if list, err := h.Sessions(t.Context(), "anna"); err != nil || len(list) != 0 {
			t.Errorf("%v %v", list, err)
		}
	})
}

func TestLockedOrGoneOutAtOnce(t *testing.T) {
	h := newHouse(t)
	secret := h.joins("anna", good)
	link := h.Link("anna", 7, h.db.Now())
	invite, _, err := h.Invite(t.Context(), "anna", ToComeIn)
	if err != nil {
		t.Fatal(err)
	}
	out := func(why string) {
		t.Helper()
		if h.in(secret) {
			t.Errorf("%s: the session lives", why)
		}
		if _, err := h.Open(t.Context(), strings.TrimPrefix(link, LinkPath)); !errors.Is(err, ErrOver) {
			t.Errorf("%s: the link: %v", why, err)
		}
		if _, err := h.Accept(t.Context(), invite, "", From{}); !errors.Is(err, ErrNoInvite) {
			t.Errorf("%s: the invitation: %v", why, err)
		}
	}
	directory := *h.cfg.Directory
	h.cfg.Directory.Managers = directory.Managers[1:]
	out("gone from the configuration")
	if err := h.logIn("anna", good, ""); !errors.Is(err, ErrWrong) {
		t.Errorf("gone from the configuration: the password: %v", err)
	}
	h.cfg.Directory.Managers = directory.Managers
	if !h.in(secret) {
		t.Fatal("back in the configuration: the session is gone")
	}
	if err := h.Lock(t.Context(), "anna"); err != nil {
		t.Fatal(err)
	}
	out("locked")
	if err := h.Unlock(t.Context(), "anna"); err != nil {
		t.Fatal(err)
	}
	out("unlocked")
	if err := h.logIn("anna", good, ""); err != nil {
		t.Errorf("unlocked: the password: %v", err)
	}
}

// TestWhatWasProvedHoldsNoMore replaces a password, and locks an account, between
// the look at it and what follows from it.
func TestWhatWasProvedHoldsNoMore(t *testing.T) {
	for meanwhile, want := range map[string]error{
		"UPDATE accounts SET password = 'another' WHERE login = $1": ErrWrong,
		"UPDATE accounts SET locked = 1 WHERE login = $1":           ErrLocked,
		"UPDATE accounts SET language = 'ru' WHERE login = $1":      nil,
	} {
		for name, act := range map[string]func(h *house) error{
			"a session": func(h *house) error { return h.logIn("anna", good, "") },
			"another password": func(h *house) error {
				return h.ChangePassword(h.t.Context(), "anna", good, "new "+good, 0, From{})
			},
		} {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				h.joins("anna", good)
				acted := make(chan error, 1)
				err := h.db.Do(t.Context(), func(tx *db.Tx) error {
					go func() { acted <- act(h) }()
					synctest.Wait() // the password was right, and what follows waits for this transaction
					_, err := tx.Exec(meanwhile, "anna")
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				if err := <-acted; !errors.Is(err, want) {
					t.Errorf("%s: %s: %v, want %v", meanwhile, name, err, want)
				}
			})
		}
	}
}

func TestWhoGuessesWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.joins("anna", good)
		for _, login := range []string{"anna", "mallory"} { // who does not exist waits as well
			for range freeLogin {
				if err := h.logIn(login, "wrong "+good, ""); !errors.Is(err, ErrWrong) {
					t.Fatalf("%s: %v", login, err)
				}
			}
			for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
				want *= time.Second
				var wait *WaitError
				if err := h.logIn(login, good, "192.0.2.1"); !errors.As(err, &wait) || wait.For != want {
					t.Fatalf("%s: %v, want a wait of %s", login, err, want)
				}
				time.Sleep(want)
				if err := h.logIn(login, "wrong "+good, ""); !errors.Is(err, ErrWrong) {
					t.Fatalf("%s after %s: %v", login, want, err)
				}
			}
		}
		if err := h.Unlock(t.Context(), "anna"); err != nil {
			t.Fatal(err)
		}
		if err := h.logIn("anna", good, ""); err != nil {
			t.Errorf("after the administrator forgave: %v", err)
		}
		var wait *WaitError
		for i := range 100 { // one address, many logins; all of an IPv6 network is one
			address := "2001:db8:0:1::" + string("123456789"[i%9])
			if err := h.logIn(strings.Repeat("x", i+1), "wrong "+good, address); errors.As(err, &wait) {
				if i != freeAddress {
					t.Errorf("the wait for an address began at guess %d, want %d", i, freeAddress)
				}
				break
			}
		}
		if wait == nil {
			t.Error("nobody waits for an address")
		}
		if err := h.logIn("anna", good, "2001:db8:0:2::1"); err != nil {
			t.Errorf("from another network: %v", err)
		}
		time.Sleep(forgottenBy + time.Second)
		if err := h.logIn("anna", good, "2001:db8:0:1::1"); err != nil {
			t.Errorf("an hour later: %v", err)
		}
	})
}

func TestGuessesAreBounded(t *testing.T) {
	s := newSlowdown()
	now := time.Now()
	s.wrong([]guessed{{knownLogin, "anna"}}, now)
	for i := range 3 * mostGuessed {
		s.wrong([]guessed{{otherLogin, time.Duration(i).String()}}, now.Add(time.Duration(i)))
	}
	if len(s.of) > mostGuessed || s.of[guessed{knownLogin, "anna"}] == nil {
		t.Errorf("%d guesses are remembered, those of anna: %v", len(s.of), s.of[guessed{knownLogin, "anna"}])
	}
}

func TestOneIsHashedAtATime(t *testing.T) {
	h := newHouse(t)
	give, err := h.hasher.take(t.Context(), h.hasher.strangers)
	if err != nil {
		t.Fatal(err)
	}
	came := make(chan error)
	for range mostWaiting + 5 {
		go func() { came <- h.logIn("anna", good, "") }()
	}
	for range 5 {
		if err := <-came; !errors.Is(err, ErrBusy) {
			t.Errorf("one too many: %v", err)
		}
	}
	select {
	case err := <-came:
		t.Errorf("somebody did not wait: %v", err)
	default:
	}
	give()
	for range mostWaiting {
		if err := <-came; !errors.Is(err, ErrWrong) && !errors.As(err, new(*WaitError)) {
			t.Errorf("who waited: %v", err)
		}
	}
}

func TestLinksOpenOneLeadForOnePerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "book.db")
		h := openHouse(t, file)
		path := h.Link("anna", 1234567, h.db.Now())
		link := strings.TrimPrefix(path, LinkPath)
		if link == path || len(path) > 60 {
			t.Fatalf("%q has %d characters", path, len(path))
		}
		if o, err := h.Open(t.Context(), link); err != nil || o.Login != "anna" || o.Lead != 1234567 || o.Form == "" {
			t.Fatalf("%+v %v", o, err)
		}
		for i := range link {
			for _, c := range "Aa0-_=%" {
				if forged := link[:i] + string(c) + link[i+1:]; forged != link {
					if o, err := h.Open(t.Context(), forged); !errors.Is(err, ErrForged) {
						t.Fatalf("%s opens %+v: %v", forged, o, err)
					}
				}
			}
		}
		for _, forged := range []string{"", "x", link[:20], link + "A", link + "=", strings.Repeat("A", 1<<20), "\x00", newHouse(t).Link("anna", 1234567, h.db.Now())[len(LinkPath):]} {
			if _, err := h.Open(t.Context(), forged); !errors.Is(err, ErrForged) {
				t.Errorf("%.30q: %v", forged, err)
			}
		}
		h.close()
		h = openHouse(t, file) // the key stays
		time.Sleep(DefaultLink - time.Second)
		if _, err := h.Open(t.Context(), link); err != nil {
			t.Errorf("shortly before its end: %v", err)
		}
		time.Sleep(time.Second)
		if o, err := h.Open(t.Context(), link); !errors.Is(err, ErrOver) || o.Lead != 1234567 {
			t.Errorf("at its end: %v", err)
		}
		link = strings.TrimPrefix(h.Link("anna", 1, h.db.Now()), LinkPath)
		time.Sleep(time.Second)
		if err := h.EndOthers(t.Context(), "anna", 0); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Open(t.Context(), link); !errors.Is(err, ErrOver) {
			t.Errorf("after logging out everywhere: %v", err)
		}
		if _, err := h.Open(t.Context(), strings.TrimPrefix(h.Link("anna", 1, h.db.Now()), LinkPath)); err != nil {
			t.Errorf("a link of later: %v", err)
		}
	})
}

func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		text, made, err := h.MakeToken(t.Context(), "crm", []string{"leads:write", "leads:read", "leads:read"}, 90*24*time.Hour)
		if err != nil || !strings.HasPrefix(text, TokenPrefix) || strings.Join(made.Scopes, " ") != "leads:read leads:write" {
			t.Fatal(text, made, err)
		}
		got, err := h.Token(t.Context(), text)
		if err != nil || got.Name != "crm" || !got.Allows("leads:read") || !got.Allows("") || got.Allows("calls:read") || got.Allows("leads") {
			t.Errorf("%+v %v", got, err)
		}
		for name, wrong := range map[string]error{"crm": ErrNameTaken, "anna": ErrTokenIsPerson, "": ErrTokenName, "a b": ErrTokenName, strings.Repeat("x", 65): ErrTokenName} {
			if _, _, err := h.MakeToken(t.Context(), name, []string{"leads:read"}, 0); !errors.Is(err, wrong) {
				t.Errorf("a token named %.10q: %v", name, err)
			}
		}
		for _, scopes := range [][]string{nil, {""}, {"leads"}, {"leads:read", "everything"}} {
			if _, _, err := h.MakeToken(t.Context(), "other", scopes, 0); !errors.Is(err, ErrScope) {
				t.Errorf("scopes %q: %v", scopes, err)
			}
		}
		for _, wrong := range []string{"", TokenPrefix, text + "x", text[:len(text)-1], strings.ToUpper(text), strings.Repeat("x", 1<<20)} {
			if _, err := h.Token(t.Context(), wrong); !errors.Is(err, ErrNoToken) {
				t.Errorf("the token %.30q: %v", wrong, err)
			}
		}
		h.Close()
		list, err := h.Tokens(t.Context())
		if err != nil || len(list) != 1 || !list[0].Used.Equal(h.db.Now()) {
			t.Errorf("%+v %v", list, err)
		}
		time.Sleep(90 * 24 * time.Hour)
		if _, err := h.Token(t.Context(), text); !errors.Is(err, ErrNoToken) {
			t.Errorf("a token that is over: %v", err)
		}
		text, _, err = h.MakeToken(t.Context(), "till", []string{"calls:read"}, 0)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * 365 * 24 * time.Hour)
		if _, err := h.Token(t.Context(), text); err != nil {
			t.Errorf("a token without an end: %v", err)
		}
		if err := h.Revoke(t.Context(), "till"); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Token(t.Context(), text); !errors.Is(err, ErrNoToken) {
			t.Errorf("a revoked token: %v", err)
		}
		if err := h.Revoke(t.Context(), "till"); !errors.Is(err, ErrNoToken) {
			t.Errorf("revoked twice: %v", err)
		}
	})
}

// TestSeenIsWrittenOnceAMinute wants that requests do not become writes.
func TestSeenIsWrittenOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		secret := h.joins("anna", good)
		begun := h.db.Now()
		writes := func() int {
			h.Close()
			var n int
			if err := h.db.Reader().QueryRow("SELECT seen FROM sessions").Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n - int(begun.UnixMilli())
		}
		for _, c := range []struct {
			after time.Duration
			seen  time.Duration
		}{{0, 0}, {59 * time.Second, 0}, {61 * time.Second, 61 * time.Second}, {90 * time.Second, 61 * time.Second}, {122 * time.Second, 122 * time.Second}} {
			time.Sleep(time.Until(begun.Add(c.after)))
			for range 10 {
				if !h.in(secret) {
					t.Fatal("the session is over")
				}
			}
			if got := writes(); got != int(c.seen.Milliseconds()) {
				t.Errorf("after %s it was seen after %d ms, want %s", c.after, got, c.seen)
			}
		}
	})
}
