package main

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"ringback/ari"
)

// ariParts are the parts of ARI that the daemon asks, each a module of its own, with
// a question that changes nothing.
var ariParts = []struct {
	name, module string
	ask          func(context.Context, *ari.Client) error
}{
	{"channels", "res_ari_channels.so", func(ctx context.Context, c *ari.Client) error { _, err := c.Channel(ctx, nobody); return err }},
	{"bridges", "res_ari_bridges.so", func(ctx context.Context, c *ari.Client) error { _, err := c.Bridges(ctx); return err }},
	{"endpoints", "res_ari_endpoints.so", func(ctx context.Context, c *ari.Client) error { _, err := c.Endpoint(ctx, "PJSIP", nobody); return err }},
	{"deviceStates", "res_ari_device_states.so", func(ctx context.Context, c *ari.Client) error {
		_, err := c.DeviceState(ctx, "PJSIP/"+nobody)
		return err
	}},
	{"applications", "res_ari_applications.so", func(ctx context.Context, c *ari.Client) error { _, err := c.Application(ctx); return err }},
}

// checkParts sees that each part of ARI is loaded. What else the PBX may say is the
// affair of the checks that follow.
func checkParts(ctx context.Context, s *subject) []finding {
	var list []finding
	for _, part := range ariParts {
		switch err := part.ask(ctx, s.client); {
		case err != nil && ari.HTTPStatus(err) == 0:
			return append(list, s.unasked("parts", err)...)
		case lacks(err, part.name):
			list = append(list, fail("parts", "asterisk -rx 'module load "+part.module+"', and see that /etc/asterisk/modules.conf does not leave it out",
				"a part of ARI is missing: the PBX has no /%s", part.name))
		}
	}
	if len(list) == 0 {
		list = append(list, good("parts", "the parts of ARI that are needed are loaded"))
	}
	return list
}

// lacks says whether an error means that the PBX has no such part of ARI. Of a
// channel or an endpoint that it does not have it speaks in other words.
func lacks(err error, part string) bool {
	var refused *ari.RequestError
	if !errors.As(err, &refused) || !strings.HasPrefix(refused.Path, "/"+part) {
		return false
	}
	return refused.Status == http.StatusNotImplemented || refused.Status == http.StatusNotFound && refused.Message == "Resource not found"
}
