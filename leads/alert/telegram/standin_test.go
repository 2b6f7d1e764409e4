package telegram

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"
)

const secret = "123456789:AAFakeTokenOfTheTests_0123456789"

// telegram stands in for the Bot API, with the limits that its documentation
// tells (https://core.telegram.org/bots/api, …/bots/faq).
type telegram struct {
	t   *testing.T
	url string

	mu       sync.Mutex
	chats    map[int64]bool // who has written to the bot; false: has blocked it
	last     map[int64]time.Time
	all      []time.Time
	messages map[int64]map[string]any // as they stand now, by number
	number   int64
	updates  []map[string]any
	update   int64
	polling  bool
	answers  map[string]string // of buttons
	refused  []string          // what was answered with an error
	fail     func(method string) (status int, body string)
	changed  chan struct{} // closed at every change
}

func stand(t *testing.T) *telegram {
	s := &telegram{t: t, chats: map[int64]bool{}, last: map[int64]time.Time{}, messages: map[int64]map[string]any{}, answers: map[string]string{}, changed: make(chan struct{})}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

// problem is an answer of the API.
type problem struct {
	code  int
	text  string
	after int
}

func (s *telegram) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rest, ok := strings.CutPrefix(r.URL.Path, "/bot"+secret+"/")
	var in map[string]any
	switch {
	case !ok:
		s.answer(w, rest, nil, &problem{401, "Unauthorized", 0})
		return
	case json.NewDecoder(r.Body).Decode(&in) != nil:
		s.answer(w, rest, nil, &problem{400, "Bad Request: can't parse JSON", 0})
		return
	}
	if s.fail != nil {
		if status, body := s.fail(rest); status != 0 {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
			return
		}
	}
	if rest == "getUpdates" {
		result, p := s.getUpdates(r, in)
		s.answer(w, rest, result, p)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	result, p := s.do(rest, in)
	s.answer(w, rest, result, p)
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *telegram) answer(w http.ResponseWriter, method string, result any, p *problem) {
	if p == nil {
		json.NewEncoder(w).Encode(map[string]any{"ok": true, "result": result})
		return
	}
	s.refused = append(s.refused, fmt.Sprintf("%s %d %s", method, p.code, p.text))
	w.WriteHeader(p.code)
	body := map[string]any{"ok": false, "error_code": p.code, "description": p.text}
	if p.after > 0 {
		body["parameters"] = map[string]any{"retry_after": p.after}
	}
	json.NewEncoder(w).Encode(body)
}

func (s *telegram) do(method string, in map[string]any) (any, *problem) {
	switch method {
	case "getMe":
		return map[string]any{"id": 123456789, "username": "ringback_bot"}, nil
	case "sendMessage":
		return s.sendMessage(in)
	case "editMessageText":
		return s.edit(in)
	case "answerCallbackQuery":
		text, _ := in["text"].(string)
		if len([]rune(text)) > 200 {
			return nil, &problem{400, "Bad Request: MESSAGE_TOO_LONG", 0}
		}
		s.answers[in["callback_query_id"].(string)] = text
		return true, nil
	}
	return nil, &problem{404, "Not Found: method not found", 0}
}

func (s *telegram) sendMessage(in map[string]any) (any, *problem) {
	chat := int64(in["chat_id"].(float64))
	writes, known := s.chats[chat]
	now := time.Now()
	for len(s.all) > 0 && now.Sub(s.all[0]) > time.Second {
		s.all = s.all[1:]
	}
	const slack = 30 * time.Millisecond // of two clocks
	switch {
	case !known:
		return nil, &problem{400, "Bad Request: chat not found", 0}
	case !writes:
		return nil, &problem{403, "Forbidden: bot was blocked by the user", 0}
	case now.Sub(s.last[chat]) < time.Second-slack:
		return nil, &problem{429, "Too Many Requests: retry after 2", 2}
	case len(s.all) > 31:
		return nil, &problem{429, "Too Many Requests: retry after 3", 3}
	}
	if p := fits(in); p != nil {
		return nil, p
	}
	s.last[chat], s.all = now, append(s.all, now)
	s.number++
	s.messages[s.number] = in
	return map[string]any{"message_id": s.number, "chat": map[string]any{"id": chat, "type": "private"}}, nil
}

// fits looks at what Telegram looks at.
func fits(in map[string]any) *problem {
	text, _ := in["text"].(string)
	if n := len(utf16.Encode([]rune(text))); n == 0 {
		return &problem{400, "Bad Request: message text is empty", 0}
	} else if n > 4096 {
		return &problem{400, "Bad Request: message is too long", 0}
	}
	markup, _ := in["reply_markup"].(map[string]any)
	rows, _ := markup["inline_keyboard"].([]any)
	for _, row := range rows {
		for _, b := range row.([]any) {
			b := b.(map[string]any)
			if data, _ := b["callback_data"].(string); len(data) > 64 {
				return &problem{400, "Bad Request: BUTTON_DATA_INVALID", 0}
			}
			if url, _ := b["url"].(string); url != "" && (!strings.HasPrefix(url, "https://") || strings.Contains(url, "refused")) {
				return &problem{400, "Bad Request: BUTTON_URL_INVALID", 0}
			}
		}
	}
	return nil
}

func (s *telegram) edit(in map[string]any) (any, *problem) {
	number := int64(in["message_id"].(float64))
	old := s.messages[number]
	switch {
	case old == nil || old["chat_id"] != in["chat_id"]:
		return nil, &problem{400, "Bad Request: message to edit not found", 0}
	case old["text"] == in["text"] && fmt.Sprint(old["reply_markup"]) == fmt.Sprint(in["reply_markup"]):
		return nil, &problem{400, "Bad Request: message is not modified", 0}
	}
	if p := fits(in); p != nil {
		return nil, p
	}
	s.messages[number] = in
	return in, nil
}

// getUpdates waits for an update from offset on, and forgets those before it.
func (s *telegram) getUpdates(r *http.Request, in map[string]any) (any, *problem) {
	offset := int64(in["offset"].(float64))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.polling {
		return nil, &problem{409, "Conflict: terminated by other getUpdates request", 0}
	}
	s.polling = true
	defer func() { s.polling = false }()
	for {
		for len(s.updates) > 0 && s.updates[0]["update_id"].(int64) < offset {
			s.updates = s.updates[1:]
		}
		if len(s.updates) > 0 {
			return s.updates[:min(len(s.updates), 100)], nil
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-r.Context().Done():
		case <-time.After(5 * time.Second):
		}
		s.mu.Lock()
		if r.Context().Err() != nil {
			return []any{}, nil
		}
	}
}

// push makes an update.
func (s *telegram) push(u map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.update++
	u["update_id"] = s.update
	s.updates = append(s.updates, u)
	close(s.changed)
	s.changed = make(chan struct{})
}

// writes has somebody write to the bot.
func (s *telegram) writes(from int64, text string) {
	s.mu.Lock()
	s.chats[from] = true
	s.mu.Unlock()
	s.push(map[string]any{"message": map[string]any{"from": map[string]any{"id": from}, "chat": map[string]any{"id": from, "type": "private"}, "text": text}})
}

// presses has somebody press a button, and tells what they are shown.
func (s *telegram) presses(from, chat int64, data string) string {
	s.t.Helper()
	s.mu.Lock()
	id := fmt.Sprintf("press%d", s.update)
	s.mu.Unlock()
	s.push(map[string]any{"callback_query": map[string]any{"id": id, "from": map[string]any{"id": from}, "data": data,
		"message": map[string]any{"message_id": 1, "chat": map[string]any{"id": chat, "type": "private"}}}})
	var said string
	s.until("the press is answered", func() bool { said = s.answers[id]; return said != "" })
	return said
}

// until waits for something to become so.
func (s *telegram) until(what string, so func() bool) {
	s.t.Helper()
	patience := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		ok, changed := so(), s.changed
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-patience:
			s.mu.Lock()
			defer s.mu.Unlock()
			s.t.Fatalf("it never came that %s: messages %v, answers %v, refused %q", what, s.messages, s.answers, s.refused)
		}
	}
}

// text is what a message says now; buttons are what stands under it.
func (s *telegram) text(number int64) string {
	said, _ := s.messages[number]["text"].(string)
	return said
}

func (s *telegram) buttons(number int64) (list []map[string]any) {
	markup, _ := s.messages[number]["reply_markup"].(map[string]any)
	rows, _ := markup["inline_keyboard"].([]any)
	for _, row := range rows {
		for _, b := range row.([]any) {
			list = append(list, b.(map[string]any))
		}
	}
	return list
}
