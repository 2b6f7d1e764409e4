package main

import (
	"context"
	"flag"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var (
	cutRounds = flag.Int("cuts", 1, "TestCut, TestPBXGoes: how often each kind of failure happens")
	cutRate   = flag.Float64("cut-rate", 6, "TestCut, TestPBXGoes: calls a second")
)

// TestCut damages the network between daemon and PBX in every manner while the
// company is rung: nobody who rang in vain is forgotten or counted twice. A damage
// that makes the daemon blind is mended some time after it has said so. The long one:
//
//	go test ./cmd/ringback -run TestCut -cuts 10 -cut-rate 30 -timeout 30m
func TestCut(t *testing.T) {
	t.Parallel()
	var w *wire
	s := newSiege(t, siegeOptions{ari: func(url string) string {
		w = newWire(t, url)
		return w.at
	}})
	s.start()
	s.watches()
	var kinds []happening
	for d := range damageNames {
		kinds = append(kinds, happening{d.String(), func() {
			w.set(d)
			if d != thin && d != mute { // there events still come, late or not, and none is lost
				s.until("the daemon says that it does not watch", time.Minute, func() bool { return !s.ready() })
			}
			s.pause(5 * time.Second)
			w.set(mended)
		}})
	}
	s.suffer(kinds, 10*time.Second)
}

// TestPBXGoes ends the PBX, gracefully and not, starts it again on its ports, and
// has it read its configuration and its modules anew, while the company is rung.
// The call records of the calls that a killed PBX had are gone: those that were
// seen are leads all the same. The long one:
//
//	go test ./cmd/ringback -run TestPBXGoes -cuts 10 -cut-rate 30 -timeout 30m
func TestPBXGoes(t *testing.T) {
	t.Parallel()
	s := newSiege(t, siegeOptions{})
	s.start()
	s.watches()
	console := func(commands ...string) func() {
		return func() {
			for _, command := range commands {
				said, err := s.pbx.CLI(s.Context(), command)
				if err != nil {
					s.Fatal(err)
				}
				s.Logf("%s: %s", command, strings.TrimSpace(said))
			}
		}
	}
	s.suffer([]happening{
		{"restarted", func() { s.restartPBX(s.pbx.Stop) }},
		{"killed", func() { s.restartPBX(func() error { s.pbx.Kill(); return nil }) }},
		{"reloaded", console("core reload")},
		{"res_ari reloaded", console("module reload res_ari.so")},
		{"HTTP reloaded", console("module reload http")},
		{"ARI unloaded and loaded", console(
			"module unload res_ari_events.so", "module unload res_ari_asterisk.so", "module load res_ari_asterisk.so", "module load res_ari_events.so")},
	}, 6*time.Second)
}

// happening is one kind of failure.
type happening struct {
	what string
	do   func()
}

// suffer lets every kind of failure happen, in any order, while the company is
// rung, and after each lets the daemon come back. Then it settles. About so long each
// takes: to be noticed, to be mended, to be watched again.
func (s *siege) suffer(kinds []happening, each time.Duration) *audit {
	s.Helper()
	l := s.startLoad(*cutRate, time.Duration(*cutRounds*len(kinds))*each)
	for range *cutRounds {
		for _, i := range rand.Perm(len(kinds)) {
			s.pause(3 * time.Second)
			began := time.Now()
			kinds[i].do()
			s.watches()
			s.Logf("%s: watched again after %v", kinds[i].what, time.Since(began).Round(time.Millisecond))
		}
	}
	return s.settle(l)
}

// restartPBX ends the PBX, leaves its ports deserted for a while, and starts it
// again.
func (s *siege) restartPBX(end func() error) {
	s.Helper()
	down := interval{since: time.Now()}
	if err := end(); err != nil {
		s.Fatal(err)
	}
	s.pause(2 * time.Second)
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	if err := s.pbx.Restart(ctx); err != nil {
		s.Fatal(err)
	}
	down.until = time.Now()
	s.dead = append(s.dead, down)
}
