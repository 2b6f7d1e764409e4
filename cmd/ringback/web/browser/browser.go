package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// programs are the names of what is run, the first that is there.
var programs = []string{"chromium", "chromium-browser", "google-chrome"}

// Browser is one running chromium.
type Browser struct {
	ctx   context.Context
	close func()
}

// Open starts chromium; it ends with ctx, or with Close.
func Open(ctx context.Context) (*Browser, error) {
	program := ""
	for _, name := range programs {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		return nil, fmt.Errorf("browser: no %s is installed (Debian: apt install chromium)", strings.Join(programs, ", "))
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.Flag("disable-dev-shm-usage", true), chromedp.DisableGPU)
	if os.Getuid() == 0 { // chromium keeps no sandbox for root
		options = append(options, chromedp.NoSandbox)
	}
	allocated, end := chromedp.NewExecAllocator(ctx, options...)
	first, closeFirst := chromedp.NewContext(allocated)
	b := &Browser{ctx: first, close: func() { closeFirst(); end() }}
	if err := chromedp.Do(first); err != nil {
		b.close()
		return nil, fmt.Errorf("browser: %s: %w", program, err)
	}
	return b, nil
}

// Close ends it, with all its tabs.
func (b *Browser) Close() { b.close() }

// Look is the screen that somebody sits at.
type Look struct {
	Width, Height int
	Dark          bool
	Phone         bool // touched by fingers
	// Language is what the browser asks for: "en", "ru".
	Language string
}

// Screens that pages are made for.
var (
	Phone = Look{Width: 390, Height: 844, Phone: true, Language: "en"}
	Desk  = Look{Width: 1440, Height: 900, Language: "en"}
)

// Tab is one page of somebody, who shares nothing with the other tabs.
type Tab struct {
	ctx context.Context
	end func()

	mu     sync.Mutex
	errors []string
}

// Tab opens an empty one.
func (b *Browser) Tab(look Look) (*Tab, error) {
	ctx, end := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t := &Tab{ctx: ctx, end: end}
	scheme := "light"
	if look.Dark {
		scheme = "dark"
	}
	err := errors.Join(
		chromedp.Listen(ctx, t.heard),
		set(ctx, log.Enable, cdp.Empty{}),
		t.Resize(look),
		set(ctx, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: look.Phone}),
		set(ctx, emulation.SetLocaleOverride, emulation.SetLocaleOverrideParams{Locale: look.Language}),
		set(ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": look.Language}}),
		set(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}}))
	if err != nil {
		end()
		return nil, fmt.Errorf("browser: tab: %w", err)
	}
	return t, nil
}

// Resize gives the tab a screen of another size.
func (t *Tab) Resize(look Look) error {
	return set(t.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: int64(look.Width), Height: int64(look.Height),
		DeviceScaleFactor: 1, Mobile: look.Phone})
}

// set gives the browser a command of which only the error is of interest.
func set[P, R any](ctx context.Context, command cdp.Command[P, R], params P) error {
	_, err := chromedp.Call(ctx, command, params)
	return err
}

// Close closes the tab.
func (t *Tab) Close() { t.end() }

// heard keeps what the page does wrong: exceptions of its script, what its own
// policy refuses, files that are not there.
func (t *Tab) heard(ev any) {
	said := ""
	switch ev := ev.(type) {
	case *runtime.EventExceptionThrown:
		said = ev.ExceptionDetails.Text
		if thrown := ev.ExceptionDetails.Exception; thrown != nil {
			said += " " + thrown.Description
		}
	case *log.EventEntryAdded:
		if ev.Entry.Level == log.EntryLevelError {
			said = ev.Entry.Text + " " + ev.Entry.URL
		}
	}
	if said != "" {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.errors = append(t.errors, said)
	}
}

// Wrongs are the errors that the browser has noted since it was asked last.
func (t *Tab) Wrongs() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.errors
	t.errors = nil
	return all
}

// Sign gives the tab a cookie of a site, as one who has logged in has it.
func (t *Tab) Sign(site, name, value string) error {
	hidden := true
	if err := set(t.ctx, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: site, HTTPOnly: &hidden}); err != nil {
		return fmt.Errorf("browser: cookie: %w", err)
	}
	return nil
}

// Go opens an address and waits until it is loaded.
func (t *Tab) Go(url string) error { return t.run("go to "+url, chromedp.Navigate(url)) }

// At is the address that is open.
func (t *Tab) At() (string, error) { return get(t, "address", chromedp.Location()) }

// Press touches the first element that the selector finds, as a person does: it
// has to be seen, and is scrolled to.
func (t *Tab) Press(selector string) error {
	return t.run("press "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// Write puts text into a field in the place of what is there.
func (t *Tab) Write(selector, text string) error {
	return t.run("write "+selector, chromedp.Clear(chromedp.CSS(selector)), chromedp.SendKeys(chromedp.CSS(selector), text))
}

// Choose chooses one of a list, by its value.
func (t *Tab) Choose(selector, value string) error {
	return t.run("choose "+selector, chromedp.SetValue(chromedp.CSS(selector), value))
}

// Key presses a key on whatever has the focus.
func (t *Tab) Key(keys string) error { return t.run("key "+keys, chromedp.KeyEvent(keys)) }

// Shot is what is to be seen, as PNG: the whole page, however long.
func (t *Tab) Shot() ([]byte, error) { return get(t, "screenshot", chromedp.FullScreenshot(100)) }

// Eval runs JavaScript in the page, waits where it promises something, and reads
// what it gives into the value; nil: what it gives is of no use.
func (t *Tab) Eval(script string, into any) error {
	if into == nil {
		return t.run("script", chromedp.Evaluate[chromedp.Void](script, chromedp.EvalAwaitPromise))
	}
	text, err := get(t, "script", chromedp.Evaluate[[]byte](script, chromedp.EvalAwaitPromise))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("browser: script: %w", err)
	}
	return nil
}

// look is how often a page is looked at while something is waited for.
const look = 10 * time.Millisecond

// Until waits until a script says true, for as long as a browser may take for one
// step, or until ctx ends. A page that is just being left says nothing.
func (t *Tab) Until(ctx context.Context, what, script string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(look)
	defer tick.Stop()
	var last error
	for {
		var yes bool
		if last = t.Eval("!!("+script+")", &yes); last == nil && yes {
			return nil
		}
		select {
		case <-tick.C:
		case <-t.ctx.Done():
			return fmt.Errorf("browser: %s: %w", what, errors.Join(context.Cause(t.ctx), last))
		case <-ctx.Done():
			var text string
			_ = t.Eval("location.href + '\\n' + (document.querySelector('main') || document.body).innerText.slice(0, 2000)", &text) // only for the message
			return fmt.Errorf("browser: %s: %w; the page says: %s", what, errors.Join(context.Cause(ctx), last), text)
		}
	}
}

// Sees waits until an element that the selector finds is seen with a text in it.
func (t *Tab) Sees(ctx context.Context, selector, text string) error {
	return t.Until(ctx, fmt.Sprintf("%s with %q is not seen", selector, text), seen(selector, text))
}

// Misses waits until no such element is seen.
func (t *Tab) Misses(ctx context.Context, selector, text string) error {
	return t.Until(ctx, fmt.Sprintf("%s with %q is still seen", selector, text), "!("+seen(selector, text)+")")
}

// seen is a script: it says whether an element with a text is there and is not
// hidden.
func seen(selector, text string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(%s)].some(e => e.innerText.includes(%s) && e.getClientRects().length > 0)`, quoted(selector), quoted(text))
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always is
	}
	return string(b)
}

// patience is how long a browser may take for one step.
const patience = 20 * time.Second

func (t *Tab) run(what string, actions ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		return fmt.Errorf("browser: %s: %w", what, err)
	}
	return nil
}

func get[T any](t *Tab, what string, action chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	got, err := chromedp.Run(ctx, action)
	if err != nil {
		return got, fmt.Errorf("browser: %s: %w", what, err)
	}
	return got, nil
}
