package ari

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// maxAnswer bounds the body of an answer: the snapshot of a busy PBX is
	// some megabytes.
	maxAnswer = 64 << 20
	// maxMessage bounds what of Asterisk's error texts is kept.
	maxMessage = 300
	// idleTimeout closes a pooled connection before Asterisk does it (http.conf
	// session_keep_alive, 15 s by default): a request sent into a connection
	// that is just being closed would be in doubt.
	idleTimeout = 10 * time.Second
)

// Client sends requests to one PBX. Every request ends within its context's
// deadline, and within Config.Timeout at the latest. It may be used by several
// goroutines.
type Client struct {
	cfg  Config
	base string
	http *http.Client
}

// NewClient makes a Client. Nothing is sent yet; an error means that the
// configuration is wrong (Config.Check).
func NewClient(cfg Config) (*Client, error) {
	if err := cfg.Check(); err != nil {
		return nil, fmt.Errorf("ari: pbx %q: %w", cfg.Name, err)
	}
	base, err := cfg.base()
	if err != nil {
		return nil, fmt.Errorf("ari: pbx %q: %w", cfg.Name, err)
	}
	dial := cfg.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: cfg.timeout(), KeepAlive: 15 * time.Second}).DialContext
	}
	return &Client{cfg: cfg, base: base, http: &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := dial(ctx, network, address)
				if tcp, ok := conn.(*net.TCPConn); ok && err == nil {
					return &gatherer{Conn: tcp}, nil
				}
				return conn, err // without a kernel below it nothing gathers
			},
			MaxIdleConns:        8,
			MaxIdleConnsPerHost: 8,
			MaxConnsPerHost:     32,
			IdleConnTimeout:     idleTimeout,
			TLSHandshakeTimeout: cfg.timeout(),
		},
		// A redirect would carry the credentials elsewhere, and ARI sends none.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// PBX is the PBX's name.
func (c *Client) PBX() string { return c.cfg.Name }

// App is the name of our ARI application on the PBX.
func (c *Client) App() string { return c.cfg.app() }

// Close lets go of the connections that no request uses.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// RequestError says that the PBX answered a request with something else than
// success. What it means depends on the request: 404 often "no such channel" or
// "no such endpoint", 409 "that id lives already" or "not in the right state",
// 400 a bad parameter.
type RequestError struct {
	PBX     string
	Method  string
	Path    string // below /ari, without parameters
	Status  int
	Message string // Asterisk's own words, shortened; hostile text
	Server  string // the Server header: "Asterisk/22.1.0" when it is one
}

func (e *RequestError) Error() string {
	s := fmt.Sprintf("ari: pbx %s: %s %s: %d %s", e.PBX, e.Method, e.Path, e.Status, http.StatusText(e.Status))
	if e.Message != "" {
		s += fmt.Sprintf(": %q", e.Message)
	}
	return s
}

// HTTPStatus is the HTTP status that err carries, or 0 when the PBX gave none.
func HTTPStatus(err error) int {
	var re *RequestError
	if errors.As(err, &re) {
		return re.Status
	}
	return 0
}

// NothingDone says whether err proves that the request had no effect: the PBX
// refused it (a 4xx), or was never reached. After any other error, a timeout
// for instance, the PBX may have done what it was asked.
func NothingDone(err error) bool {
	if status := HTTPStatus(err); status != 0 {
		return status >= 400 && status < 500
	}
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" || errors.Is(err, errUnsent)
}

// errUnsent marks a request that was refused before it was sent.
var errUnsent = errors.New("not sent")

// do sends one request and returns the body of a successful answer. The path is
// below /ari and its parts are escaped; body, when not nil, goes as JSON, where
// ARI takes every parameter that it also takes in the address.
func (c *Client) do(ctx context.Context, method, path string, body any) ([]byte, error) {
	return c.doWithin(ctx, c.cfg.timeout(), method, path, body)
}

func (c *Client) doWithin(ctx context.Context, limit time.Duration, method, path string, body any) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.wrap(method, path, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, c.refusal(method, path, resp)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, c.wrap(method, path, err)
	}
	if len(answer) > maxAnswer {
		return nil, fmt.Errorf("ari: pbx %s: %s %s: answer over %d bytes", c.cfg.Name, method, path, maxAnswer)
	}
	return answer, nil
}

func (c *Client) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	var content io.Reader
	if body != nil {
		b, err := encode(body)
		if err != nil {
			return nil, c.wrap(method, path, fmt.Errorf("%w: %w", errUnsent, err))
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, content)
	if err != nil {
		return nil, c.wrap(method, path, fmt.Errorf("%w: %w", errUnsent, err))
	}
	req.SetBasicAuth(c.cfg.Username, c.cfg.Password.Reveal())
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// encode writes JSON with <, > and & as they are: "<101>" in a caller id reads
// better so in Asterisk's own debug output, and means the same.
func encode(body any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(body); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// wrap tells which request an error belongs to. Of a url.Error only the reason
// is kept: it would say the same at greater length.
func (c *Client) wrap(method, path string, err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	return fmt.Errorf("ari: pbx %s: %s %s: %w", c.cfg.Name, method, path, err)
}

// refusal reads Asterisk's reason: {"message":"…"}, or whatever a server that
// is not Asterisk says.
func (c *Client) refusal(method, path string, resp *http.Response) error {
	e := &RequestError{
		PBX: c.cfg.Name, Method: method, Path: path,
		Status: resp.StatusCode, Server: resp.Header.Get("Server"),
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return e // the status alone says enough
	}
	var answer struct {
		Message string `json:"message"`
		Error   string `json:"error"`
	}
	if json.Unmarshal(b, &answer) == nil {
		e.Message = answer.Message
		if e.Message == "" {
			e.Message = answer.Error
		}
	}
	if len(e.Message) > maxMessage {
		e.Message = strings.ToValidUTF8(e.Message[:maxMessage], "") + "…"
	}
	return e
}

// read sends a GET and reads its answer into v.
func (c *Client) read(ctx context.Context, path string, v any) error {
	b, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("ari: pbx %s: GET %s: answer is not ARI's: %w", c.cfg.Name, path, err)
	}
	return nil
}
