package people

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// waits says how long somebody has to wait; 0: their password was looked at.
func (h *house) waits(login, password string, from From) time.Duration {
	h.t.Helper()
	_, err := h.LogIn(h.t.Context(), login, password, from)
	var wait *WaitError
	if errors.As(err, &wait) {
		return wait.For
	}
	if err != nil && !errors.Is(err, ErrWrong) {
		h.t.Fatal(err)
	}
	return 0
}

func TestNoStrangerKeepsAFamiliarBrowserOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.joins("anna", good)
		own := From{Address: "192.0.2.1", Familiar: h.Familiar("anna")}
		stranger := From{Address: "198.51.100.7"}
		for range freeLogin {
			h.waits("anna", "wrong "+good, stranger)
		}
		if got := h.waits("anna", good, From{Address: "192.0.2.1"}); got != time.Second {
			t.Errorf("any other browser waits %s", got)
		}
		if err := h.logIns(own); err != nil {
			t.Errorf("the browser in which the person has logged in: %v", err)
		}
		if got := h.waits("anna", good, stranger); got != time.Second {
			t.Errorf("the stranger, after the person came in, waits %s", got)
		}
		for range freeLogin {
			if got := h.waits("anna", "wrong "+good, own); got != 0 {
				t.Fatalf("the familiar browser waits %s too soon", got)
			}
		}
		if got := h.waits("anna", good, own); got != time.Second {
			t.Errorf("who has taken the cookie guesses on after %s", got)
		}
		for name, familiar := range map[string]string{
			"another's": h.Familiar("boris"), "forged": own.Familiar[:len(own.Familiar)-1] + "A", "with more behind": own.Familiar + "AAAA", "a link": strings.TrimPrefix(h.Link("anna", 1, h.db.Now()), LinkPath),
			"of another house": newHouse(t).Familiar("anna"), "nothing": "", "endless": strings.Repeat("A", 1<<20), "in two lines": own.Familiar[:4] + "\n" + own.Familiar[4:],
		} {
			if got := h.waits("anna", good, From{Address: "192.0.2.1", Familiar: familiar}); got != time.Second {
				t.Errorf("%s: waits %s", name, got)
			}
		}
		own.Familiar = h.Familiar("anna")
		time.Sleep(FamiliarFor - time.Minute)
		for range freeLogin {
			h.waits("anna", "wrong "+good, stranger)
		}
		if got := h.waits("anna", good, own); got != 0 {
			t.Errorf("shortly before its year is over: %s", got)
		}
		time.Sleep(time.Minute)
		h.waits("anna", "wrong "+good, stranger)
		if got := h.waits("anna", good, own); got == 0 {
			t.Error("after a year it is familiar still")
		}
	})
}

func (h *house) logIns(from From) error {
	_, err := h.LogIn(h.t.Context(), "anna", good, from)
	return err
}

func TestStrangersLeaveRoomForWhoIsFamiliar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.joins("anna", good)
		give, err := h.hasher.take(t.Context(), h.hasher.strangers)
		if err != nil {
			t.Fatal(err)
		}
		came, in := make(chan error, mostWaiting+1), make(chan error, 1)
		for i := range mostWaiting + 1 {
			go func() { came <- h.logIn(fmt.Sprint("stranger", i), good, "") }()
		}
		synctest.Wait()
		if len(came) != 1 || !errors.Is(<-came, ErrBusy) {
			t.Error("there is room for each stranger")
		}
		go func() { in <- h.logIns(From{Familiar: h.Familiar("anna")}) }()
		synctest.Wait()
		give()
		if err := <-in; err != nil {
			t.Errorf("the familiar browser: %v", err)
		}
	})
}

func TestWhoseAddressCannotBeToldWaitsForLoginsOfNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.joins("anna", good)
		for i := range freeAddress {
			if got := h.waits(fmt.Sprint("nobody", i), good, From{}); got != 0 {
				t.Fatalf("the %dth waits %s", i, got)
			}
		}
		if got := h.waits("another", good, From{}); got != time.Second {
			t.Errorf("one more login that nobody has waits %s: each of them costs a hash", got)
		}
		if err := h.logIns(From{}); err != nil {
			t.Errorf("who can come in: %v", err)
		}
		if got := h.waits("another", good, From{}); got != time.Second {
			t.Errorf("after somebody came in: %s", got)
		}
	})
}

func TestASiteOfManyNetworksIsOneGuesser(t *testing.T) {
	h := newHouse(t)
	now := h.db.Now()
	tried := 0
	for ; tried < 10*freeSite; tried++ {
		who := h.guesser(fmt.Sprint("nobody", tried), From{Address: fmt.Sprintf("2001:db8:7:%x::1", tried)})
		if h.slow.wait(who, now) > 0 {
			break
		}
		h.slow.wrong(who, now)
	}
	if tried != freeSite {
		t.Errorf("%d guesses from the networks of one site were looked at, want %d", tried, freeSite)
	}
	if wait := h.slow.wait(h.guesser("anna", From{Address: "2001:db8:8::1"}), now); wait != 0 {
		t.Errorf("another site waits %s", wait)
	}
}
