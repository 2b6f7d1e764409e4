package robotcall

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"ringback/ari"
	"ringback/routing"
)

// phone asks an exchange about a phone of the house: why it cannot be rung,
// empty where it can, and whether it has a channel just now. What a dialplan
// leads to is not known, and can always be tried.
func (x *Exchange) phone(ctx context.Context, device *routing.Device) (away string, busy bool, err error) {
	tech, name, _ := strings.Cut(device.Address(), "/")
	if tech == "Local" {
		return "", false, nil
	}
	endpoint, err := x.PBX.Endpoint(ctx, tech, name)
	switch {
	case ari.HTTPStatus(err) == http.StatusNotFound:
		return fmt.Sprintf("PBX %s has no phone %s", x.Name, device.Address()), false, nil
	case err != nil:
		return "", false, fmt.Errorf("robotcall: phone %s: %w", device.ShownAs(), err)
	case endpoint.State == "offline":
		return fmt.Sprintf("phone %s is not registered", device.ShownAs()), false, nil
	}
	return "", len(endpoint.ChannelIDs) > 0, nil
}
