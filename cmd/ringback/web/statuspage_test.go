package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"ringback/ari"
	"ringback/leads/feed"
	"ringback/leads/hook"
	"ringback/routing"
)

// TestTheStatusSaysHowHooksDo has one program that has gone and one that nobody has
// asked, and a person who has blocked the bot.
func TestTheStatusSaysHowHooksDo(t *testing.T) {
	h := newHouse(t, func(c *Config) {
		c.Office.Directory.Managers = append(c.Office.Directory.Managers, routing.Manager{Login: "root", Role: routing.Admin}, routing.Manager{Login: "boris", Name: "Boris <I>"})
		c.Blocked = func() map[string]time.Time { return map[string]time.Time{"boris": time.Now()} }
		var hooks []feed.Hook
		for _, name := range []string{"crm", "erp"} {
			receiver, err := hook.New("https://"+name+".example.com/hook?key=t0p", "s")
			if err != nil {
				t.Fatal(err)
			}
			hooks = append(hooks, feed.Hook{Name: name, Receiver: receiver})
		}
		var err error
		if c.Feed, err = feed.New(t.Context(), feed.Config{DB: c.DB, Hooks: hooks}); err != nil {
			t.Fatal(err)
		}
	})
	h.exec("UPDATE hooks SET troubled = $1, trouble = 'https://crm.example.com answered 503 Service Unavailable' WHERE name = 'crm'", time.Now().Add(-time.Minute).UnixMilli())
	h.exec("UPDATE hooks SET delivered = $1 WHERE name = 'erp'", time.Now().Add(-time.Hour).UnixMilli())
	h.exec("INSERT INTO hook_waits (hook, entry, subject, replayed, since, due, attempts) VALUES ('crm', 1, 'lead:1', 0, $1, 1, 1)", time.Now().Add(-2*time.Hour).UnixMilli())
	h.mu.Lock()
	h.pbxs[0].Version = "22.10.1"
	h.mu.Unlock()
	body := h.page("/status")
	for _, want := range []string{"Asterisk 22.10.1 · events", `<span class="tag bad"><bdi>crm</bdi></span> <bdi>https://crm.example.com</bdi>`, "nothing taken yet · waiting: 1, the oldest 2 h", "answered 503 Service Unavailable",
		`<span class="tag good"><bdi>erp</bdi>`, "last taken 1 h", "Boris &lt;I&gt; lets the bot write nothing"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	if strings.Contains(body, "t0p") {
		t.Error("a hook's address is shown whole")
	}
}

func TestTheStatusSaysWhatIsWrongAndToWhom(t *testing.T) {
	h := newHouse(t, func(c *Config) {
		c.Office.Directory.Managers = append(c.Office.Directory.Managers, routing.Manager{Login: "root", Role: routing.Admin})
	})
	h.tell("+79161234567", "Ivan", nil)
	body := h.page("/status")
	for _, want := range []string{"All is well", "<b>main</b>", "Everything was watched", "SQLite 3", "Ringback test"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	now := time.Now().UnixMilli()
	job := func(kind, state string, due, ended int64, why string) {
		h.exec(`INSERT INTO jobs (kind, lane, key, lead, payload, made, due, expires, state, ended, error)
			VALUES ($1, '', $1 || $2 || $3 || $4, 0, '{}', 1, $3, 0, $2, $4, $5)`, kind, state, due, ended, why)
	}
	job("notify:email", "done", 1, now-7_200_000, "")
	job("notify:email", "failed", 1, now-3_600_000, "<b>550</b> no such mailbox")
	job("notify:email", "failed", 2, now-2*86_400_000, "too old to tell")
	job("notify:sms", "waiting", now-300_000, 0, "")
	job("notify:sms", "waiting", now+300_000, 0, "")
	h.pbxs = []ari.Status{{PBX: "main"}}
	body = h.page("/status")
	for _, want := range []string{`<span class="tag bad"><bdi>email</bdi>`, `<span class="tag bad"><bdi>sms</bdi>`, `<td class="n">2</td><td class="n">1</td>`, "&lt;b&gt;550&lt;/b&gt; no such mailbox", `role="alert"`} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	if strings.Contains(body, "too old") || strings.Contains(body, "All is well") {
		t.Error("an old failure is shown, or a blind PBX is not")
	}
	if got := h.ask(ask{path: "/status"}); got.code == http.StatusOK {
		t.Error("a stranger sees the status")
	}
}
