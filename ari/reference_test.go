package ari

import (
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"time"
)

// object is a JSON object read by encoding/json: of doubled keys the last one
// holds, as a whole.
type object map[string]json.RawMessage

// reference is Decode written for truth instead of speed, on encoding/json.
// Decode must agree with it about every text that nests no deeper than 64.
func reference(frame []byte) (Event, error) {
	if trimmed := string(frame); trimmed == "" {
		return Event{}, errors.New("empty")
	}
	var o object
	if err := json.Unmarshal(frame, &o); err != nil {
		return Event{}, err
	}
	var name *string
	if err := json.Unmarshal(o["type"], &name); err != nil || name == nil {
		return Event{}, errors.New("no type")
	}
	ev := Event{At: o.time("timestamp")}
	for t := Connected; t < numTypes; t++ {
		if typeNames[t] == *name {
			ev.Type = t
		}
	}
	o.fill(&ev)
	return ev, nil
}

func (o object) fill(ev *Event) {
	switch ev.Type {
	case Other:
	case Connected:
		ev.Since = o.time("since")
		ev.Snapshot = &Snapshot{}
		for _, c := range o.objects("channels") {
			ev.Snapshot.Channels = append(ev.Snapshot.Channels, c.asChannel())
		}
		for _, b := range o.objects("bridges") {
			ev.Snapshot.Bridges = append(ev.Snapshot.Bridges, b.asBridge())
		}
	case Disconnected:
		if _, ok := o["error"]; ok {
			ev.Err = errors.New(o.text("error"))
		}
	case Dial:
		ev.Channel, ev.Peer = o.channel("caller"), o.channel("peer")
		ev.DialStatus, ev.DialString, ev.Forward = o.text("dialstatus"), o.text("dialstring"), o.text("forward")
	case BridgeBlindTransfer:
		ev.Channel, ev.Peer, ev.ReplaceChannel = o.channel("channel"), o.channel("transferee"), o.channel("replace_channel")
		ev.Bridge, ev.Result, ev.DestinationType = o.bridge("bridge"), o.text("result"), "blind"
		ev.TransferExten, ev.TransferContext = o.text("exten"), o.text("context")
	case BridgeAttendedTransfer:
		ev.Channel, ev.Peer = o.channel("transferer_first_leg"), o.channel("transferer_second_leg")
		ev.ReplaceChannel = o.channel("replace_channel")
		ev.Bridge, ev.FromBridge = o.bridge("transferer_first_leg_bridge"), o.bridge("transferer_second_leg_bridge")
		ev.Result, ev.DestinationType, ev.DestApplication = o.text("result"), o.text("destination_type"), o.text("destination_application")
	case PlaybackStarted, PlaybackFinished:
		p := o.object("playback")
		ev.PlaybackID, ev.Playback = p.text("id"), p.text("state")
	case BridgeCreated, BridgeDestroyed:
		ev.Bridge = o.bridge("bridge")
	case BridgeMerged:
		ev.Bridge, ev.FromBridge = o.bridge("bridge"), o.bridge("bridge_from")
	case ChannelEnteredBridge, ChannelLeftBridge:
		ev.Bridge, ev.Channel = o.bridge("bridge"), o.channel("channel")
	default:
		o.fillChannelEvent(ev)
	}
}

func (o object) fillChannelEvent(ev *Event) {
	ev.Channel = o.channel("channel")
	switch ev.Type {
	case ChannelVarset:
		ev.Variable, ev.Value = o.text("variable"), o.text("value")
	case ChannelDestroyed:
		ev.Cause, ev.TechCause = o.integer("cause"), o.integer("tech_cause")
	case ChannelHangupRequest:
		ev.Cause, ev.TechCause = o.integer("cause"), o.integer("tech_cause")
		ev.Soft = string(o["soft"]) == "true"
	case ChannelDialplan:
		ev.Application, ev.AppData = o.text("dialplan_app"), o.text("dialplan_app_data")
	case ChannelDtmfReceived:
		ev.Digit = o.text("digit")
	case StasisStart:
		ev.Application, ev.Args = o.text("application"), o.texts("args")
		ev.ReplaceChannel = o.channel("replace_channel")
	case StasisEnd, ApplicationReplaced:
		ev.Application = o.text("application")
	}
}

func (o object) text(key string) string {
	var s string
	if json.Unmarshal(o[key], &s) != nil {
		return ""
	}
	return s
}

func (o object) integer(key string) int {
	n, err := strconv.Atoi(string(o[key]))
	if err != nil {
		return 0
	}
	return n
}

// timestamp is what parseTime reads; time.Parse alone would take more.
var timestamp = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):?[0-5]\d)$`)

func (o object) time(key string) time.Time {
	if !timestamp.MatchString(o.text(key)) {
		return time.Time{}
	}
	for _, layout := range []string{"2006-01-02T15:04:05.999999999-0700", "2006-01-02T15:04:05.999999999Z07:00"} {
		if t, err := time.Parse(layout, o.text(key)); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

func (o object) texts(key string) []string {
	var items []json.RawMessage
	if json.Unmarshal(o[key], &items) != nil {
		return nil
	}
	var list []string
	for _, item := range items {
		var s *string
		if json.Unmarshal(item, &s) == nil && s != nil {
			list = append(list, *s)
		}
	}
	return list
}

func (o object) object(key string) object {
	var inner object
	if json.Unmarshal(o[key], &inner) != nil {
		return nil
	}
	return inner
}

func (o object) objects(key string) []object {
	var items []json.RawMessage
	if json.Unmarshal(o[key], &items) != nil {
		return nil
	}
	var list []object
	for _, item := range items {
		var inner object
		if json.Unmarshal(item, &inner) == nil && inner != nil {
			list = append(list, inner)
		}
	}
	return list
}

func (o object) channel(key string) Channel { return o.object(key).asChannel() }
func (o object) bridge(key string) Bridge   { return o.object(key).asBridge() }

func (o object) asChannel() Channel {
	caller, connected, dialplan := o.object("caller"), o.object("connected"), o.object("dialplan")
	return Channel{
		ID: o.text("id"), Name: o.text("name"), State: o.text("state"), AccountCode: o.text("accountcode"),
		CallerName: caller.text("name"), CallerNumber: caller.text("number"),
		ConnectedName: connected.text("name"), ConnectedNumber: connected.text("number"),
		Context: dialplan.text("context"), Exten: dialplan.text("exten"), Priority: dialplan.integer("priority"),
		AppName: dialplan.text("app_name"), AppData: dialplan.text("app_data"),
		Created: o.time("creationtime"), LinkedID: o.object("channelvars").text("CHANNEL(linkedid)"),
	}
}

func (o object) asBridge() Bridge {
	return Bridge{
		ID: o.text("id"), Type: o.text("bridge_type"), Tech: o.text("technology"), Class: o.text("bridge_class"),
		Creator: o.text("creator"), Name: o.text("name"), Channels: o.texts("channels"),
	}
}
