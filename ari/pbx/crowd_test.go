package pbx

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"ringback/ari/softphone"
)

// Nine hundred phones and a hundred trunks live in one instance, each in a
// context of its own, and reach only what stands there.
func TestCrowd(t *testing.T) {
	const companies, desks = 100, 9
	for release, drivers := range map[Release][]Driver{Asterisk22: {PJSIP}, Asterisk16: {PJSIP, ChanSIP}} {
		t.Run(string(release), func(t *testing.T) {
			root, err := Install(t.Context(), release, os.Stderr)
			if err != nil {
				t.Fatal(err)
			}
			var o Options
			var dialplan strings.Builder
			for c := range companies {
				driver := drivers[c%len(drivers)]
				o.Trunks = append(o.Trunks, Trunk{
					Name: fmt.Sprintf("trunk-%d", c), Address: fmt.Sprintf("127.0.1.%d:5060", c+1),
					Context: fmt.Sprintf("world-%d", c), Driver: driver,
				})
				for d := range desks {
					user := fmt.Sprintf("s%02d10%d", c, d+1)
					o.Phones = append(o.Phones, Phone{User: user, Password: "secret", Mailbox: user, Context: fmt.Sprintf("desk-%d", c), Driver: driver})
				}
				fmt.Fprintf(&dialplan, "[world-%d]\nexten => 8001,1,Dial(%sSIP/s%02d101,5)\n", c, map[Driver]string{PJSIP: "PJ"}[driver], c)
				fmt.Fprintf(&dialplan, "[desk-%d]\nexten => 100,1,Answer()\n same => n,Wait(9)\n", c)
			}
			o.Extensions = dialplan.String()
			inst := beginAt(t, root, o)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for _, c := range []int{0, companies - 2, companies - 1} {
				server := inst.SIPAddr
				if o.Trunks[c].Driver == ChanSIP {
					server = inst.ChanSIPAddr
				}
				outside := stand(t, softphone.Options{Server: server, User: "outside", Listen: o.Trunks[c].Host() + ":0"})
				desk := stand(t, softphone.Options{Server: server, User: o.Phones[c*desks].User, Password: "secret"})
				if err := desk.Register(ctx); err != nil {
					t.Fatal(err)
				}
				call, err := outside.Dial(ctx, "8001", softphone.DialOptions{})
				if err != nil {
					t.Fatal(err)
				}
				in, err := desk.ExpectRing(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if err := in.Reject(486, "Busy Here"); err != nil {
					t.Error(err)
				}
				var refused *softphone.Refused
				if err := call.WaitAnswer(ctx); !errors.As(err, &refused) {
					t.Errorf("the caller got %v", err)
				}
				if call, err = desk.Dial(ctx, "100", softphone.DialOptions{}); err != nil {
					t.Fatal(err)
				}
				if err := call.WaitAnswer(ctx); err != nil {
					t.Errorf("%s: %v", o.Phones[c*desks].User, err)
				}
			}
		})
	}
}
