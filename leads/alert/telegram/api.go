package telegram

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"ringback/leads/alert"
)

// token is how BotFather writes one.
var token = regexp.MustCompile(`^([0-9]{1,16}):[A-Za-z0-9_-]{20,100}$`)

// IsToken says whether text has the form of a bot's token.
func IsToken(text string) bool { return token.MatchString(text) }

// bot speaks the Bot API.
type bot struct {
	base, token string
	id          int64 // the bot's own, which is no secret
	transport   *http.Transport
}

// maxAnswer bounds an answer: a hundred updates of a few kB each.
const maxAnswer = 4 << 20

func newBot(base, secret string) *bot {
	b := &bot{base: base, token: secret, transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConns: 8,
		MaxIdleConnsPerHost: 8, IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: 16 << 10}}
	number, _, _ := strings.Cut(secret, ":")
	b.id, _ = strconv.ParseInt(number, 10, 64) // of a token that is none it is 0
	return b
}

// refusal is an answer of the Bot API that is no success.
type refusal struct {
	Code       int
	Said       string
	RetryAfter time.Duration
}

func (r *refusal) Error() string { return fmt.Sprintf("Telegram answered %d: %s", r.Code, r.Said) }

// errUnanswered is in the error of a request that may have arrived.
var errUnanswered = errors.New("no answer")

// call calls a method. Its errors hold neither the token nor the address.
func (b *bot) call(ctx context.Context, method string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("telegram: %s: %w", method, err)
	}
	var connected atomic.Bool
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	}), http.MethodPost, b.base+"/bot"+b.token+"/"+method, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("telegram: %s: the address of the API cannot be used", method) // err would show the token
	}
	req.Header.Set("Content-Type", "application/json")
	req.GetBody = nil // net/http is not to try again by itself
	// Not by an http.Client, whose errors hold the address.
	resp, err := b.transport.RoundTrip(req)
	if err != nil {
		if connected.Load() {
			return fmt.Errorf("telegram: %s: %w: %s", method, errUnanswered, alert.Reason(err))
		}
		return fmt.Errorf("telegram: %s: %s", method, alert.Reason(err))
	}
	defer resp.Body.Close()
	return b.read(method, resp, out)
}

// read reads an answer.
func (b *bot) read(method string, resp *http.Response, out any) error {
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	var answer struct {
		OK          bool            `json:"ok"`
		Result      json.RawMessage `json:"result"`
		Code        int             `json:"error_code"`
		Description string          `json:"description"`
		Parameters  struct {
			RetryAfter float64 `json:"retry_after"`
		} `json:"parameters"`
	}
	if err != nil && resp.StatusCode == http.StatusOK {
		return fmt.Errorf("telegram: %s: %w: it broke off", method, errUnanswered)
	}
	if json.Unmarshal(text, &answer) != nil || answer.OK != (resp.StatusCode == http.StatusOK) {
		return fmt.Errorf("telegram: %s: %w", method, &refusal{Code: resp.StatusCode, Said: "this is not the Bot API"})
	}
	if !answer.OK {
		r := &refusal{Code: resp.StatusCode, Said: b.clean(answer.Description), RetryAfter: time.Duration(answer.Parameters.RetryAfter * float64(time.Second))}
		return fmt.Errorf("telegram: %s: %w", method, r)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Result, out); err != nil {
		return fmt.Errorf("telegram: %s: the result cannot be read", method)
	}
	return nil
}

// clean is what the server said, without the token.
func (b *bot) clean(said string) string {
	return alert.Line(strings.ReplaceAll(said, b.token, "(token)"), 160)
}

// What is said to the Bot API, and what it says; its names are its own.
type (
	outgoing struct {
		Chat    int64       `json:"chat_id"`
		Message int64       `json:"message_id,omitempty"` // to change one
		Text    string      `json:"text"`
		Preview linkPreview `json:"link_preview_options"`
		Keys    *keyboard   `json:"reply_markup,omitempty"`
	}
	linkPreview struct {
		Disabled bool `json:"is_disabled"`
	}
	keyboard struct {
		Rows [][]button `json:"inline_keyboard"`
	}
	button struct {
		Text string `json:"text"`
		Data string `json:"callback_data,omitempty"`
		URL  string `json:"url,omitempty"`
	}
	sentMessage struct {
		ID int64 `json:"message_id"`
	}
	chat struct {
		ID   int64  `json:"id"`
		Type string `json:"type"`
	}
	user struct {
		ID       int64  `json:"id"`
		Username string `json:"username"`
	}
	update struct {
		ID      int64 `json:"update_id"`
		Message *struct {
			From *user  `json:"from"`
			Chat chat   `json:"chat"`
			Text string `json:"text"`
		} `json:"message"`
		Press *press `json:"callback_query"`
	}
	press struct {
		ID      string `json:"id"`
		From    user   `json:"from"`
		Message *struct {
			Chat chat `json:"chat"`
		} `json:"message"`
		Data string `json:"data"`
	}
)

// noPreview keeps Telegram from opening links, which would be a person's own.
var noPreview = linkPreview{Disabled: true}

// link is the address of the last button; empty: there is none.
func (k *keyboard) link() string {
	if len(k.Rows) == 0 {
		return ""
	}
	last := k.Rows[len(k.Rows)-1]
	return last[len(last)-1].URL
}
