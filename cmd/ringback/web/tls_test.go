package web

import (
	"bufio"
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/cmd/ringback/web/door"
)

// TestTLSByTheServerItself speaks HTTP/2 with it, and has it keep its cookies to
// https.
func TestTLSByTheServerItself(t *testing.T) {
	borrowed := httptest.NewUnstartedServer(nil)
	borrowed.StartTLS()
	pair := borrowed.TLS.Certificates[0]
	pool := borrowed.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	borrowed.Close()
	h := newHouse(t, func(c *Config) {
		c.PublicURL, c.TLS = "https://127.0.0.1:8730", &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &pair, nil }}
	})
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(strings.Replace(h.url, "http:", "https:", 1) + "/login")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 || resp.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s %s %v", resp.Proto, resp.Status, resp.Header)
	}
}

// TestAStreamGoesOn wants a stream to outlive the time that other answers have,
// to be counted when it begins, and to end with the door and after its time.
func TestAStreamGoesOn(t *testing.T) {
	h := newHouse(t)
	d, err := door.New(door.Config{People: h.people, Directory: h.server.cfg.Office.Directory, Registry: prometheus.NewRegistry(), Log: h.server.cfg.Log})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 2)
	mux := http.NewServeMux()
	d.Mount(mux, []door.Route{{Method: http.MethodGet, Path: "/live", Access: door.Anyone, Stream: true, Answer: func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("hello\n"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		ended <- context.Cause(r.Context())
	}}})
	server := httptest.NewUnstartedServer(mux)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 500*time.Millisecond, 500*time.Millisecond // from when it is connected: on a busy machine it takes a while to ask
	server.Config.RegisterOnShutdown(d.Close)
	server.Start()
	defer server.Close()
	resp, err := server.Client().Get(server.URL + "/live")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if line, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil || line != "hello\n" {
		t.Fatalf("%q %v", line, err)
	}
	select {
	case err := <-ended:
		t.Fatalf("it has ended: %v", err)
	case <-time.After(1500 * time.Millisecond): // three times what other answers have
	}
	if err := server.Config.Shutdown(t.Context()); err != nil {
		t.Errorf("the server does not end for a stream: %v", err)
	}
	<-ended
}

// TestAStreamEndsInTime has its visitor looked at anew.
func TestAStreamEndsInTime(t *testing.T) {
	h := newHouse(t)
	synctest.Test(t, func(t *testing.T) {
		d, err := door.New(door.Config{People: h.people, Directory: h.server.cfg.Office.Directory, Registry: prometheus.NewRegistry(), Log: h.server.cfg.Log})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		mux := http.NewServeMux()
		d.Mount(mux, []door.Route{{Method: http.MethodGet, Path: "/live", Access: door.Anyone, Stream: true, Answer: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}})
		mux.ServeHTTP(&deadlines{httptest.NewRecorder()}, httptest.NewRequest(http.MethodGet, "/live", nil))
		if took := time.Since(begun); took != door.StreamFor {
			t.Errorf("it took %s", took)
		}
	})
}

// deadlines is a recorder that may be told deadlines, as a connection may.
type deadlines struct{ *httptest.ResponseRecorder }

func (*deadlines) SetReadDeadline(time.Time) error  { return nil }
func (*deadlines) SetWriteDeadline(time.Time) error { return nil }
