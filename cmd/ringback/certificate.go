package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"ringback/config"
)

// certificate is the daemon's, read anew when its files change: they are
// renewed every few weeks, and the daemon runs for longer.
type certificate struct {
	files config.TLS
	log   *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate
	of     [2]time.Time // when the files were changed that it was read from
	looked time.Time
}

// certificateEvery is how often the files are looked at, while anybody connects.
const certificateEvery = 10 * time.Second

// certificateOf is how connections are encrypted; nil: they are not.
func certificateOf(cfg *config.Config, log *slog.Logger) *tls.Config {
	if cfg.TLS == nil {
		return nil
	}
	c := &certificate{files: *cfg.TLS, log: log}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now(time.Now()) }}
}

// now is the certificate as its files are. While they cannot be read, or do not
// belong together because the second is still being written, it stays as it was.
func (c *certificate) now(at time.Time) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pair != nil && at.Sub(c.looked) < certificateEvery {
		return c.pair, nil
	}
	c.looked = at
	of, err := c.changed()
	if err == nil && c.pair != nil && of == c.of {
		return c.pair, nil
	}
	if err == nil {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(c.files.CertFile, c.files.KeyFile); err == nil {
			c.pair, c.of = &pair, of
			return c.pair, nil
		}
	}
	c.log.Error("the certificate cannot be read; the one read before stays in use", "cert_file", c.files.CertFile, "err", err)
	if c.pair == nil {
		return nil, fmt.Errorf("serve: certificate: %w", err)
	}
	return c.pair, nil
}

// changed is when the two files were changed.
func (c *certificate) changed() (of [2]time.Time, err error) {
	for i, file := range []string{c.files.CertFile, c.files.KeyFile} {
		info, err := os.Stat(file)
		if err != nil {
			return of, err
		}
		of[i] = info.ModTime()
	}
	return of, nil
}
