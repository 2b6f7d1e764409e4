package config

import (
	"strings"

	"ringback/leads/alert/telegram"
)

// Telegram tells people by a bot.
type Telegram struct {
	// TokenFile or TokenEnv names where the bot's token is read from.
	TokenFile string `yaml:"token_file"`
	TokenEnv  string `yaml:"token_env"`
	// API is where the Bot API is served.
	API string `yaml:"api"`

	// Token is what TokenFile or TokenEnv led to.
	Token Secret `yaml:"-"`
}

// check checks how the Bot API is reached. The token is read later.
func (t *Telegram) check(f *findings, at string) {
	t.API = strings.TrimRight(t.API, "/")
	if t.API == "" {
		t.API = telegram.DefaultAPI
	}
	if u, ok := isWeb(t.API); !ok || u.RawQuery != "" {
		f.add(at+".api", "%s is not an address such as %s", quoted(t.API), telegram.DefaultAPI)
	} else if u.Scheme == "http" && !isLoopback(u.Hostname()) {
		f.add(at+".api", "would carry the bot's token in the clear: use https, or a server on this machine")
	}
}

func (t *Telegram) readSecret(f *findings, at string) {
	t.Token = oneSecret(f, at+".token_file", t.TokenFile, at+".token_env", t.TokenEnv)
	if t.Token.Set() && !telegram.IsToken(t.Token.Reveal()) {
		f.add(at+".token_file", "holds no token of a bot: BotFather gives one such as 123456789:AAF...")
	}
}
