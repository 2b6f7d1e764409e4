package config

import (
	"strings"

	"ringback/robotcall"
)

// note explains a key in the example.
type note struct {
	text string
	// sample is shown, commented out, where the example does not set the key;
	// keys without one are always set.
	sample string
	// whole says that the keys below are explained elsewhere.
	whole bool
}

// notes explain every key, by its path without indexes.
var notes = map[string]note{
	"country": {text: "The home country (ISO 3166): numbers without a country code are read as its own."},
	"zone": {text: "The time zone of working hours (IANA). Left out: the zone of this machine.",
		sample: "Europe/Moscow"},
	"holidays": {text: "The days on which the hours below do not hold: the public holidays of a country, and own days,\n" +
		"which go before: closed, open (as on any such weekday), or windows; \"12-31\" is of every year.\n" +
		"What a government moves from year to year belongs there. Pools without hours are always open.",
		sample: `{country: RU, days: {"2026-12-31": closed, "2026-11-07": "10:00-14:00"}}`, whole: true},
	"language": {text: "The language of alerts and pages for whoever has no other: en, ru or pl.", sample: "ru"},
	"mode": {text: "observe: show verdicts, leads and the alerts that would go out, and tell nobody.\n" +
		"act: tell people. Begin with observe and look at the page for a few days."},

	"asterisk":                 {text: "The PBXes that are watched. Their dialplan stays as it is."},
	"asterisk[].name":          {text: "How this PBX is called in lists and metrics."},
	"asterisk[].url":           {text: "Asterisk's HTTP server (http.conf); /ari may be left out."},
	"asterisk[].username":      {text: "A user of ari.conf, with read_only = no."},
	"asterisk[].password_file": {text: "A file that holds the user's password and that not everybody may read (chmod 640)."},
	"asterisk[].password_env":  {text: "Or a variable of the environment that holds it.", sample: "RINGBACK_ARI_PASSWORD"},
	"asterisk[].app": {text: "The name of our ARI application. Two daemons at one PBX need two names, or each\n" +
		"would end the other's session."},
	"asterisk[].event_filter": {text: "Ask Asterisk not to send the kinds of events that are never used."},
	"asterisk[].inbound":      {text: "Which calls come from outside."},
	"asterisk[].inbound.contexts": {text: "The dialplan contexts of the trunks: a call that begins in one is inbound.\n" +
		"FreePBX: from-trunk, from-pstn, from-did-direct."},
	"asterisk[].connect": {text: "The way out: how clients are called, by a manager who presses 1 and by reminders."},
	"asterisk[].connect.context": {text: "The dialplan context that dials outside numbers, as colleagues' phones use it.\n" +
		"FreePBX: from-internal."},
	"asterisk[].connect.dial": {text: "What a reminder is dialed by. Left out: Local/{number}@ and the context.",
		sample: "PJSIP/{number}@trunk"},
	"asterisk[].connect.number": {text: "How numbers are written there: {digits} is 74951000001, {e164} is +74951000001,\n" +
		"{national} is 4951000001. Left out: as the dialplan knows it, which is tried out. FreePBX's\n" +
		"takes any number for known: write what your outbound routes expect.", sample: `"8{national}"`},
	"asterisk[].connect.concurrent": {text: "How many clients are called by this way at a time. Left out: see robot.", sample: "3"},
	"asterisk[].connect.per_second": {text: "How many such calls are begun in a second. Left out: see robot.", sample: "1"},
	"asterisk[].cdr": {text: "Where the call records lie: what happened while nobody watched (the daemon or the network\n" +
		"was down) is read from there afterwards. Left out: such calls are listed as unconfirmed."},
	"asterisk[].cdr.csv": {text: "The file that cdr_csv writes. cdr.conf: unanswered=yes; [csv] loguniqueid=yes, newcdrcolumns=yes.",
		sample: "/var/log/asterisk/cdr-csv/Master.csv"},
	"asterisk[].cdr.sql": {text: "Or the database that keeps them. FreePBX: as below. engine: mysql (MariaDB too), postgres or\n" +
		"sqlite (address is its file); address: host:port or a socket; records and events: the tables\n" +
		"of CDR (left out: cdr) and of CEL (left out: not read). The user needs SELECT only.",
		sample: "{engine: mysql, address: /run/mysqld/mysqld.sock, database: asteriskcdrdb, username: ringback, password_file: /etc/ringback/cdr.password, records: cdr, events: cel}", whole: true},
	"asterisk[].cdr.queue_log": {text: "The log of queues, which tells why callers left one.", sample: "/var/log/asterisk/queue_log"},
	"asterisk[].cdr.wait":      {text: "How long the PBX may take to write the records of calls that are over: in batch mode its batch time."},
	"asterisk[].numbers": {text: "How this PBX writes numbers: prefixes that lead to an outside line, and a home country\n" +
		"other than the company's.", sample: `{strip: ["9"], country: KZ}`, whole: true},

	"missed":          {text: "What counts as a missed call. Every pool may override the durations."},
	"missed.min_talk": {text: "Shorter talks with a phone of the house are no talks: picked up and gone."},
	"missed.external_after": {text: "A leg that left by a trunk, to somebody's mobile say, must last as long to count: its\n" +
		"voicemail answers too."},
	"missed.reached_after": {text: "A call back that lasts as long settles the lead."},
	"missed.short_abandon": {text: "Callers who hang up sooner are ignored. 0s: nobody is."},
	"missed.suspicious": {text: "Who rings for the first time and hangs up sooner is listed, but nobody is told of it until\n" +
		"they ring again. 0s: everybody is."},
	"missed.handled": {text: "Where a call may end without anybody owing a call back: dialplan applications and\n" +
		"contexts, lines.", sample: "{applications: [ReceiveFAX], contexts: [self-service], lines: [office]}", whole: true},
	"missed.block": {text: "Callers that are ignored; \"anonymous\" are all who withhold their number.", sample: `["+74951234567"]`},

	"lines":        {text: "The numbers that people dial. Calls to other numbers belong to the pool \"default\"."},
	"lines[].name": {text: "How the line is called in alerts, lists and metrics."},
	"lines[].pbx":  {text: "Where it arrives. Left out: any PBX.", sample: "main"},
	"lines[].numbers": {text: "The number, and what else the trunk sends in its place: \"s\", an account name.\n" +
		"74951000001, 84951000001 and +74951000001 are one number."},
	"lines[].pool": {text: "Who calls back. Left out: the pool \"default\".", sample: "sales"},

	"lines[].sound": {text: "A recording that says the line's name to a manager who is rung. Left out: its digits\n" +
		"are said.", sample: "sound:custom/line-sales"},

	"managers":         {text: "The people who call back, and their supervisors."},
	"managers[].login": {text: "A short name without blanks, by which pools name the person."},
	"managers[].name":  {text: "The name that others read. Left out: the login.", sample: "Anna Ivanova"},
	"managers[].role": {text: "manager: sees what is theirs or nobody's, and the pools they supervise; supervisor: sees and hands out\n" +
		"every lead; admin: also sees how the daemon does, and who has an account. Left out: manager.", sample: "supervisor"},
	"managers[].language":            {text: "The language of their alerts and pages until they choose another: en, ru or pl. Left out: the company's.", sample: "ru"},
	"managers[].devices":             {text: "The person's phones. A plain \"101\" is short for {endpoint: PJSIP/101}.", sample: `["101"]`},
	"managers[].devices[].pbx":       {text: "Where the phone is registered. Left out: the only PBX.", sample: "main"},
	"managers[].devices[].endpoint":  {text: "The phone as Asterisk names it."},
	"managers[].devices[].extension": {text: "What colleagues dial to ring it. Left out: the endpoint's name.", sample: `"101"`},
	"managers[].ring":                {text: "How a robot call rings several phones: together, or in_turn.", sample: "in_turn"},
	"managers[].email":               {text: "Where the person reads email, if the channel email is used.", sample: "anna@example.com"},
	"managers[].mobile":              {text: "The person's own number, for short messages by a gateway of channels.http.", sample: `"+79161234567"`},
	"managers[].telegram": {text: "The id of the person's chat with the bot. Left out: the person tells the bot themselves who they\n" +
		"are, by a code from their settings.", sample: `"123456789"`},
	"managers[].hours": {text: "When the person is on duty, written as the hours of pools below. Left out: whenever the\n" +
		"pool is open.", sample: `{week: {mon-thu: "09:00-15:00"}}`, whole: true},
	"managers[].channels": {text: "The channels by which the person is told. Left out: all.", sample: "[sip]"},

	"pools":              {text: "Who is responsible for which lines. The pool \"default\" must exist."},
	"pools[].name":       {text: "How the pool is called in lists and metrics."},
	"pools[].managers":   {text: "The logins of those who take turns in calling back."},
	"pools[].supervisor": {text: "The login of the one who is told when nothing happens."},
	"pools[].pick":       {text: "Who gets the next lead: round_robin, random, or least_open (fewest open leads)."},
	"pools[].hours":      {text: "When somebody is there. What is missed outside them waits for the opening.\nLeft out: always."},
	"pools[].hours.zone": {text: "Left out: the company's zone.", sample: "Asia/Yekaterinburg"},
	"pools[].hours.week": {text: "Days or spans of days, and windows: \"09:00-13:00, 14:00-18:00\"; \"22:00-06:00\" runs\n" +
		"into the next day."},
	"pools[].hours.holidays": {text: "Left out: the company's, on top of which own days stand. Or another country, or none, and own days.",
		sample: "none", whole: true},
	"pools[].ladder": {text: "What is done about a missed call while nobody acts. Left out: as here.\n" +
		"With `rungs: []` nobody is told."},
	"pools[].ladder.settle":           {text: "Who is reached within this time after the miss causes no alert."},
	"pools[].ladder.acknowledged_for": {text: "How long the ladder rests when the manager has said \"later\": a promise is no call."},
	"pools[].ladder.rungs":            {text: "The steps, in the order of time."},
	"pools[].ladder.rungs[].after":    {text: "Counted from the end of settle."},
	"pools[].ladder.rungs[].tell": {text: "manager: whose lead it is gets a message. call: their phone rings, a voice says who is\n" +
		"owed a call, and a key connects. next_manager: the lead is handed on to the next of the\n" +
		"pool. supervisor: the pool's gets a message."},
	"pools[].absence": {text: "What becomes of the open leads of somebody who says that they are away: keep: they stay, and the\n" +
		"supervisor has a list; hand_on: the others get them.", sample: "hand_on"},
	"pools[].caller_id": {text: "The number that those see whom the pool calls. Left out: that of the line they rang.",
		sample: `"+74951000001"`},
	"pools[].missed": {text: "Durations that differ from the company's, as under missed above.",
		sample: "{min_talk: 5s, short_abandon: 3s}", whole: true},
	"pools[].leads": {text: "Reasons of missed calls that oblige nobody to call back.", sample: "{abandoned_ivr: false}"},

	"templates": {text: "Own texts of alerts: a folder of files such as new_lead.ru.tmpl, or overdue.tmpl for all languages; one may\n" +
		"define subject, short (SIP, SMS) and long (mail, Telegram): {{define \"short\"}}{{.Who}} {{.Link}}{{end}}.\n" +
		"ringback check tries them; what is broken is said in the built-in words.", sample: "{dir: /etc/ringback/templates}", whole: true},

	"channels":          {text: "How people are told. Left out: by SIP alone."},
	"channels.sip":      {text: "A SIP MESSAGE to the person's phones. {} will do.", sample: "{}"},
	"channels.sip.from": {text: "Whom the phone shows as the sender."},
	"channels.email": {text: "A mail to the person's address, by a mail server that takes it. tls: starttls (the default),\n" +
		"implicit, or none, which only a server on this machine may have.",
		sample: `{host: smtp.example.com, port: 587, username: ringback, password_env: SMTP_PASSWORD, from: "Ringback <ringback@example.com>"}`, whole: true},
	"channels.telegram": {text: "Messages by a bot of Telegram, with buttons to take a lead or put it off. BotFather gives the token;\n" +
		"each person tells the bot who they are by a code from their settings (token_env: NAME, a variable\n" +
		"of the environment, instead of the file). api: a Bot API server of one's own.",
		sample: "{token_file: telegram.token, api: \"https://api.telegram.org\"}", whole: true},
	"channels.page": {text: "A sound and a notification on the pages that the person has open.", sample: "{timeout: 3s}", whole: true},
	"channels.http": {text: "Short messages, WhatsApp and the like by any service that takes them over HTTP. url, headers and body\n" +
		"are templates ({{.Mobile}}, {{.Short}}, {{.Text}}, {{.Link}}, {{secret \"name\"}}); what is put in is\n" +
		"escaped by its place. type: form, json, xml or text. needs: mobile, email or nothing. match says what\n" +
		"a success looks like, retry what is worth another try. Ready ones stand at the end of this file.",
		sample: `[{name: sms, url: "https://sms.example.com/send", method: POST, headers: {X-Key: '{{secret "key"}}'}, ` +
			`type: form, body: "to={{digits .Mobile}}&text={{.Short}}", needs: mobile, match: {status: 2xx, body: "^OK", json: {}}, ` +
			`retry: {body: busy}, timeout: 10s, secrets: {key: sms.key}}]`, whole: true},
	"channels.webhooks": {text: "Posts to an address, signed as https://www.standardwebhooks.com describes, with the\n" +
		"secret in a file, or in a variable of the environment (secret_env: NAME).",
		sample: "[{name: crm, url: \"https://crm.example.com/ringback\", secret_file: webhook.secret, timeout: 10s}]", whole: true},

	"hooks": {text: "Programs that are told what happens to leads and contacts, whoever does it: posted and signed as\n" +
		"channels.webhooks are, in order, and for a day where they are not taken. events chooses: lead.closed,\n" +
		"lead.*, alert.*, contact.*; left out: all.",
		sample: "[{name: crm, url: \"https://crm.example.com/events\", secret_file: hook.secret, events: [lead.*], timeout: 10s}]", whole: true},

	"alerts": {text: "What people cannot choose otherwise on their settings page: a kind of alert that must be immediate\n" +
		"waits neither for the end of quiet times nor for a list. Kinds: new_lead, rang_again, overdue,\n" +
		"absent, digest, reminder. New leads always keep a channel that works.",
		sample: "{new_lead: {must: immediate}, overdue: {must: immediate}}", whole: true},
	"robot": {text: "What robots may dial. Other numbers, and clients at other times, are never called, whoever\n" +
		"asks for it; a manager is not connected with such a number either."},
	"robot.countries": {text: "Whose numbers may be dialed (ISO 3166)."},
	"robot.types": {text: "What kinds of numbers may be dialed. There are also toll_free, voip, uan, pager, voicemail,\n" +
		"personal_number, and shared_cost and premium_rate, which cost whoever rings them."},
	"robot.hours": {text: "When clients may be called, by the clock where they are."},
	"robot.hours.zone": {text: "The zone of clients whose number does not tell it. Left out: only while it is within the hours\n" +
		"in every zone where they may be; a Russian mobile then from 10:00 to 12:00 in Moscow.", sample: "Europe/Moscow"},
	"robot.hours.week": {text: "Written as the hours of pools above."},
	"robot.concurrent": {text: "How many clients are called at a time."},
	"robot.per_second": {text: "How many calls to clients are begun in a second."},
	"robot.hours.holidays": {text: "Days on which clients are not called, written as the holidays above. Left out: none.",
		sample: "RU", whole: true},
	"robot.per_number_day":     {text: "How often a robot calls one number within 24 hours,"},
	"robot.per_number_30_days": {text: "and within 30 days."},
	"robot.consent":            {text: "unless_refused: call everybody who has not refused. required: call only who has agreed."},
	"robot.ring":               {text: "How long a phone rings, a manager's and a client's."},
	"robot.language":           {text: "What managers are spoken to in: en or ru. English where the PBX lacks sounds in it."},
	"robot.prompts": {text: "Your own recordings in the place of Asterisk's, by language and prompt; [] leaves one out.\n" +
		"Prompts: " + promptNames() + ".", sample: "{en: {you_have: [\"sound:custom/you-have\"], menu: [\"sound:custom/menu\"]}}", whole: true},

	"reminders":            {text: "Of what clients are reminded by phone. Without media nobody is called."},
	"reminders.before":     {text: "How long before an appointment."},
	"reminders.on_create":  {text: "Whether also when it was made,"},
	"reminders.on_change":  {text: "and when it was moved or changed."},
	"reminders.grace":      {text: "How long what was made or changed can be corrected before the client is called."},
	"reminders.categories": {text: "Of which categories clients are reminded. Left out: of all.", sample: "[visit, delivery]"},
	"reminders.required":   {text: "What must be filled in: place, category, or a field of yours.", sample: "[place]"},
	"reminders.line":       {text: "From which line they are called. Left out: the first.", sample: "sales"},
	"reminders.language":   {text: "What clients are spoken to in where the appointment does not say it: en or ru."},
	"reminders.media": {text: "What they hear, by language: recordings of the PBX, digits:123, number:12, and of the\n" +
		"appointment {date}, {time}, {day}, {digits:FIELD}, {number:FIELD}.",
		sample: `{en: ["sound:custom/reminder", "{date}", "{time}", "sound:custom/menu"]}`},
	"reminders.keys":         {text: "What the keys of the phone mean; none: nothing."},
	"reminders.keys.confirm": {text: "They will come."},
	"reminders.keys.cancel":  {text: "They will not."},
	"reminders.keys.person":  {text: "They want to talk with somebody."},
	"reminders.keys.opt_out": {text: "They never want to be called by a robot again."},
	"reminders.keys.repeat":  {text: "They want to hear it again."},

	"listen": {text: "Where page, API and metrics answer. Other machines can reach anything but 127.0.0.1."},
	"public_url": {text: "How the links in alerts begin. Left out: http:// (with a certificate https://) and the\n" +
		"address above.", sample: "https://ringback.example.com"},
	"tls": {text: "The certificate, where no proxy in front has one, and those between it and its root; and its key,\n" +
		"which not everybody may read. Both as PEM; renewed files are read by themselves.",
		sample: "{cert_file: /etc/ringback/cert.pem, key_file: /etc/ringback/key.pem}", whole: true},
	"trusted_proxies": {text: "The proxies in front: what they say of whom they ask for (X-Forwarded-For and -Host) is\n" +
		"believed, and nobody else's word.", sample: "[127.0.0.1, 10.0.0.0/8]"},
	"web":         {text: "How long people stay logged in on the page:"},
	"web.idle":    {text: "while they do not use it,"},
	"web.session": {text: "and at most; then they give their password again."},
	"web.link":    {text: "How long the link of an alert opens its lead without a password."},
	"database":    {text: "The database. SQLite keeps files beside it: the folder must be writable."},
	"keep_calls": {text: "How long calls and closed leads are kept, with all that is told of them. Open leads stay,\n" +
		"and so does what people said about being called. 0s: for ever."},
	"keep_events": {text: "How long the entries of timelines are kept, except of open leads, and what was dialed.\n" +
		"0s: for ever."},
	"backlog_mb": {text: "How many megabytes of memory what was seen may take while the database cannot be written (a\n" +
		"full disk), and events of a PBX that wait to be handled. Beyond it calls are not followed, and\n" +
		"the call records are asked for them afterwards."},
	"token_file": {text: "A file of bearer tokens that may do everything, one a line, that not everybody may read.\n" +
		"`ringback token create` makes tokens with less power, and without a file.", sample: "/etc/ringback/tokens"},
}

// promptNames are the names of all prompts, on lines of a comment.
func promptNames() string {
	var b strings.Builder
	width := len("# Prompts: ")
	for i, name := range robotcall.AllPrompts() {
		if i > 0 {
			b.WriteString(", ")
		}
		if width += len(name) + 2; width > 90 {
			b.WriteString("\n")
			width = len(name)
		}
		b.WriteString(string(name))
	}
	return strings.ReplaceAll(b.String(), " \n", "\n")
}
