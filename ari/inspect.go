package ari

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	v5 "github.com/CyCoreSystems/ari/v5"
)

// What follows looks at a PBX and places nothing: no channel comes of it.

// Release is the major number of the PBX's version, 22 say; 0 when the version
// tells none.
func (i Info) Release() int {
	parts := releaseNumbers.FindStringSubmatch(i.Version)
	if parts == nil {
		return 0
	}
	release, _ := strconv.Atoi(parts[1])
	return release
}

// Ahead measures what the PBX's clock is ahead of ours.
func (c *Client) Ahead(ctx context.Context) (time.Duration, error) {
	asked := time.Now()
	clock, err := c.Ping(ctx)
	if err != nil {
		return 0, err
	}
	half := time.Since(asked) / 2
	const cut = 500 * time.Microsecond // what the PBX leaves off, on average
	return clock.Add(cut).Sub(asked.Add(half)).Round(time.Millisecond), nil
}

// Endpoints lists all endpoints, of all channel drivers.
func (c *Client) Endpoints(ctx context.Context) ([]Endpoint, error) {
	var a []v5.EndpointData
	if err := c.read(ctx, "/endpoints", &a); err != nil {
		return nil, err
	}
	list := make([]Endpoint, len(a))
	for i, e := range a {
		list[i] = Endpoint{Technology: e.Technology, Resource: e.Resource, State: e.State, ChannelIDs: e.ChannelIDs}
	}
	return list, nil
}

// EndpointSettings are what the PBX's configuration says of a PJSIP endpoint.
type EndpointSettings struct {
	Context string // where its calls begin
	LogsIn  bool   // it must give a password to place a call, as phones do
}

// EndpointSettings asks for the settings of a PJSIP endpoint; 404 when there is
// none of that name. No other driver tells its own.
func (c *Client) EndpointSettings(ctx context.Context, resource string) (EndpointSettings, error) {
	var a []struct{ Attribute, Value string }
	if err := c.read(ctx, "/asterisk/config/dynamic/res_pjsip/endpoint/"+segment(resource), &a); err != nil {
		return EndpointSettings{}, err
	}
	var s EndpointSettings
	for _, setting := range a {
		switch setting.Attribute {
		case "context":
			s.Context = setting.Value
		case "auth":
			s.LogsIn = setting.Value != ""
		}
	}
	return s, nil
}

// Knows says whether the dialplan has an extension in a context, patterns and
// included contexts too. What could not be named so that Asterisk finds it is
// not known. It asks for the state of a Local channel's device, which says that
// it is invalid where the dialplan has no such place: no channel is needed.
func (c *Client) Knows(ctx context.Context, dialplanContext, extension string) (bool, error) {
	if dialplanContext == "" || extension == "" || strings.ContainsAny(dialplanContext+extension, "@/&,") || control(dialplanContext+extension) {
		return false, nil
	}
	state, err := c.DeviceState(ctx, "Local/"+extension+"@"+dialplanContext)
	return err == nil && state != "INVALID", err
}

// DeviceState asks for the state of a device, "SIP/101" for instance, by
// Asterisk's own word: NOT_INUSE, UNAVAILABLE, INVALID …
func (c *Client) DeviceState(ctx context.Context, device string) (string, error) {
	var a struct{ State string }
	err := c.read(ctx, "/deviceStates/"+segment(device), &a)
	return a.State, err
}

// Runs says whether a module of the PBX, "cdr_csv.so" for instance, is loaded and
// works.
func (c *Client) Runs(ctx context.Context, module string) (bool, error) {
	var a struct{ Status string }
	err := c.read(ctx, "/asterisk/modules/"+segment(module), &a)
	if HTTPStatus(err) == http.StatusNotFound {
		return false, nil
	}
	return err == nil && a.Status == "Running", err
}

// segment escapes a part of a path. Asterisk reads a plus there as a blank, as
// only forms do.
func segment(s string) string { return strings.ReplaceAll(url.PathEscape(s), "+", "%2B") }

// Application is what the PBX tells about an ARI application.
type Application struct {
	// Allowed, where it names any, are the only event types that are sent, and
	// Disallowed are never sent.
	Allowed, Disallowed []string
}

// Withheld are the event types that the application's filter holds back and
// that Ringback uses.
func (a Application) Withheld() []Type {
	var list []Type
	for t := ApplicationReplaced; t < numTypes; t++ {
		name := typeNames[t]
		if slices.Contains(a.Disallowed, name) || len(a.Allowed) > 0 && !slices.Contains(a.Allowed, name) {
			list = append(list, t)
		}
	}
	return list
}

// Application asks for the application of our name; 404 when the PBX knows none.
func (c *Client) Application(ctx context.Context) (Application, error) {
	type eventType struct{ Type string }
	var a struct {
		Allowed    []eventType `json:"events_allowed"`
		Disallowed []eventType `json:"events_disallowed"`
	}
	if err := c.read(ctx, "/applications/"+url.PathEscape(c.App()), &a); err != nil {
		return Application{}, err
	}
	var app Application
	for _, t := range a.Allowed {
		app.Allowed = append(app.Allowed, t.Type)
	}
	for _, t := range a.Disallowed {
		app.Disallowed = append(app.Disallowed, t.Type)
	}
	return app, nil
}

// CreateBridge makes an empty bridge, which disturbs nobody: BridgeCreated tells
// of it.
func (c *Client) CreateBridge(ctx context.Context, id string) error {
	bridge := struct {
		ID   string `json:"bridgeId"`
		Type string `json:"type"`
	}{id, "holding"}
	_, err := c.do(ctx, http.MethodPost, "/bridges", bridge)
	return err
}

// DestroyBridge takes a bridge away.
func (c *Client) DestroyBridge(ctx context.Context, id string) error {
	_, err := c.do(ctx, http.MethodDelete, "/bridges/"+url.PathEscape(id), nil)
	return err
}

// SetGlobal sets a global variable of the dialplan; ChannelVarset tells of it,
// without a channel. An empty value takes the variable away.
func (c *Client) SetGlobal(ctx context.Context, name, value string) error {
	variable := struct {
		Name  string `json:"variable"`
		Value string `json:"value,omitempty"`
	}{name, value}
	_, err := c.do(ctx, http.MethodPost, "/asterisk/variable", variable)
	return err
}
