package pbx

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"
	"time"
)

// told is the time that Asterisk puts into what it says over ARI.
func told(t *testing.T, inst *Instance) time.Time {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, inst.ARIURL+"/asterisk/ping", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(inst.ARIUser, inst.ARIPassword)
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var pong struct {
		Timestamp string `json:"timestamp"`
	}
	if err := json.NewDecoder(res.Body).Decode(&pong); err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse("2006-01-02T15:04:05.000-0700", pong.Timestamp)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// An instance's own clock goes where it is set, at once and also over a
// restart, and the machine's is left alone.
func TestOwnClock(t *testing.T) {
	for _, release := range []Release{Asterisk22, Asterisk16} {
		t.Run(string(release), func(t *testing.T) {
			root, err := Install(t.Context(), release, os.Stderr)
			if err != nil {
				t.Fatal(err)
			}
			inst := beginAt(t, root, Options{OwnClock: true})
			near := func(shift time.Duration) {
				t.Helper()
				if off := time.Until(told(t, inst)) - shift; off.Abs() > 10*time.Second {
					t.Errorf("set to %v, Asterisk is %v off", shift, off)
				}
			}
			near(0)
			for _, shift := range []time.Duration{90 * time.Second, -time.Hour, 24 * time.Hour, 1500 * time.Millisecond} {
				if err := inst.SetClock(shift); err != nil {
					t.Fatal(err)
				}
				near(shift)
			}
			if err := inst.SetClock(-time.Hour); err != nil {
				t.Fatal(err)
			}
			if err := inst.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			near(-time.Hour)
		})
	}
	if err := begin(t, Options{}).SetClock(time.Hour); err == nil {
		t.Error("the machine's clock was set")
	}
}
