package ari_test

import (
	"context"
	"net"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

func dialCounter(n *int, dial dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		*n++
		return dial(ctx, network, address)
	}
}
