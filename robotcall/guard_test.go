package robotcall

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/leads/db"
	"ringback/leads/dials"
	"ringback/routing"
)

// openDB opens a database that is closed when the test ends.
func openDB(t *testing.T) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{Path: filepath.Join(t.TempDir(), "t.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func endDial(t *testing.T, d *db.DB, p Pass, o dials.Outcome) {
	t.Helper()
	if err := d.Do(t.Context(), func(tx *db.Tx) error { return dials.End(tx, p.dial.Channel, o, "") }); err != nil {
		t.Fatal(err)
	}
}

// anyHour are rules that let numbers of Russia pass around the clock.
func anyHour() *Rules {
	r := DefaultRules("RU")
	r.Hours.Week = nil
	return &r
}

func client(i int) Request {
	return Request{Kind: dials.Reminder, PBX: "main", Trunk: "out", Number: fmt.Sprintf("+7916%07d", i), Job: int64(i + 1)}
}

func TestAdmitBooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDB(t)
		reg := prometheus.NewPedanticRegistry()
		g := NewGuard(anyHour(), d, reg)
		q := client(1)
		q.Device, q.Who, q.Lead, q.Reminder = "Local/x@out", "anna", 5, 6
		passes, decision, err := g.Admit(t.Context(), q)
		if err != nil || !decision.Allowed || len(passes) != 1 {
			t.Fatal(passes, decision, err)
		}
		dial := passes[0].dial
		if !strings.HasPrefix(dial.Channel, ChannelPrefix) || len(dial.Channel) < len(ChannelPrefix)+16 || dial.Call != dial.Channel {
			t.Errorf("channel %q of call %q", dial.Channel, dial.Call)
		}
		var rows []dials.Dial
		err = d.Do(t.Context(), func(tx *db.Tx) (err error) {
			rows, err = dials.OfJob(tx, q.Job)
			return err
		})
		if err != nil || len(rows) != 1 || rows[0] != dial || rows[0].Device != q.Device || rows[0].Reminder != 6 {
			t.Errorf("in the book stands %+v, the pass says %+v: %v", rows, dial, err)
		}
		// The number is in a call now, and nothing more is booked.
		passes, decision, err = g.Admit(t.Context(), q)
		if err != nil || decision.Reason != NumberBusy || passes != nil {
			t.Errorf("the same number at the same time: %+v, %+v, %v", passes, decision, err)
		}
		wantMetric(t, reg, "ringback_dials_open", "", 1)
		wantMetric(t, reg, "ringback_dials_refused_total", "reminder number_busy", 1)
		endDial(t, d, Pass{dial: dial}, dials.NoAnswer)
		endDial(t, d, Pass{dial: dial}, dials.NoAnswer)
		wantMetric(t, reg, "ringback_dials_open", "", 0)
		wantMetric(t, reg, "ringback_dials_total", "reminder no_answer", 1)
		wantMetric(t, reg, "ringback_dials_total", "connect congestion", 0)
	})
}

// wantMetric compares a metric, by the values of its labels in the order of
// their names.
func wantMetric(t *testing.T, reg *prometheus.Registry, name, labels string, want float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			if f.GetName() != name || strings.Join(values, " ") != labels {
				continue
			}
			if got := m.GetCounter().GetValue() + m.GetGauge().GetValue(); got != want {
				t.Errorf("%s{%s} is %v, want %v", name, labels, got, want)
			}
			return
		}
	}
	t.Errorf("there is no %s{%s}", name, labels)
}

// All legs of a manager's call pass, or none.
func TestAdmitLegs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDB(t)
		g := NewGuard(anyHour(), d, nil)
		leg := func(device string) Request {
			return Request{Kind: dials.Manager, Who: "anna", Device: device, PBX: "main"}
		}
		count := func(want int) {
			t.Helper()
			if n, err := dials.CountOpen(t.Context(), d.Reader()); err != nil || n != want {
				t.Errorf("%d open, %v, want %d", n, err, want)
			}
		}
		bad := leg("Local/80000000000@out")
		bad.Number = premium
		if passes, decision, err := g.Admit(t.Context(), leg("PJSIP/101"), bad); err != nil || decision.Reason != BadType || passes != nil {
			t.Errorf("one leg is forbidden: %+v, %+v, %v", passes, decision, err)
		}
		count(0)
		passes, _, err := g.Admit(t.Context(), leg("PJSIP/101"), leg("PJSIP/201"))
		if err != nil || len(passes) != 2 || passes[0].dial.Call != passes[1].dial.Call || passes[0].dial.Channel == passes[1].dial.Channel {
			t.Fatalf("two legs: %+v, %v", passes, err)
		}
		count(2)
		if _, decision, err := g.Admit(t.Context(), leg("PJSIP/301")); err != nil || decision.Reason != PersonOften {
			t.Errorf("another call at once: %+v, %v", decision, err)
		}
		// The next phone in turn belongs to the call.
		next := leg("PJSIP/301")
		next.Call = passes[0].dial.Call
		if third, decision, err := g.Admit(t.Context(), next); err != nil || len(third) != 1 || third[0].dial.Call != next.Call {
			t.Errorf("the next phone of the same call: %+v, %+v, %v", third, decision, err)
		}
		boris := leg("PJSIP/102")
		boris.Who = "boris"
		for name, several := range map[string][]Request{"two people": {leg("PJSIP/101"), boris}, "two clients": {client(1), client(2)}, "none": {}} {
			if _, _, err := g.Admit(t.Context(), several...); !errors.Is(err, errLegs) {
				t.Errorf("%s at a time: %v", name, err)
			}
		}
		count(3)
	})
}

// Whoever asks, and however many ask at once, the book never holds more than the
// caps.
func TestAdmitKeepsTheCaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDB(t)
		rules := anyHour()
		rules.Hours.Zone, rules.Concurrent, rules.PerSecond = "Europe/Moscow", 4, 3
		rules.Trunks = map[Trunk]Bounds{{"main", "out"}: {Concurrent: 3, PerSecond: 2}}
		g := NewGuard(rules, d, nil)
		var mu sync.Mutex
		var begun []time.Time
		open, most := 0, 0
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				for {
					passes, decision, err := g.Admit(t.Context(), client(i))
					switch {
					case err != nil:
						t.Error(err)
						return
					case decision.Allowed:
						mu.Lock()
						begun = append(begun, passes[0].dial.Booked)
						open++
						most = max(most, open)
						mu.Unlock()
						time.Sleep(time.Duration(i%7) * 300 * time.Millisecond)
						mu.Lock()
						open--
						mu.Unlock()
						endDial(t, d, passes[0], dials.NoAnswer)
						return
					}
					time.Sleep(time.Until(decision.Until))
				}
			})
		}
		all.Wait()
		slices.SortFunc(begun, func(a, b time.Time) int { return a.Compare(b) })
		for i := 2; i < len(begun); i++ {
			if begun[i].Sub(begun[i-2]) < time.Second {
				t.Errorf("three within a second: %s, %s", begun[i-2], begun[i])
			}
		}
		if most != 3 || len(begun) != 40 {
			t.Errorf("%d calls, at most %d at a time, want 40 and 3", len(begun), most)
		}
	})
}

// Whoever asks again for the same job is held to the table of retries: also
// one who does not remember that it was dialed, because the daemon died.
func TestAdmitKeepsTheRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDB(t)
		rules := anyHour()
		rules.PerNumberDay, rules.PerNumber30Days = 100, 100
		g := NewGuard(rules, d, nil)
		begin := time.Now()
		ask := func(want string) (p Pass) {
			t.Helper()
			passes, decision, err := g.Admit(t.Context(), client(1))
			got := string(decision.Reason)
			if !decision.Until.IsZero() {
				got += " " + decision.Until.Sub(begin).String()
			}
			if err != nil || got != want {
				t.Fatalf("after %s: %q, want %q: %v", time.Since(begin), got, want, err)
			}
			if decision.Allowed {
				p = passes[0]
			}
			return p
		}
		end := func(p Pass, after time.Duration, o dials.Outcome) {
			t.Helper()
			time.Sleep(after)
			endDial(t, d, p, o)
		}
		first := ask("")
		time.Sleep(time.Minute) // nobody remembers it, and it still rings
		ask("number_busy 1m15s")
		end(first, time.Minute, dials.Congestion)
		ask("retry 3m0s")
		time.Sleep(time.Minute)
		end(ask(""), time.Minute, dials.Busy)
		ask("retry 9m0s")
		time.Sleep(5 * time.Minute)
		// The next way of writing the number is the same call.
		q := client(1)
		failed := ask("")
		end(failed, time.Second, dials.Failed)
		q.Call = failed.dial.Call
		passes, decision, err := g.Admit(t.Context(), q)
		if err != nil || !decision.Allowed {
			t.Fatal(decision, err)
		}
		end(passes[0], 59*time.Second, dials.NoAnswer)
		ask("retry 40m0s")
		time.Sleep(30 * time.Minute)
		end(ask(""), time.Minute, dials.NoAnswer)
		ask("tried")
	})
}

func TestAdmitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := anyHour()
		rules.PerSecond = 1
		g := NewGuard(rules, openDB(t), nil)
		if _, decision, err := g.Admit(t.Context(), client(1)); err != nil || !decision.Allowed {
			t.Fatal(decision, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if passes, _, err := g.Admit(ctx, client(2)); !errors.Is(err, context.DeadlineExceeded) || passes != nil {
			t.Errorf("%+v, %v", passes, err)
		}
	})
}

// The phones see no more in any second than the caps say, though the PBX takes
// its time for some requests.
func TestPacer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := anyHour()
		rules.PerSecond = 3
		rules.Trunks = map[Trunk]Bounds{{"main", "slow"}: {PerSecond: 1}}
		p := NewPacer(rules)
		born := time.Now()
		var mu sync.Mutex
		begun, returned := map[string][]time.Time{}, map[string]time.Time{}
		var all sync.WaitGroup
		for i := range 20 {
			trunk := []string{"slow", "out", "out"}[i%3]
			all.Go(func() {
				err := p.Place(t.Context(), Pass{dial: dials.Dial{Kind: dials.Reminder, PBX: "main", Trunk: trunk}}, func() error {
					mu.Lock()
					begun[trunk] = append(begun[trunk], time.Now())
					begun["any"] = append(begun["any"], time.Now())
					if gap := time.Since(returned[trunk]); gap < share(3) {
						t.Errorf("%s: %s after the PBX had answered", trunk, gap)
					}
					mu.Unlock()
					time.Sleep(time.Duration(i%2) * 600 * time.Millisecond)
					mu.Lock()
					defer mu.Unlock()
					returned[trunk] = time.Now()
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for name, n := range map[string]int{"any": 3, "slow": 1} {
			list := begun[name]
			for i := n; i < len(list); i++ {
				if list[i].Sub(list[i-n]) < 1099*time.Millisecond {
					t.Errorf("%s: more than %d in a second: %s after %s", name, n, list[i], list[i-n])
				}
			}
		}
		if len(begun["any"]) != 20 || begun["any"][0].Sub(born) < time.Second {
			t.Errorf("%d calls, the first after %s", len(begun["any"]), begun["any"][0].Sub(born))
		}
	})
}

// A trunk that rests, and a PBX that takes its time, hold up no other.
func TestPacerKeepsTrunksApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := anyHour()
		rules.PerSecond = 3
		rules.Trunks = map[Trunk]Bounds{{"main", "rests"}: {PerSecond: 1}}
		p := NewPacer(rules)
		born := time.Now()
		var mu sync.Mutex
		begun := map[string][]time.Duration{}
		var all sync.WaitGroup
		for trunk, takes := range map[string]time.Duration{"rests": 0, "slow": 8 * time.Second, "out": 0} {
			for range 4 {
				all.Go(func() {
					err := p.Place(t.Context(), Pass{dial: dials.Dial{Kind: dials.Reminder, PBX: "main", Trunk: trunk}}, func() error {
						mu.Lock()
						begun[trunk] = append(begun[trunk], time.Since(born))
						mu.Unlock()
						time.Sleep(takes)
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		// Twelve calls, of which no four begin in a second.
		if last := begun["out"][3]; last > 4*time.Second {
			t.Errorf("by the free trunk they begin after %v", begun["out"])
		}
		if last := begun["rests"][3]; last > 6*time.Second {
			t.Errorf("by the one that rests after %v", begun["rests"])
		}
	})
}

// Who was let pass a minute before nine in the evening is not called after.
func TestPacerKeepsTheHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := anyHour()
		rules.Hours = routing.Hours{Zone: "Europe/Moscow", Week: map[string]string{"mon-sun": "09:00-21:00"}}
		g, p := NewGuard(rules, openDB(t), nil), NewPacer(rules)
		time.Sleep(18*time.Hour - time.Second) // 20:59:59 in Moscow
		admit := func(i int, expires time.Duration) Pass {
			t.Helper()
			q := client(i)
			q.Expires = time.Now().Add(expires)
			passes, decision, err := g.Admit(t.Context(), q)
			if err != nil || !decision.Allowed {
				t.Fatal(decision, err)
			}
			return passes[0]
		}
		first, second := admit(1, 500*time.Millisecond), admit(2, time.Hour)
		place := func(pass Pass, want error, called bool) {
			t.Helper()
			was := false
			if err := p.Place(t.Context(), pass, func() error { was = true; return nil }); !errors.Is(err, want) || was != called {
				t.Errorf("%v, placed: %v; want %v", err, was, want)
			}
		}
		place(first, nil, true)
		place(second, nil, true) // 550 ms later
		place(first, errTooLate, false)
		place(second, errTooLate, false)
	})
}

// Whoever waits for room does so in its place: who came back at once would keep
// the database busy. It is not waited for what is far away.
func TestAdmitWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDB(t)
		rules := anyHour()
		rules.Trunks = map[Trunk]Bounds{{"main", "out"}: {Concurrent: 1}}
		g := NewGuard(rules, d, nil)
		first, _, err := g.Admit(t.Context(), client(1))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if passes, decision, err := g.Admit(t.Context(), client(2)); err != nil || passes != nil || decision.Reason != TrunkConcurrent ||
			decision.Until.IsZero() || time.Since(began) < patience-2*time.Second || time.Since(began) > patience {
			t.Errorf("after %s: %+v, %v", time.Since(began), decision, err)
		}
		time.AfterFunc(3*time.Second, func() { endDial(t, d, first[0], dials.NoAnswer) })
		began = time.Now()
		if passes, decision, err := g.Admit(t.Context(), client(2)); err != nil || len(passes) != 1 || time.Since(began) > 4*time.Second {
			t.Errorf("after %s: %+v, %v", time.Since(began), decision, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		rules := anyHour()
		rules.PerSecond, rules.Hours = 1, routing.Hours{Zone: "Europe/Moscow", Week: map[string]string{"mon-sun": "09:00-21:00"}}
		g := NewGuard(rules, openDB(t), nil)
		time.Sleep(18*time.Hour - 500*time.Millisecond) // half a second before nine in the evening
		began := time.Now()
		if _, decision, err := g.Admit(t.Context(), client(1)); err != nil || !decision.Allowed {
			t.Fatal(decision, err)
		}
		if _, decision, err := g.Admit(t.Context(), client(2)); err != nil || decision.Until.Sub(began) != 12*time.Hour+500*time.Millisecond {
			t.Errorf("the next after closing time: %+v, %v", decision, err)
		}
		today := client(3)
		today.Expires = began.Add(time.Hour)
		if _, decision, err := g.Admit(t.Context(), today); err != nil || decision != (Decision{Reason: TooLate}) {
			t.Errorf("one that is of use today alone: %+v, %v", decision, err)
		}
		if time.Since(began) > time.Millisecond {
			t.Errorf("it was waited %s for tomorrow", time.Since(began))
		}
	})
}

func TestPacerLetsPeopleThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(anyHour())
		began := time.Now()
		failed := errors.New("refused")
		for _, kind := range []dials.Kind{dials.Manager, dials.Connect} {
			if err := p.Place(t.Context(), Pass{dial: dials.Dial{Kind: kind}}, func() error { return failed }); err != failed || !time.Now().Equal(began) {
				t.Errorf("%s: %v after %s", kind, err, time.Since(began))
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		client := Pass{dial: dials.Dial{Kind: dials.Reminder}}
		if err := p.Place(ctx, client, func() error { t.Error("placed"); return nil }); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if err := p.Place(t.Context(), client, func() error { return failed }); err != failed {
			t.Errorf("after one who gave up: %v", err)
		}
	})
}
