package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ringback/config"
)

// writePair writes a certificate of this name and its key, changed at that time.
func writePair(t *testing.T, files config.TLS, name string, at time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(at.Unix()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{files.CertFile: {Type: "CERTIFICATE", Bytes: certificate}, files.KeyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

// TestARenewedCertificateIsReadByItself also has the files broken for a while, as
// they are while they are being written.
func TestARenewedCertificateIsReadByItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := config.TLS{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	log := new(logbook)
	c := &certificate{files: files, log: slog.New(slog.NewTextHandler(log, nil))}
	at := time.Now()
	if _, err := c.now(at); err == nil {
		t.Fatal("there is no certificate yet, and one was given")
	}
	is := func(after time.Duration, want string) {
		t.Helper()
		pair, err := c.now(at.Add(after))
		if err != nil {
			t.Fatal(err)
		}
		if leaf, err := x509.ParseCertificate(pair.Certificate[0]); err != nil || leaf.Subject.CommonName != want {
			t.Errorf("after %s it is that of %v, want %s (%v)", after, leaf.Subject, want, err)
		}
	}
	writePair(t, files, "first.example", at.Add(-time.Hour))
	is(certificateEvery, "first.example")
	writePair(t, files, "second.example", at)
	is(certificateEvery+time.Second, "first.example") // it is not looked at with every connection
	is(2*certificateEvery+time.Second, "second.example")
	if err := os.WriteFile(files.KeyFile, []byte("half a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	is(4*certificateEvery, "second.example")
	if log.String() == "" {
		t.Error("the log does not say that it cannot be read")
	}
	writePair(t, files, "third.example", at.Add(time.Hour))
	is(6*certificateEvery, "third.example")
}
