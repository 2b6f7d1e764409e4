package ari

import "strings"

// Frames in the shapes that Asterisk 22 sends them.
const (
	callerJSON = `{"id":"1795328308.0","name":"PJSIP/trunk-00000000","state":"Ring","protocol_id":"1-4711@198.51.100.7","caller":{"name":"Иван \"Jack\" <b>","number":"+79161234567"},"connected":{"name":"","number":""},"accountcode":"acc","dialplan":{"context":"from-trunk","exten":"74951000001","priority":3,"app_name":"Dial","app_data":"PJSIP/101,5"},"creationtime":"2026-11-22T08:18:28.103+0000","language":"en","channelvars":{"CHANNEL(linkedid)":"1795328308.0"},"caller_rdnis":""}`
	phoneJSON  = `{"id":"1795328308.1","name":"PJSIP/101-00000001","state":"Ringing","protocol_id":"","caller":{"name":"","number":"101"},"connected":{"name":"","number":"+79161234567"},"accountcode":"","dialplan":{"context":"internal","exten":"","priority":1,"app_name":"AppDial","app_data":"(Outgoing Line)"},"creationtime":"2026-11-22T08:18:28.110+0000","language":"en"}`
	mixingJSON = `{"id":"8d1d0b2c","technology":"simple_bridge","bridge_type":"mixing","bridge_class":"basic","creator":"","name":"","channels":["1795328308.0","1795328308.1"],"creationtime":"2026-11-22T08:18:30.000+0000","video_mode":"talker"}`
	emptyJSON  = `{"id":"9e2e1c3d","technology":"softmix","bridge_type":"mixing","bridge_class":"base","creator":"Stasis","name":"x","channels":[],"creationtime":"2026-11-22T08:18:30.000+0000","video_mode":"talker"}`
	tailJSON   = `,"asterisk_id":"02:42:ac:11:00:02","application":"ringback"}`
	stampJSON  = `"timestamp":"2026-11-22T08:18:28.104+0000",`
)

func sample(typ, members string) string {
	return `{"type":"` + typ + `",` + stampJSON + members + tailJSON
}

// samples holds one frame of every type, and some that are of none.
var samples = map[Type]string{
	Connected:              `{"type":"RingbackConnected",` + stampJSON + `"since":"2026-11-22T08:18:20.000+0000","channels":[` + callerJSON + `,` + phoneJSON + `],"bridges":[` + mixingJSON + `]}`,
	Disconnected:           `{"type":"RingbackDisconnected",` + stampJSON + `"error":"connection reset"}`,
	ApplicationReplaced:    sample("ApplicationReplaced", `"x":1`),
	ChannelCreated:         sample("ChannelCreated", `"channel":`+callerJSON),
	ChannelDestroyed:       sample("ChannelDestroyed", `"cause":17,"cause_txt":"User busy","tech_cause":486,"channel":`+phoneJSON),
	ChannelStateChange:     sample("ChannelStateChange", `"channel":`+phoneJSON),
	ChannelDialplan:        sample("ChannelDialplan", `"dialplan_app":"Queue","dialplan_app_data":"sales,t","channel":`+callerJSON),
	ChannelVarset:          `{"variable":"DIALSTATUS","value":"NOANSWER","type":"ChannelVarset",` + stampJSON + `"channel":` + callerJSON + tailJSON,
	ChannelHangupRequest:   `{"cause":16,"channel":` + callerJSON + `,"soft":true,` + stampJSON + `"type":"ChannelHangupRequest"` + tailJSON,
	ChannelCallerID:        sample("ChannelCallerId", `"caller_presentation":0,"caller_presentation_txt":"Presentation Allowed, Not Screened","channel":`+callerJSON),
	ChannelConnectedLine:   sample("ChannelConnectedLine", `"channel":`+phoneJSON),
	ChannelEnteredBridge:   sample("ChannelEnteredBridge", `"bridge":`+mixingJSON+`,"channel":`+callerJSON),
	ChannelLeftBridge:      sample("ChannelLeftBridge", `"bridge":`+emptyJSON+`,"channel":`+callerJSON),
	ChannelDtmfReceived:    sample("ChannelDtmfReceived", `"digit":"#","duration_ms":100,"channel":`+callerJSON),
	ChannelHold:            sample("ChannelHold", `"musicclass":"default","channel":`+callerJSON),
	ChannelUnhold:          sample("ChannelUnhold", `"channel":`+callerJSON),
	BridgeCreated:          sample("BridgeCreated", `"bridge":`+emptyJSON),
	BridgeDestroyed:        sample("BridgeDestroyed", `"bridge":`+emptyJSON),
	BridgeMerged:           sample("BridgeMerged", `"bridge":`+mixingJSON+`,"bridge_from":`+emptyJSON),
	BridgeBlindTransfer:    sample("BridgeBlindTransfer", `"channel":`+phoneJSON+`,"replace_channel":{"id":"l1"},"transferee":`+callerJSON+`,"exten":"102","context":"internal","result":"Success","is_external":true,"bridge":`+mixingJSON),
	BridgeAttendedTransfer: sample("BridgeAttendedTransfer", `"transferer_first_leg":`+phoneJSON+`,"transferer_second_leg":{"id":"p2"},"replace_channel":{"id":"l1"},"transferee":`+callerJSON+`,"transfer_target":{"id":"t"},"result":"Success","is_external":true,"transferer_first_leg_bridge":`+mixingJSON+`,"transferer_second_leg_bridge":`+emptyJSON+`,"destination_type":"application","destination_application":"Queue"`),
	Dial:                   sample("Dial", `"caller":`+callerJSON+`,"peer":`+phoneJSON+`,"forward":"","dialstring":"101/sip:101@192.0.2.9","dialstatus":"RINGING","forwarded":{"id":"f"}`),
	StasisStart:            sample("StasisStart", `"args":["attempt","17"],"channel":`+phoneJSON+`,"replace_channel":{"id":"r"}`),
	StasisEnd:              sample("StasisEnd", `"channel":`+phoneJSON),
	PlaybackStarted:        sample("PlaybackStarted", `"playback":{"id":"p1","media_uri":"sound:x","target_uri":"channel:1","language":"en","state":"playing"}`),
	PlaybackFinished:       sample("PlaybackFinished", `"playback":{"id":"p1","media_uri":"sound:x","target_uri":"channel:1","language":"en","state":"failed"}`),
	Other:                  sample("DeviceStateChanged", `"device_state":{"name":"PJSIP/101","state":"INUSE"}`),
}

// oddFrames are frames that nobody should send, and that must be judged as
// encoding/json does.
var oddFrames = []string{
	``, ` `, `{}`, `[]`, `null`, `1`, `"type"`, `{`, `{"`, `{"type`, `{"type"`, `{"type":`, `{"type":"Dial`,
	`{"type":"Dial"`, `{"type":"Dial",`, `{"type":"Dial",}`, `{"type":"Dial"}}`, `{"type":"Dial"} x`, " {\"type\":\"Dial\"}\n\t ",
	`{"type":"Dial" "a":1}`, `{,"type":"Dial"}`, `{"type":"Dial","a":[1,]}`, `{"type":"Dial","a":[,1]}`, `{"type":"Dial","a":[1 2]}`,
	`{"type":5}`, `{"type":null}`, `{"type":"Dial","type":5}`, `{"type":5,"type":"StasisEnd","channel":{"id":"a"}}`,
	`{"channel":{"id":"early"},"type":"Dial","caller":{"id":"c"},"type":"StasisEnd","channel":{"id":"late"}}`,
	`{"channel":{"id":"a"},"type":"StasisEnd","channel":{"name":"b"}}`, `{"type":"StasisEnd","channel":{"id":"a"},"channel":7}`,
	`{"type":"StasisEnd","channel":{"id":"a","id":null,"caller":{"name":"x"},"caller":{"number":"1"}}}`,
	`{"type":"Dial","dialstatus":"BUSY","caller":{"id":"c"},"type":"StasisEnd"}`, `{"type":"StasisEnd","channel":{"id":"c"},"type":"Dial"}`,
	`{"type":"StasisEnd","channel":{"id":"c"},"type":"FromTheFuture"}`, `{"type":"FromTheFuture","channel":{"id":"c"},"type":"StasisEnd"}`,
	`{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"channel":{"id":"ninth"},"type":"StasisEnd"}`,
	`{"ty\u0070e":"StasisEnd","ch\u0061nnel":{"id":"\u00e9\ud83d\ude00\ud83dx\udc00\n\"\\\/\b\f\r\t"}}`,
	"{\"type\":\"StasisEnd\",\"channel\":{\"id\":\"\xff\xc3\x28\xe2\x82\",\"name\":\"\u2028é\"}}",
	"{\"type\":\"StasisEnd\",\"channel\":{\"id\":\"a\x01b\"}}", `{"type":"StasisEnd","channel":{"id":"\x"}}`, `{"type":"StasisEnd","channel":{"id":"\u12g4"}}`,
	`{"type":"StasisEnd","channel":{"id":"\u12`, `{"type":"StasisEnd","channel":{"id":"\`, "{\"type\":\"StasisEnd\"}\x00",
	`{"type":"ChannelDestroyed","cause":01}`, `{"type":"ChannelDestroyed","cause":-}`, `{"type":"ChannelDestroyed","cause":1.}`,
	`{"type":"ChannelDestroyed","cause":1e}`, `{"type":"ChannelDestroyed","cause":1e5}`, `{"type":"ChannelDestroyed","cause":-0}`,
	`{"type":"ChannelDestroyed","cause":1.5,"tech_cause":99999999999999999999}`, `{"type":"ChannelDestroyed","cause":"17","tech_cause":null}`,
	`{"type":"ChannelHangupRequest","soft":"true"}`, `{"type":"ChannelHangupRequest","soft":tru}`, `{"type":"ChannelHangupRequest","soft":truex}`,
	`{"type":"ChannelHangupRequest","soft":1,"soft":true,"soft":false}`, `{"type":"X","channel":{"id":5},"cause":{}}`, `{"type":"X","a":nul`,
	`{"type":"StasisStart","args":["a",1,null,["b"],"c"],"args":["d"]}`, `{"type":"BridgeCreated","bridge":{"channels":{"a":1}}}`,
	`{"type":"RingbackConnected","channels":[{"id":"a"},5,null],"bridges":7,"bridges":[{}]}`, `{"type":"RingbackConnected"}`,
	`{"type":"Other"}`, `{"type":""}`, `{"type":"StasisEnd","timestamp":"yesterday","timestamp":"2026-01-02T03:04:05.678-05:30"}`,
	`{"type":"X","a":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`,
	`{"type":"X","a":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`,
}
