package config_test

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"ringback/config"
)

// TestUnitFitsTheDefaults holds the unit against what the daemon does: where it
// keeps its database, that it reports READY and feeds a watchdog, and that it
// may take ten seconds to stop.
func TestUnitFitsTheDefaults(t *testing.T) {
	set := map[string]string{}
	for line := range strings.Lines(config.Unit) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			set[key] += value
		}
	}
	if state := "/var/lib/" + set["StateDirectory"]; state != filepath.Dir(config.DefaultDatabase) {
		t.Errorf("it may write %s, and the database is %s", state, config.DefaultDatabase)
	}
	if !strings.HasSuffix(set["ExecStart"], " --config /etc/"+set["ConfigurationDirectory"]+"/ringback.yaml") {
		t.Errorf("it reads %s", set["ExecStart"])
	}
	if stop, err := strconv.Atoi(set["TimeoutStopSec"]); err != nil || stop <= 10 {
		t.Errorf("it is killed after %q seconds", set["TimeoutStopSec"])
	}
	for key, want := range map[string]string{"Type": "notify", "User": "ringback", "Restart": "always", "WatchdogSec": "60",
		"NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "ProtectSystem": "strict", "UMask": "0077"} {
		if got, given := set[key]; !given || got != want {
			t.Errorf("%s=%s, want %s", key, got, want)
		}
	}
}
