package main

import (
	_ "github.com/CyCoreSystems/ari/v5"
	_ "github.com/CyCoreSystems/ari/v5/client/native"
	_ "github.com/alecthomas/kong"
	_ "github.com/coder/websocket"
	_ "github.com/coreos/go-systemd/v22/daemon"
	_ "github.com/emiago/sipgo"
	_ "github.com/nyaruka/phonenumbers/v2"
	_ "github.com/prometheus/client_golang/prometheus"
	_ "github.com/prometheus/client_golang/prometheus/promhttp"
	_ "go.uber.org/goleak"
	_ "go.yaml.in/yaml/v4"
	_ "modernc.org/sqlite"
	_ "pgregory.net/rapid"
)

func main() {}
