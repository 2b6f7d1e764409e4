package config

import _ "embed"

// Unit is a systemd unit that runs the daemon as the user ringback with the
// least rights that work. The daemon reports READY and feeds the watchdog.
//
//go:embed ringback.service
var Unit string
