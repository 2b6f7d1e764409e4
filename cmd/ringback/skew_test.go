package main

import (
	"database/sql"
	"flag"
	"path/filepath"
	"testing"
	"time"

	"ringback/ari/pbx"
)

var skewRounds = flag.Int("skews", 1, "TestPBXClock: how often the PBX's clock goes through all that can happen to it")

// TestPBXClock lets the PBX's clock go wrong while the company is rung: by 90 s
// either way, by an hour back and forth, while the daemon watches and while it is
// dead. The ids by which calls are found in the records go by that clock. Nobody
// who rang in vain is forgotten or counted twice, as long as each life of the daemon
// lasts until it has noted what the clock is. Of who talks while the clock is
// set it is not known for how long, and a lead is no fault. The long one:
//
//	go test ./cmd/ringback -run TestPBXClock -skews 10 -cut-rate 30 -timeout 30m
func TestPBXClock(t *testing.T) {
	t.Parallel()
	s := newSiege(t, siegeOptions{pbx: func(o *pbx.Options) { o.OwnClock = true }})
	s.setPBXClock(90 * time.Second)
	s.watchedSince(3 * time.Hour)
	shifts := []time.Duration{-90 * time.Second, time.Hour, 0, -time.Hour, 90 * time.Second}
	const each = 6 * time.Second
	l := s.startLoad(*cutRate, time.Duration(*skewRounds*len(shifts))*each)
	for range *skewRounds {
		for _, shift := range shifts {
			s.pause(4 * time.Second)
			s.killDaemon()
			s.pause(time.Second)
			s.setPBXClock(shift)
			s.pause(3 * time.Second)
			s.start()
			s.watches()
			s.until("the clock that the PBX has now is known to the next life", time.Minute, s.gapIsNoted)
		}
	}
	s.settle(l)
}

// TestPBXClockIsSetWhileWatched sets the PBX's clock back and forth by an hour
// while the daemon watches, and kills the daemon soon after.
func TestPBXClockIsSetWhileWatched(t *testing.T) {
	t.Parallel()
	s := newSiege(t, siegeOptions{pbx: func(o *pbx.Options) { o.OwnClock = true }})
	s.watchedSince(3 * time.Hour)
	shifts := []time.Duration{-time.Hour, 0, time.Hour, 0}
	const each = 8 * time.Second
	l := s.startLoad(*cutRate, time.Duration(*skewRounds*len(shifts))*each)
	for range *skewRounds {
		for _, shift := range shifts {
			s.pause(4 * time.Second)
			s.setPBXClock(shift)
			s.pause(4 * time.Second)
			s.killDaemon()
			s.pause(3 * time.Second)
			s.start()
			s.watches()
			s.until("the clock that the PBX has now is known to the next life", time.Minute, s.gapIsNoted)
		}
	}
	s.settle(l)
}

func (s *siege) setPBXClock(shift time.Duration) {
	s.Helper()
	s.clockSet = append(s.clockSet, time.Now())
	if err := s.pbx.SetClock(shift); err != nil {
		s.Fatal(err)
	}
}

// watchedSince starts the daemon, which then has watched the PBX for so long
// already: what seems older than its first start would open no lead.
func (s *siege) watchedSince(ago time.Duration) {
	s.Helper()
	s.start()
	s.watches()
	s.stop()
	file, err := sql.Open("sqlite", "file:"+filepath.Join(s.dir, "ringback.db"))
	if err != nil {
		s.Fatal(err)
	}
	defer file.Close()
	if _, err := file.ExecContext(s.Context(), "UPDATE watched SET first = $1", time.Now().Add(-ago).UnixMilli()); err != nil {
		s.Fatal(err)
	}
	s.start()
	s.watches()
}
