package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"ringback/ari"
)

// doctorApp is the ARI application of this examination. Under the daemon's own
// name it would take the daemon's place.
var doctorApp = fmt.Sprintf("ringback-doctor-%d", os.Getpid())

// doctorVariable is the global variable by which ChannelVarset is provoked.
const doctorVariable = "RINGBACK_DOCTOR"

// eventPatience is how long an event is waited for.
const eventPatience = 5 * time.Second

// listening is a websocket of our own.
type listening struct {
	stream    *ari.Stream
	connected chan struct{}
	bridge    chan struct{} // BridgeCreated came, of our bridge
	variable  chan struct{} // ChannelVarset came, of our variable
	stop      context.CancelFunc
	ended     chan struct{}
}

func listen(ctx context.Context, client *ari.Client) *listening {
	l := &listening{connected: make(chan struct{}), bridge: make(chan struct{}), variable: make(chan struct{}), ended: make(chan struct{}),
		stream: ari.NewStream(client, ari.StreamOptions{Log: slog.New(slog.DiscardHandler)})}
	ctx, l.stop = context.WithCancel(ctx)
	go func() {
		defer close(l.ended)
		_ = l.stream.Run(ctx, l.hear) // it returns only because ctx has ended
	}()
	return l
}

func (l *listening) hear(ev *ari.Event) {
	switch {
	case ev.Type == ari.Connected:
		once(l.connected)
	case ev.Type == ari.BridgeCreated && ev.Bridge.ID == doctorApp:
		once(l.bridge)
	case ev.Type == ari.ChannelVarset && ev.Variable == doctorVariable && ev.Value == doctorApp:
		once(l.variable)
	}
}

// once closes a channel that one goroutine closes.
func once(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}

// came waits for something to be heard.
func came(ctx context.Context, what chan struct{}) bool {
	ctx, cancel := context.WithTimeout(ctx, eventPatience)
	defer cancel()
	select {
	case <-what:
		return true
	case <-ctx.Done():
		return false
	}
}

// checkEvents opens a websocket under a name of its own and sees whether what
// happens on the PBX is told there. What happens is an empty bridge and a global
// variable, both taken away again: neither is part of any call.
func checkEvents(ctx context.Context, s *subject) []finding {
	account := s.pbx.ARI()
	account.App = doctorApp
	client, err := ari.NewClient(account)
	if err != nil {
		return s.unasked("events", err)
	}
	defer client.Close()
	l := listen(ctx, client)
	defer func() {
		// It is made forgotten also where the examination was interrupted.
		_ = client.Unsubscribe(context.WithoutCancel(ctx))
		l.stop()
		<-l.ended
	}()
	if !came(ctx, l.connected) {
		err := l.stream.Status().Err
		if err == nil {
			err = errors.New("no websocket within " + eventPatience.String())
		}
		if s.readOnly && ari.TroubleOf(err) == ari.Forbidden {
			return []finding{good("websocket", "the websocket opens"),
				warn("events", "", "whether events arrive was not tried: user %q may only read", s.pbx.Username)}
		}
		do := "load res_http_websocket.so and res_ari_events.so; a proxy between must let websockets pass. " + ari.TroubleOf(err).Hint()
		if lacks(err, "channels") || lacks(err, "bridges") || lacks(err, "applications") {
			do = "load that part of ARI, as was said above"
		}
		return []finding{fail("websocket", do, "events cannot be heard: %v", err)}
	}
	list := []finding{good("websocket", "the websocket opens")}
	for _, part := range []func(context.Context, *subject, *ari.Client, *listening) []finding{provokeBridge, provokeVariable, tryFilter} {
		list = append(list, part(ctx, s, client, l)...)
		if s.gone || ctx.Err() != nil {
			break
		}
	}
	return list
}

func provokeBridge(ctx context.Context, s *subject, client *ari.Client, l *listening) []finding {
	made := client.CreateBridge(ctx, doctorApp)
	heard := made == nil && came(ctx, l.bridge)
	// Also after an error: the PBX may have made it and not said so in time.
	gone := client.DestroyBridge(context.WithoutCancel(ctx), doctorApp)
	if err := cmp.Or(made, gone); err != nil {
		return s.unasked("events", err)
	}
	if !heard {
		return []finding{fail("events", "see that res_stasis.so runs, and that /etc/asterisk/stasis.conf declines no message type", "the PBX tells nothing of what happens on it: an event that had to come did not")}
	}
	return []finding{good("events", "events of the whole PBX arrive")}
}

func provokeVariable(ctx context.Context, s *subject, client *ari.Client, l *listening) []finding {
	set := client.SetGlobal(ctx, doctorVariable, doctorApp)
	heard := set == nil && came(ctx, l.variable)
	gone := client.SetGlobal(context.WithoutCancel(ctx), doctorVariable, "")
	if err := cmp.Or(set, gone); err != nil {
		return s.unasked("varset", err)
	}
	if !heard {
		return []finding{warn("varset", "take ast_channel_varset_type out of the declined types in /etc/asterisk/stasis.conf, and restart Asterisk",
			"ChannelVarset does not arrive: %s", coarser)}
	}
	return []finding{good("varset", "ChannelVarset arrives: why a queue or a phone was not reached is known exactly")}
}

// tryFilter filters our own application, and no other.
func tryFilter(ctx context.Context, s *subject, client *ari.Client, _ *listening) []finding {
	if !s.pbx.EventFilter {
		return []finding{good("filter", "no event filter is asked for (event_filter: false): every event is sent")}
	}
	err := client.SetEventFilter(ctx, []string{"DeviceStateChanged"})
	switch status := ari.HTTPStatus(err); {
	case err == nil:
		return []finding{good("filter", "the PBX filters events that nobody needs")}
	case status != 0:
		return []finding{warn("filter", "nothing must be done; event_filter: false spares the daemon its warning", "the PBX does not filter events (%v): more of them arrive than are needed", err)}
	}
	return s.unasked("filter", err)
}
