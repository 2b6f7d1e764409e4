package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"ringback/ari"
	"ringback/config"
)

const reloadARI = "asterisk -rx 'module reload res_ari.so'"

// checkReach asks the PBX what it is: address, user and password must be right.
func checkReach(ctx context.Context, s *subject) []finding {
	info, err := s.client.Info(ctx)
	if err == nil {
		s.info = info
		return []finding{good("address", "Asterisk %s answers at %s", info.Version, s.pbx.URL),
			good("credentials", "it knows user %q and the password", s.pbx.Username)}
	}
	s.gone = true
	trouble := ari.TroubleOf(err)
	do := trouble.Hint()
	switch trouble {
	case ari.Unauthorized:
		do = fmt.Sprintf("compare username, and the password in %s, with the section [%s] of /etc/asterisk/ari.conf there (FreePBX: Settings, Asterisk REST Interface Users), then %s",
			passwordPlace(s.pbx), s.pbx.Username, reloadARI)
		return []finding{fail("credentials", do, "the PBX refuses user %q and the password: %v", s.pbx.Username, err)}
	case ari.Refused:
		do = "see that Asterisk runs, and that /etc/asterisk/http.conf has enabled = yes with the address and port of url (asterisk -rx 'http show status')"
	case ari.Disabled:
		do += "; if that is so, load res_ari_asterisk.so"
	case ari.Starting, ari.Cut:
		do = "wait until Asterisk has started, and run this again"
	}
	return []finding{fail("address", do, "no ARI at %s: %v", s.pbx.URL, err)}
}

// passwordPlace is where the password was read from.
func passwordPlace(pbx *config.Asterisk) string {
	if pbx.PasswordFile != "" {
		return pbx.PasswordFile
	}
	return "the variable " + pbx.PasswordEnv
}

// The releases that this program is made for and tested with.
const (
	oldestRelease = 16
	newestRelease = 22
)

func checkVersion(_ context.Context, s *subject) []finding {
	switch release := s.info.Release(); {
	case release == 0:
		return []finding{warn("version", "compare it with 16 to 22 yourself", "the version %q is not understood", s.info.Version)}
	case release < oldestRelease:
		return []finding{fail("version", "use Asterisk 16 to 22", "Asterisk %d is too old", release)}
	case release > newestRelease:
		return []finding{warn("version", "record an hour and replay it (ringback record, ringback replay), and compare the verdicts with what happened",
			"Asterisk %d is newer than what this ringback was tested with, 16 to 22", release)}
	}
	return []finding{good("version", "Asterisk %d is supported", s.info.Release())}
}

// nobody is the id of a channel that no PBX has.
const nobody = "ringback-doctor-no-such-channel"

// checkRights asks for the end of a channel that is not there: whoever may not
// write is refused before it is looked for.
func checkRights(ctx context.Context, s *subject) []finding {
	err := s.client.Hangup(ctx, nobody)
	if s.readOnly = ari.HTTPStatus(err) == http.StatusForbidden; s.readOnly {
		return []finding{fail("rights", fmt.Sprintf("write read_only = no in the section [%s] of /etc/asterisk/ari.conf (FreePBX: Settings, Asterisk REST Interface Users), then %s",
			s.pbx.Username, reloadARI), "user %q may only read: no message can be sent, no phone rung, no event filtered", s.pbx.Username)}
	}
	if err != nil {
		return s.unasked("rights", err)
	}
	return []finding{good("rights", "user %q may act", s.pbx.Username)}
}

// checkApplication tells who listens under the daemon's name, and what a filter
// there holds back. It asks and changes nothing.
func checkApplication(ctx context.Context, s *subject) []finding {
	holding, err := s.client.Holding(ctx)
	if err != nil {
		return s.unasked("application", err)
	}
	if holding == ari.Free {
		return []finding{good("application", "nobody listens as %q: the name is free, the daemon is not connected", s.pbx.App)}
	}
	text := "a client listens as %q: the daemon, if it runs"
	if holding == ari.Untold {
		text = "the name %q was used before; this Asterisk does not tell whether anybody listens now"
	}
	list := []finding{good("application", text, s.pbx.App)}
	app, err := s.client.Application(ctx)
	switch {
	case ari.HTTPStatus(err) == http.StatusNotFound: // it has gone meanwhile
	case err != nil:
		list = append(list, s.unasked("application", err)...)
	default:
		list = append(list, judgeFilter(s, app)...)
	}
	return list
}

// coarser says what is not known without ChannelVarset, which carries
// DIALSTATUS, QUEUESTATUS and VMSTATUS.
const coarser = "without it queue_full, queue_empty and most queue_timeout become queue_key; busy, failed and no_answer of phones that got no channel become unreachable; " +
	"and whether a caller has left a message is not known, so that who withholds their number leaves no lead"

func judgeFilter(s *subject, app ari.Application) []finding {
	var needed []string
	var list []finding
	for _, t := range app.Withheld() {
		if t == ari.ChannelVarset {
			list = append(list, warn("filter", fmt.Sprintf("find out which program filters the application %q, and restart the daemon, which sets its own filter", s.pbx.App),
				"the filter of %q holds ChannelVarset back: %s", s.pbx.App, coarser))
			continue
		}
		needed = append(needed, t.String())
	}
	if len(needed) > 0 {
		list = append(list, fail("filter", "find out which program filters it, and restart the daemon, which sets its own filter",
			"the filter of %q holds back what verdicts are made of: %s", s.pbx.App, strings.Join(needed, ", ")))
	}
	return list
}

// checkClock compares the clocks.
func checkClock(ctx context.Context, s *subject) []finding {
	ahead, err := s.client.Ahead(ctx)
	s.ahead = ahead
	switch {
	case err != nil:
		return s.unasked("clock", err)
	case ahead.Abs() < bearable:
		return []finding{good("clock", "the clocks of PBX and host agree within %v", bearable)}
	}
	than := "ahead of"
	if ahead < 0 {
		than = "behind"
	}
	return []finding{warn("clock", "let both take their time from the network (timedatectl set-ntp true)",
		"the PBX's clock is %s %s this machine's; the daemon allows for it, and whoever compares lists with call records must too", long(ahead.Round(time.Second)), than)}
}
