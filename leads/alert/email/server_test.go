package email

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// server is a mail server that keeps what it gets and answers as told. It has a
// certificate for 127.0.0.1.
type server struct {
	t *testing.T
	*smtp.Server
	addr  *net.TCPAddr
	roots *x509.CertPool
	ways  []string // to log in
	// refuse is asked at each step ("login", "from", "to", "text") what to answer;
	// nil takes everything.
	refuse func(step string) error

	mu    sync.Mutex
	mails []received
	steps []string // of all conversations
}

// received is a mail as it came.
type received struct {
	from, to, user, way string
	encrypted           bool
	text                []byte
}

const (
	user     = "ringback"
	password = "hunter2 and a blank"
)

// serve starts a server; prepare changes it before.
func serve(t *testing.T, implicit bool, prepare func(s *server)) *server {
	t.Helper()
	s := &server{t: t, ways: []string{sasl.Plain}}
	s.Server = smtp.NewServer(s)
	s.Domain, s.ErrorLog = "mail.example.com", log.New(io.Discard, "", 0)
	cert, roots := certificate(t)
	s.TLSConfig, s.roots = &tls.Config{Certificates: []tls.Certificate{cert}}, roots
	if prepare != nil {
		prepare(s)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().(*net.TCPAddr)
	if implicit {
		ln = tls.NewListener(ln, s.TLSConfig)
	}
	var over sync.WaitGroup
	over.Go(func() {
		if err := s.Serve(ln); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Errorf("the server ended with %v", err)
		}
	})
	t.Cleanup(func() {
		_, _ = s.Close(), ln.Close() // the server may not know its listener yet
		over.Wait()
	})
	return s
}

// certificate is one for 127.0.0.1, and whom to trust for it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// ask notes a step and says what to answer.
func (s *server) ask(step string) error {
	s.mu.Lock()
	s.steps = append(s.steps, step)
	s.mu.Unlock()
	if s.refuse == nil {
		return nil
	}
	return s.refuse(step)
}

// got is what came so far.
func (s *server) got() (mails []received, steps []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(mails, s.mails...), append(steps, s.steps...)
}

// NewSession begins a conversation.
func (s *server) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &session{server: s, conn: c}, nil
}

type session struct {
	*server
	conn *smtp.Conn
	mail received
}

func (s *session) AuthMechanisms() []string { return s.ways }

func (s *session) Auth(way string) (sasl.Server, error) {
	check := func(name, word string) error {
		if err := s.ask("login"); err != nil {
			return err
		}
		if name != user || word != password {
			return smtp.ErrAuthFailed
		}
		s.mail.user, s.mail.way = name, way
		return nil
	}
	if way == sasl.Login {
		return &loginServer{check: check}, nil
	}
	return sasl.NewPlainServer(func(_, name, word string) error { return check(name, word) }), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.mail.from = from
	return s.ask("from")
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.to = to
	return s.ask("to")
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := s.ask("text"); err != nil {
		return err
	}
	_, s.mail.encrypted = s.conn.TLSConnectionState()
	s.mail.text = text
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.mails = append(s.mails, s.mail)
	return nil
}

func (s *session) Reset() {}

func (s *session) Logout() error { return nil }

// loginServer is the server's side of LOGIN, which the library lacks.
type loginServer struct {
	check func(name, word string) error
	said  [][]byte
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if response != nil {
		l.said = append(l.said, bytes.Clone(response))
	}
	switch len(l.said) {
	case 0:
		return []byte("Username:"), false, nil
	case 1:
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(string(l.said[0]), string(l.said[1]))
}

// script is a server that is no good one: it says what it is told to, line after
// line of the client's, and then nothing, or nothing any more.
func script(t *testing.T, hangUp bool, lines ...string) *net.TCPAddr {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var over sync.WaitGroup
	over.Go(func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		buf := make([]byte, 64<<10)
		for _, line := range lines {
			if _, err := io.WriteString(conn, line); err != nil {
				return
			}
			if _, err := conn.Read(buf); err != nil {
				return
			}
		}
		if !hangUp {
			_, _ = io.Copy(io.Discard, conn) // until the client hangs up
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		over.Wait()
	})
	return ln.Addr().(*net.TCPAddr)
}
