package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"ringback/ari"
	"ringback/routing"
)

// seenEndpoint is an endpoint of the PBX, and what is known of it.
type seenEndpoint struct {
	ari.Endpoint
	ari.EndpointSettings
	manager bool // a phone of the configuration
}

func (e *seenEndpoint) name() string { return e.Technology + "/" + e.Resource }

// shown is the command by which Asterisk shows it.
func (e *seenEndpoint) shown() string {
	command := "pjsip show endpoint "
	if e.Technology == "SIP" {
		command = "sip show peer "
	}
	return "asterisk -rx '" + command + e.Resource + "'"
}

// isTrunk says of an endpoint whose settings are known that it is taken for a
// trunk: it places calls without a password, known by its address.
func (e *seenEndpoint) isTrunk() bool { return !e.manager && !e.LogsIn && e.Context != "" }

func isTrunk(e *seenEndpoint) bool { return e.isTrunk() }

func isPhone(e *seenEndpoint) bool { return e.manager }

// isOther takes in the trunks that log in as phones do: what begins in a context
// of inbound.contexts, and is nobody's phone, is one.
func isOther(e *seenEndpoint) bool { return !e.manager }

// beginning are the names of endpoints of a kind whose calls begin in a context.
func (s *subject) beginning(name string, kind func(*seenEndpoint) bool) (names []string) {
	for i := range s.endpoints {
		if e := &s.endpoints[i]; e.Context == name && kind(e) {
			names = append(names, e.name())
		}
	}
	return names
}

// phoneContexts are those in which the phones of the configuration dial.
func (s *subject) phoneContexts() (names []string) {
	for i := range s.endpoints {
		if e := &s.endpoints[i]; e.manager && e.Context != "" {
			names = append(names, e.Context)
		}
	}
	return names
}

const (
	// mostSettings and settingsTime bound how many endpoints are asked for their
	// settings, and for how long: a PBX may have thousands, in a database.
	mostSettings = 1000
	settingsTime = 5 * time.Second
)

// checkEndpoints learns what endpoints there are, and where their calls begin.
func checkEndpoints(ctx context.Context, s *subject) []finding {
	all, err := s.client.Endpoints(ctx)
	if err != nil {
		return s.unasked("endpoints", err)
	}
	online := 0
	for _, e := range all {
		if e.State == "online" {
			online++
		}
		manager, _ := s.directory.Holder(s.pbx.Name, e.Technology+"/"+e.Resource)
		s.endpoints = append(s.endpoints, seenEndpoint{Endpoint: e, manager: manager != nil})
	}
	slices.SortFunc(s.endpoints, func(a, b seenEndpoint) int { return strings.Compare(a.name(), b.name()) })
	ctx, cancel := context.WithTimeout(ctx, settingsTime)
	defer cancel()
	asked, tell := 0, 0
	for i := range s.endpoints {
		e := &s.endpoints[i]
		if e.State == "unknown" { // chan_sip says so of phones that are away and that it does not watch
			if state, _ := s.client.DeviceState(ctx, e.name()); state == "UNAVAILABLE" {
				e.State = "offline"
			}
		}
		if e.Technology != "PJSIP" {
			continue
		}
		if tell++; asked == mostSettings || ctx.Err() != nil {
			continue
		}
		asked++
		// One that does not tell, because it is gone or of another kind, is known by
		// its name alone.
		e.EndpointSettings, _ = s.client.EndpointSettings(ctx, e.Resource)
	}
	text := fmt.Sprintf("the PBX has %s, %d of them online", counted(len(all), "endpoint"), online)
	if asked < tell {
		text += fmt.Sprintf("; where calls begin was asked of %d", asked)
	}
	return []finding{good("endpoints", "%s", text)}
}

// held is a phone of this PBX, and whose it is.
type held struct {
	login  string
	device *routing.Device
}

func (s *subject) devices() (list []held) {
	for i := range s.cfg.Managers {
		m := &s.cfg.Managers[i]
		for j := range m.Devices {
			if m.Devices[j].PBX == s.pbx.Name {
				list = append(list, held{m.Login, &m.Devices[j]})
			}
		}
	}
	return list
}

// checkPhones sees that the phones of the configuration are there, and trunks
// reachable.
func checkPhones(_ context.Context, s *subject) []finding {
	var ready []string
	var list []finding
	for _, d := range s.devices() {
		address := d.device.Address()
		e := s.endpoint(address)
		switch {
		case e == nil:
			list = append(list, fail("phones", s.sameName(address), "%s of %s: the PBX has no such endpoint", address, d.login))
		case e.State == "offline":
			list = append(list, warn("phones", "see that the phone is on, in the network, and registers at this PBX ("+e.shown()+")",
				"%s of %s is not registered: no message is shown there, and it is not rung", address, d.login))
		default:
			ready = append(ready, address)
		}
	}
	if len(ready) > 0 {
		verb := "are"
		if len(ready) == 1 {
			verb = "is"
		}
		list = append(list, good("phones", "%s %s there: %s", counted(len(ready), "phone"), verb, someOf(ready)))
	}
	for i := range s.endpoints {
		e := &s.endpoints[i]
		if e.isTrunk() && slices.Contains(s.pbx.Inbound.Contexts, e.Context) && e.State == "offline" {
			list = append(list, warn("trunks", "see that the provider answers ("+e.shown()+")", "the trunk %s is not reachable", e.name()))
		}
	}
	return list
}

// endpoint finds an endpoint by its address; nil: there is none. Asterisk takes
// no notice of the letters' case.
func (s *subject) endpoint(address string) *seenEndpoint {
	i := slices.IndexFunc(s.endpoints, func(e seenEndpoint) bool { return strings.EqualFold(e.name(), address) })
	if i < 0 {
		return nil
	}
	return &s.endpoints[i]
}

// sameName suggests an endpoint of the same name that another driver has.
func (s *subject) sameName(address string) string {
	_, name, _ := strings.Cut(address, "/")
	for i := range s.endpoints {
		if e := &s.endpoints[i]; strings.EqualFold(e.Resource, name) {
			return "write " + e.name() + " under managers[].devices, if that is the phone"
		}
	}
	return "compare managers[].devices with asterisk -rx 'pjsip show endpoints'"
}

// checkDial looks at the endpoint that reminders are dialed by.
func (s *subject) checkDial(ctx context.Context) []finding {
	address := dialedBy(s.pbx.Connect.Dial)
	tech, name, _ := strings.Cut(address, "/")
	if name == "" {
		return nil
	}
	switch e, err := s.client.Endpoint(ctx, tech, name); {
	case ari.HTTPStatus(err) == http.StatusNotFound:
		return []finding{fail("trunks", s.sameName(address), "connect.dial leads to %s, and the PBX has no such endpoint", address)}
	case err != nil:
		return s.unasked("trunks", err)
	case e.State == "offline":
		return []finding{warn("trunks", "see that the provider answers ("+(&seenEndpoint{Endpoint: e}).shown()+")", "the trunk %s of connect.dial is not reachable", address)}
	}
	return []finding{good("trunks", "the trunk %s of connect.dial is there", address)}
}

// dialedBy is the endpoint in a template of connect.dial: PJSIP/{number}@trunk,
// PJSIP/trunk/sip:{number}@host, SIP/trunk/{number}. Empty: it names none that ARI
// lists.
func dialedBy(template string) string {
	parts := strings.Split(template, "/")
	if len(parts) < 2 || !slices.Contains([]string{"PJSIP", "SIP", "IAX2"}, strings.ToUpper(parts[0])) {
		return ""
	}
	name := parts[1]
	if _, after, found := strings.Cut(name, "@"); found {
		name = after
	}
	if strings.Contains(name, "{number}") {
		return ""
	}
	return parts[0] + "/" + name
}
