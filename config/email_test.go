package config_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"ringback/config"
	"ringback/leads/alert"
	"ringback/leads/alert/email"
)

// A configuration that is silent about encryption demands it: a server that
// offers none hears neither password nor mail, and one whose certificate nobody
// trusts neither.
func TestMailIsEncryptedUnlessToldOtherwise(t *testing.T) {
	t.Setenv("RINGBACK_TEST_PASSWORD", "hunter2")
	for name, trust := range map[string]*tls.Config{
		"offers no STARTTLS": nil,
		"not trusted":        {Certificates: []tls.Certificate{ownCertificate(t)}},
	} {
		server := serveMail(t, trust)
		channel, err := email.New(mailConfig(t, server.port).SMTP())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		outcome, detail := channel.Send(ctx, alert.Message{ID: "1", To: "anna", Email: "anna@example.com", Text: "Missed call"})
		cancel()
		if outcome == alert.Sent || !strings.Contains(detail, name) {
			t.Errorf("%s: %s (%s)", name, outcome, detail)
		}
		if heard := server.steps(); len(heard) != 0 {
			t.Errorf("%s: the server heard %v", name, heard)
		}
	}
}

// mailConfig is a configuration whose mail goes to a port of this machine, and
// that does not say how.
func mailConfig(t *testing.T, port int) *config.Email {
	t.Helper()
	good, err := os.ReadFile(filepath.Join(folder, "good-email.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(good), "host: smtp.example.com", fmt.Sprintf("host: 127.0.0.1, port: %d", port), 1)
	file := filepath.Join(t.TempDir(), "ringback.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "tls:") || c.Channels.Email.Port != port {
		t.Fatalf("the configuration is not as meant: %+v", c.Channels.Email)
	}
	return c.Channels.Email
}

// mailServer takes every password and every mail, and notes that it did.
type mailServer struct {
	port  int
	mu    sync.Mutex
	heard []string
}

func serveMail(t *testing.T, trust *tls.Config) *mailServer {
	t.Helper()
	m := &mailServer{}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return mailSession{m}, nil }))
	server.TLSConfig, server.AllowInsecureAuth, server.ErrorLog = trust, true, log.New(io.Discard, "", 0)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.port = ln.Addr().(*net.TCPAddr).Port
	var over sync.WaitGroup
	over.Go(func() { _ = server.Serve(ln) })
	t.Cleanup(func() {
		_, _ = server.Close(), ln.Close()
		over.Wait()
	})
	return m
}

func (m *mailServer) note(step string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.heard = append(m.heard, step)
	return nil
}

func (m *mailServer) steps() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.heard...)
}

type mailSession struct{ *mailServer }

func (s mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, _, _ string) error { return s.note("password") }), nil
}

func (s mailSession) Mail(string, *smtp.MailOptions) error { return s.note("sender") }
func (s mailSession) Rcpt(string, *smtp.RcptOptions) error { return s.note("receiver") }

func (s mailSession) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	_ = s.note("mail")
	return err
}

func (s mailSession) Reset()        {}
func (s mailSession) Logout() error { return nil }

// ownCertificate is one for 127.0.0.1 that nobody else has signed.
func ownCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
