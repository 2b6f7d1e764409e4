package pbx

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// applications are what the dialplans of companies are made of, in both
// releases.
var applications = []string{
	"AddQueueMember", "Answer", "AttendedTransfer", "Background", "BlindTransfer", "Bridge", "BridgeWait", "Busy", "ChannelRedirect",
	"ChanSpy", "ConfBridge", "Congestion", "ControlPlayback", "Dial", "Directory", "DISA", "Echo", "ExtenSpy", "FollowMe",
	"ForkCDR", "Gosub", "GosubIf", "GotoIfTime", "Hangup", "MixMonitor", "MusicOnHold", "Originate", "Page", "Park",
	"ParkAndAnnounce", "ParkedCall", "PauseQueueMember", "Pickup", "PickupChan", "Playback", "PlayTones", "PrivacyManager",
	"Progress", "Queue", "Read", "Record", "RetryDial", "Ringing", "SendDTMF", "SoftHangup", "Stasis", "StopMixMonitor",
	"System", "Transfer", "UserEvent", "VoiceMail", "VoiceMailMain", "Wait", "WaitExten", "While",
}

// functions are those of the same dialplans.
var functions = []string{
	"CALLERID", "CHANNEL", "CONFBRIDGE", "CONNECTEDLINE", "CUT", "DB", "DEVICE_STATE", "DIALGROUP", "EXTENSION_STATE", "FEATURE",
	"FEATUREMAP", "FILTER", "GROUP", "GROUP_COUNT", "HANGUPCAUSE", "HASH", "IF", "LEN", "MASTER_CHANNEL", "PJSIP_DIAL_CONTACTS",
	"PJSIP_HEADER", "QUEUE_MEMBER", "QUEUE_WAITING_COUNT", "REDIRECTING", "REGEX", "SHARED", "STRFTIME", "TIMEOUT", "VM_INFO",
}

// A dialplan of any company finds its applications, and the parts that they
// ask for, in both releases.
func TestApplications(t *testing.T) {
	for release, own := range map[Release][]string{Asterisk22: nil, Asterisk16: {"Macro", "MacroIf", "Monitor"}} {
		t.Run(string(release), func(t *testing.T) {
			root, err := Install(t.Context(), release, os.Stderr)
			if err != nil {
				t.Fatal(err)
			}
			inst := beginAt(t, root, Options{Phones: []Phone{{User: "101", Password: "x", Mailbox: "101"}}})
			known := append(inst.names(t, "core show applications"), inst.names(t, "core show functions")...)
			for _, name := range slices.Concat(applications, functions, own) {
				if !slices.Contains(known, strings.ToLower(name)) {
					t.Errorf("it has no %s", name)
				}
			}
			for command, word := range map[string]string{
				"parking show default": "parkedcalls", "voicemail show users for default": "101",
				"module show like bridge_softmix": "Running", "module show like bridge_holding": "Running",
			} {
				if out, err := inst.CLI(t.Context(), command); err != nil || !strings.Contains(out, word) {
					t.Errorf("%s: %v\n%s", command, err, out)
				}
			}
		})
	}
}

// names are the first words of the lines that a command prints, in small
// letters: the console does not care about them.
func (i *Instance) names(t *testing.T, command string) (names []string) {
	t.Helper()
	out, err := i.CLI(t.Context(), command)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out) {
		if words := strings.Fields(line); len(words) > 0 {
			names = append(names, strings.ToLower(strings.TrimSuffix(words[0], ":")))
		}
	}
	return names
}
