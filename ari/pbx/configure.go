package pbx

import (
	"bytes"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"
)

//go:embed conf
var confFiles embed.FS

var confTemplates = template.Must(template.ParseFS(confFiles, "conf/*.conf"))

// MusicTone is the frequency in Hz of the music on hold: a phone that hears it
// hears no person.
const MusicTone = 400

// unwanted are modules that would open a port of the host, need a database or
// a device, or complain in the log about a service that is not there. Names
// that a release does not have are harmless.
var unwanted = []string{
	"app_adsiprog", "app_agent_pool", "app_alarmreceiver", "app_dahdiras", "app_festival", "app_flash",
	"app_getcpeid", "app_jack", "app_meetme", "app_minivm", "app_sla", "app_sms", "app_voicemail_imap", "app_voicemail_odbc",
	"cdr_adaptive_odbc", "cdr_custom", "cdr_manager", "cdr_odbc", "cdr_pgsql", "cdr_radius", "cdr_sqlite3_custom",
	"cdr_syslog", "cdr_tds", "cel_manager", "cel_odbc", "cel_pgsql", "cel_radius", "cel_sqlite3_custom", "cel_tds",
	"chan_alsa", "chan_audiosocket", "chan_console", "chan_dahdi", "chan_iax2", "chan_mgcp", "chan_mobile",
	"chan_motif", "chan_ooh323", "chan_oss", "chan_phone", "chan_rtp", "chan_skinny", "chan_unistim", "chan_vpb",
	"chan_websocket", "codec_dahdi", "func_curl", "func_odbc", "pbx_ael", "pbx_dundi", "pbx_lua", "pbx_realtime", "res_adsi", "res_aeap",
	"res_ael_share", "res_calendar", "res_calendar_caldav", "res_calendar_ews", "res_calendar_exchange",
	"res_calendar_icalendar", "res_config_curl", "res_config_ldap", "res_config_mysql", "res_config_odbc",
	"res_config_pgsql", "res_config_sqlite3", "res_corosync", "res_curl", "res_fax", "res_fax_spandsp", "res_geolocation",
	"res_hep", "res_hep_pjsip", "res_hep_rtcp", "res_http_media_cache", "res_odbc", "res_odbc_transaction",
	"res_phoneprov", "res_pjsip_config_wizard", "res_pjsip_geolocation", "res_pjsip_notify",
	"res_pjsip_phoneprov_provider", "res_pjsip_stir_shaken", "res_pjsip_t38", "res_pjsip_transport_websocket",
	"res_pktccops", "res_prometheus", "res_resolver_unbound", "res_rtp_multicast", "res_smdi", "res_snmp",
	"res_speech_aeap", "res_statsd", "res_stir_shaken", "res_stun_monitor", "res_timing_dahdi",
	"res_xmpp",
}

// plan is what the templates of the configuration are filled with.
type plan struct {
	Options
	Root        string
	Modules     string
	RunDir      string
	Port        int // of SIP over UDP, and of HTTP over TCP
	ChanSIPPort int // of the old driver; 0 when nobody needs it
	ARIUser     string
	ARIPassword string
	Unwanted    []string
}

// lay makes the folders of an instance. Asterisk does not make those of the
// call records itself, and then writes none.
func lay(root Root, dir string, sounds map[string][]byte) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("pbx: the folder %s is not empty", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("pbx: look into the folder: %w", err)
	}
	for _, sub := range []string{"etc", "spool", "log/cdr-csv", "log/cel-custom", "data/sounds/en/custom", "data/moh", "data/agi-bin", "data/keys"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return fmt.Errorf("pbx: make the folders: %w", err)
		}
	}
	// Recordings into relative paths land beside these links, not in the Root.
	share := filepath.Join(root.Dir, "usr/share/asterisk")
	links := []string{"documentation", "rest-api", "static-http"}
	for _, language := range languages[1:] {
		links = append(links, filepath.Join("sounds", language.name))
	}
	english, err := os.ReadDir(filepath.Join(share, "sounds/en")) // each by itself: our own stand beside them
	if err != nil {
		return fmt.Errorf("pbx: link the sounds: %w", err)
	}
	for _, sound := range english {
		links = append(links, filepath.Join("sounds/en", sound.Name()))
	}
	for _, link := range links {
		if err := os.Symlink(filepath.Join(share, link), filepath.Join(dir, "data", link)); err != nil {
			return fmt.Errorf("pbx: link the shared files: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "data/moh/tone.sln"), Tone(MusicTone, 10*time.Second), 0o600); err != nil {
		return fmt.Errorf("pbx: write the music: %w", err)
	}
	for name, sound := range sounds {
		if err := os.WriteFile(filepath.Join(dir, "data/sounds/en/custom", name), sound, 0o600); err != nil {
			return fmt.Errorf("pbx: write the recordings: %w", err)
		}
	}
	return nil
}

// Tone is a recording of one tone, 8 kHz signed linear (sln): of a whole number
// of waves, it can be repeated without a click.
func Tone(hz int, long time.Duration) []byte {
	samples := int(long * 8000 / time.Second)
	sound := make([]byte, 0, 2*samples)
	for n := range samples {
		value := 6000 * math.Sin(2*math.Pi*float64(hz)*float64(n)/8000)
		sound = binary.LittleEndian.AppendUint16(sound, uint16(int16(value)))
	}
	return sound
}

// write fills in the templates and adds the caller's own files.
func (p plan) write() error {
	for _, t := range confTemplates.Templates() {
		name := t.Name()
		var text bytes.Buffer
		if err := t.Execute(&text, p); err != nil {
			return fmt.Errorf("pbx: write %s: %w", name, err)
		}
		if whole, ok := p.Files[name]; ok {
			text.Reset()
			text.WriteString(whole)
		}
		text.WriteString("\n" + p.Files["+"+name])
		if err := p.writeFile(name, text.String()); err != nil {
			return err
		}
	}
	for name, text := range p.Files {
		if confTemplates.Lookup(strings.TrimPrefix(name, "+")) != nil {
			continue
		}
		if err := p.writeFile(strings.TrimPrefix(name, "+"), text); err != nil {
			return err
		}
	}
	return nil
}

// asMade tells that none of the files was replaced by the caller's own.
func (p plan) asMade(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { _, replaced := p.Files[name]; return replaced })
}

// writeFile is for the owner's eyes only: the files hold passwords.
func (p plan) writeFile(name, text string) error {
	if err := os.WriteFile(filepath.Join(p.Dir, "etc", name), []byte(text), 0o600); err != nil {
		return fmt.Errorf("pbx: write %s: %w", name, err)
	}
	return nil
}
