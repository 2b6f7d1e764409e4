package pbx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"ringback/ari/pbx/debian"
)

// clockFile holds how far an instance's clock is ahead of the machine's.
const clockFile = "clock"

// fakeTime is the library that tells Asterisk another time than the kernel's.
func (r Root) fakeTime() string {
	return filepath.Join(r.Dir, "usr/lib", debian.Triplet(), "faketime/libfaketime.so.1")
}

// SetClock makes the instance's clock differ from the machine's by shift, from
// now on; negative is behind. Asterisk sees it jump, as when somebody sets the
// time of a machine: what measures durations (the monotonic clock) goes on. The
// Options must have given it a clock of its own. The shift outlives a Restart.
func (i *Instance) SetClock(shift time.Duration) error {
	if !i.plan.OwnClock {
		return errors.New("pbx: this instance goes by the machine's clock: see Options.OwnClock")
	}
	return i.plan.setClock(shift)
}

// setClock replaces the file in one step: Asterisk reads it all the time.
func (p plan) setClock(shift time.Duration) error {
	file := filepath.Join(p.Dir, clockFile)
	text := strconv.FormatFloat(shift.Seconds(), 'f', 6, 64)
	if shift >= 0 {
		text = "+" + text
	}
	if err := os.WriteFile(file+".new", []byte(text+"\n"), 0o600); err != nil {
		return fmt.Errorf("pbx: set the clock: %w", err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		return fmt.Errorf("pbx: set the clock: %w", err)
	}
	return nil
}

// command is what runs the instance, and what is added to its environment.
func (i *Instance) command() (argv, environment []string, err error) {
	library := ""
	if i.plan.OwnClock {
		library = i.Root.fakeTime()
		environment = []string{
			"FAKETIME_TIMESTAMP_FILE=" + filepath.Join(i.Dir, clockFile),
			"FAKETIME_NO_CACHE=1",            // the file is read whenever the time is
			"FAKETIME_DONT_FAKE_MONOTONIC=1", // durations stay true
			"FAKETIME_DISABLE_SHM=1",
		}
	}
	argv, err = i.Root.Command(library, asterisk, "-C", filepath.Join(i.Dir, "etc/asterisk.conf"), "-f", "-n")
	return argv, environment, err
}
