package ari

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	v5 "github.com/CyCoreSystems/ari/v5"
)

// Info is what a PBX says about itself.
type Info struct {
	Version    string // "22.10.1"
	SystemName string // asterisk.conf systemname, often empty
	EntityID   string
	Started    time.Time
}

// Info asks the PBX what it is.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var a struct {
		System v5.SystemInfo `json:"system"`
		Config struct {
			Name string `json:"name"`
		} `json:"config"`
		// ari/v5's StatusInfo refuses a time zone with a colon.
		Status struct {
			Started string `json:"startup_time"`
		} `json:"status"`
	}
	if err := c.read(ctx, "/asterisk/info", &a); err != nil {
		return Info{}, err
	}
	return Info{
		Version: a.System.Version, SystemName: a.Config.Name,
		EntityID: a.System.EntityID, Started: parseTime(a.Status.Started),
	}, nil
}

// Ping asks the PBX for its clock. PBXes before 16 have no such request (404).
func (c *Client) Ping(ctx context.Context) (clock time.Time, err error) {
	var a struct {
		Timestamp string `json:"timestamp"`
	}
	if err := c.read(ctx, "/asterisk/ping", &a); err != nil {
		return time.Time{}, err
	}
	if clock = parseTime(a.Timestamp); clock.IsZero() {
		return clock, fmt.Errorf("ari: pbx %s: GET /asterisk/ping: no time in the answer", c.cfg.Name)
	}
	return clock, nil
}

// Channels lists the live channels.
func (c *Client) Channels(ctx context.Context) ([]Channel, error) {
	b, err := c.do(ctx, http.MethodGet, "/channels", nil)
	if err != nil {
		return nil, err
	}
	return DecodeChannels(b)
}

// Channel asks for one live channel; 404 when there is none of that id.
func (c *Client) Channel(ctx context.Context, id string) (Channel, error) {
	b, err := c.do(ctx, http.MethodGet, "/channels/"+url.PathEscape(id), nil)
	if err != nil {
		return Channel{}, err
	}
	return DecodeChannel(b)
}

// Bridges lists the live bridges.
func (c *Client) Bridges(ctx context.Context) ([]Bridge, error) {
	b, err := c.do(ctx, http.MethodGet, "/bridges", nil)
	if err != nil {
		return nil, err
	}
	return DecodeBridges(b)
}

// Endpoint is a phone or a trunk as the PBX sees it.
type Endpoint struct {
	Technology string
	Resource   string
	State      string // "online" when registered and reachable, "offline", "unknown"
	ChannelIDs []string
}

// Endpoint asks for one endpoint, ("PJSIP", "101") for instance; 404 when the
// PBX has none of that name.
func (c *Client) Endpoint(ctx context.Context, tech, resource string) (Endpoint, error) {
	var a v5.EndpointData
	path := "/endpoints/" + segment(tech) + "/" + segment(resource)
	if err := c.read(ctx, path, &a); err != nil {
		return Endpoint{}, err
	}
	return Endpoint{Technology: a.Technology, Resource: a.Resource, State: a.State, ChannelIDs: a.ChannelIDs}, nil
}

// SendMessage sends a text message: SIP MESSAGE when to is "pjsip:101". The
// final answer of the phone is not told (Asterisk answers 202 when it has
// taken the message), and a phone that is not registered is refused like an
// unknown one: ask Endpoint first. The body may hold any text, several lines
// too; NUL, which JSON libraries refuse, is left out. A control character in to
// or from is an error, since both become SIP headers.
func (c *Client) SendMessage(ctx context.Context, to, from, body string, vars map[string]string) error {
	const path = "/endpoints/sendMessage"
	if control(to) || control(from) {
		return c.wrap(http.MethodPut, path, fmt.Errorf("%w: control character in to or from", errUnsent))
	}
	message := struct {
		To        string            `json:"to"`
		From      string            `json:"from"`
		Body      string            `json:"body"`
		Variables map[string]string `json:"variables,omitempty"`
	}{to, from, strings.ReplaceAll(body, "\x00", ""), vars}
	_, err := c.do(ctx, http.MethodPut, path, message)
	return err
}

func control(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// SetEventFilter asks the PBX not to send events of the given types to our
// application. It needs an open websocket: the application lives with it. An
// empty list takes the filter away.
func (c *Client) SetEventFilter(ctx context.Context, disallowed []string) error {
	type eventType struct {
		Type string `json:"type"`
	}
	filter := struct {
		Disallowed []eventType `json:"disallowed"`
	}{make([]eventType, 0, len(disallowed))}
	for _, t := range disallowed {
		filter.Disallowed = append(filter.Disallowed, eventType{t})
	}
	_, err := c.do(ctx, http.MethodPut, "/applications/"+url.PathEscape(c.App())+"/eventFilter", filter)
	return err
}

// Subscribe asks for the events of all channels and bridges. It needs an open
// websocket: the application lives with it.
//
// subscribeAll, which would ask for them when the websocket is opened, asks for
// the states of all devices too. Nobody here looks at those, and letting go of
// them is dangerous: when a websocket closes while a device changes its state,
// Asterisk (22.10.1 here, 20.16 in its issue 2170, which is open) waits for
// itself with the application locked, and whoever comes back under that name is
// never answered, until Asterisk is started again. The event filter does not help:
// it is looked at behind that lock.
func (c *Client) Subscribe(ctx context.Context) error {
	_, err := c.do(ctx, http.MethodPost, "/applications/"+url.PathEscape(c.App())+"/subscription?eventSource="+url.QueryEscape("channel:,bridge:"), nil)
	return err
}

// Unsubscribe lets go of what Subscribe asked for. Done while the websocket is
// open, it makes Asterisk forget the application when that closes: 16 would
// otherwise keep it, and make events for nobody, for as long as it runs (measured on
// 16.28.0).
func (c *Client) Unsubscribe(ctx context.Context) error {
	_, err := c.do(ctx, http.MethodDelete, "/applications/"+url.PathEscape(c.App())+"/subscription?eventSource="+
		url.QueryEscape("channel:__AST_CHANNEL_ALL_TOPIC,bridge:__AST_BRIDGE_ALL_TOPIC"), nil)
	return err
}

// OriginateRequest is what a call is to be placed with: ari/v5's own, so that
// nobody else needs that module.
type OriginateRequest = v5.OriginateRequest

// Originate places a call under the given channel id. The id is what makes it
// safe to ask again after a doubt: while a channel of that id lives, the PBX
// answers 409. For a Local channel the second half gets the id with ";2" added.
// Timeout is in seconds and must not be 0, which Asterisk takes as "give up at
// once"; App and Context exclude each other.
func (c *Client) Originate(ctx context.Context, channelID string, req OriginateRequest) (Channel, error) {
	const path = "/channels"
	switch {
	case channelID == "":
		return Channel{}, c.wrap(http.MethodPost, path, fmt.Errorf("%w: no channel id", errUnsent))
	case req.Timeout == 0:
		return Channel{}, c.wrap(http.MethodPost, path, fmt.Errorf("%w: no timeout", errUnsent))
	case (req.App == "") == (req.Context == "" && req.Extension == ""):
		return Channel{}, c.wrap(http.MethodPost, path, fmt.Errorf("%w: needs either an app or a place in the dialplan", errUnsent))
	}
	req.ChannelID = channelID
	if req.OtherChannelID == "" && strings.HasPrefix(strings.ToLower(req.Endpoint), "local/") {
		req.OtherChannelID = channelID + ";2"
	}
	b, err := c.do(ctx, http.MethodPost, path, req)
	if err != nil {
		return Channel{}, err
	}
	return DecodeChannel(b)
}

// Continue hands a channel that is in our application to the dialplan, at
// priority 1. From then on it is the PBX's.
func (c *Client) Continue(ctx context.Context, channelID, dialplanContext, extension string) error {
	place := struct {
		Context   string `json:"context"`
		Extension string `json:"extension"`
		Priority  int    `json:"priority"`
	}{dialplanContext, extension, 1}
	_, err := c.do(ctx, http.MethodPost, "/channels/"+url.PathEscape(channelID)+"/continue", place)
	return err
}

// Hangup hangs a channel up. A channel that is gone already is no error.
func (c *Client) Hangup(ctx context.Context, channelID string) error {
	_, err := c.do(ctx, http.MethodDelete, "/channels/"+url.PathEscape(channelID), nil)
	if HTTPStatus(err) == http.StatusNotFound {
		return nil
	}
	return err
}

// Variable reads a channel variable, or a function such as
// "DIALPLAN_EXISTS(from-internal,100,1)". One that is not set is 404.
func (c *Client) Variable(ctx context.Context, channelID, name string) (string, error) {
	var a struct {
		Value string `json:"value"`
	}
	path := "/channels/" + url.PathEscape(channelID) + "/variable?variable=" + url.QueryEscape(name)
	if err := c.read(ctx, path, &a); err != nil {
		return "", err
	}
	return a.Value, nil
}

// SetVariable sets a channel variable, or a function such as
// "TIMEOUT(absolute)".
func (c *Client) SetVariable(ctx context.Context, channelID, name, value string) error {
	variable := struct {
		Variable string `json:"variable"`
		Value    string `json:"value"`
	}{name, value}
	_, err := c.do(ctx, http.MethodPost, "/channels/"+url.PathEscape(channelID)+"/variable", variable)
	return err
}

// Play plays media ("sound:hello-world", "recording:…", "digits:123"), one
// after the other, in the given language (empty: the channel's), to a channel in
// our application. PlaybackStarted and PlaybackFinished tell what became of it,
// under the given playback id.
func (c *Client) Play(ctx context.Context, channelID, playbackID, language string, media ...string) error {
	if len(media) == 0 {
		return c.wrap(http.MethodPost, "/channels/play", fmt.Errorf("%w: no media", errUnsent))
	}
	what := struct {
		Media    []string `json:"media"`
		Language string   `json:"lang,omitempty"`
	}{media, language}
	path := "/channels/" + url.PathEscape(channelID) + "/play/" + url.PathEscape(playbackID)
	_, err := c.do(ctx, http.MethodPost, path, what)
	return err
}

// StopPlayback stops a playback. One that has ended already is no error.
func (c *Client) StopPlayback(ctx context.Context, playbackID string) error {
	_, err := c.do(ctx, http.MethodDelete, "/playbacks/"+url.PathEscape(playbackID), nil)
	if HTTPStatus(err) == http.StatusNotFound {
		return nil
	}
	return err
}
