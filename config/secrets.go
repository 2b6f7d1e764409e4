package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"ringback/ari"
	"ringback/leads/alert/webhook"
)

// Secret is a password, a token or a key: see ari.Secret, which cannot be shown
// by mistake.
type Secret = ari.Secret

// readSecrets reads what the configuration only names.
func (c *Config) readSecrets(f *findings) {
	if c.TokenFile != "" {
		c.Tokens = readTokens(f, "token_file", c.TokenFile)
	}
	for i := range c.Asterisk {
		a, at := &c.Asterisk[i], fmt.Sprintf("asterisk[%d].", i)
		a.Password = oneSecret(f, at+"password_file", a.PasswordFile, at+"password_env", a.PasswordEnv)
		if a.CDR.SQL != nil {
			readRecordsSecret(f, at+"cdr.sql", a.CDR.SQL)
		}
	}
	if e := c.Channels.Email; e != nil && e.Username != "" {
		e.Password = oneSecret(f, "channels.email.password_file", e.PasswordFile, "channels.email.password_env", e.PasswordEnv)
	}
	if t := c.Channels.Telegram; t != nil {
		t.readSecret(f, "channels.telegram")
	}
	for i := range c.Channels.HTTP {
		c.Channels.HTTP[i].readSecrets(f, fmt.Sprintf("channels.http[%d]", i))
	}
	for i := range c.Channels.Webhooks {
		w, at := &c.Channels.Webhooks[i], fmt.Sprintf("channels.webhooks[%d].", i)
		w.Secret = oneSecret(f, at+"secret_file", w.SecretFile, at+"secret_env", w.SecretEnv)
		checkWebhook(f, at, w)
		c.warnOfTokens(f, at+"secret_file", w.Secret)
	}
	c.readHooks(f)
	c.checkCertificate(f)
}

// checkWebhook asks the channel itself whether it can work so: it knows what its
// secret must look like.
func checkWebhook(f *findings, at string, w *Webhook) {
	if w.URL == "" || f.doubtful[at+"url"] || !w.Secret.Set() {
		return
	}
	if _, err := webhook.New(webhook.Config{URL: w.URL, Secret: w.Secret.Reveal()}); err != nil {
		key := at + "secret_file"
		if w.SecretFile == "" {
			key = at + "secret_env"
		}
		f.add(key, "%s", strings.TrimPrefix(err.Error(), "webhook: hook: "))
	}
}

// oneSecret reads a secret from the file or the variable of the environment
// that was named.
func oneSecret(f *findings, fileAt, file, envAt, env string) Secret {
	switch {
	case file != "" && env != "":
		f.add(envAt, "and %s exclude each other: keep one", fileAt[strings.LastIndex(fileAt, ".")+1:])
	case file != "":
		text, err := readSecretFile(file)
		if err != nil {
			f.add(fileAt, "%v", err)
			return Secret{}
		}
		text = strings.TrimRight(text, "\r\n")
		if strings.ContainsAny(text, "\r\n\x00") || text == "" {
			f.add(fileAt, "%s should hold one line: the secret", quoted(file))
			return Secret{}
		}
		return ari.NewSecret(text)
	case env != "":
		if text := os.Getenv(env); text != "" {
			return ari.NewSecret(text)
		}
		// The name is not shown: it may be the secret itself, put in the wrong place.
		f.add(envAt, "the environment has no variable of this name, or it is empty")
	case !f.doubtful[envAt]:
		f.missing(fileAt, "the file that holds the secret (or "+envAt[strings.LastIndex(envAt, ".")+1:]+", a variable of the environment)")
	}
	return Secret{}
}

// readTokens reads one token a line; blank lines and those that begin with #
// are passed over.
func readTokens(f *findings, at, file string) []Secret {
	text, err := readSecretFile(file)
	if err != nil {
		f.add(at, "%v", err)
		return nil
	}
	var tokens []Secret
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case strings.ContainsFunc(line, notInToken):
			f.add(at, "line %d of %s is no token: it may hold letters, digits and -._~+/= only", number, quoted(file))
		default:
			if len(line) < leastToken {
				f.warn(at, "the token in line %d of %s is short: `openssl rand -hex 32` makes a good one", number, quoted(file))
			}
			tokens = append(tokens, ari.NewSecret(line))
		}
	}
	if len(tokens) == 0 && !f.doubtful[at] {
		f.add(at, "%s holds no token: write one a line", quoted(file))
	}
	return tokens
}

// leastToken is the length below which a token can be guessed.
const leastToken = 16

// notInToken says whether RFC 6750 §2.1 does not allow a character in a bearer
// token.
func notInToken(c rune) bool {
	letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
	return !letter && !strings.ContainsRune("-._~+/=", c)
}

const mostSecretBytes = 64 << 10

// readSecretFile reads a small file that not everybody may read. Its errors
// hold nothing of it.
func readSecretFile(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("%s cannot be read: %w", quoted(file), reasonOf(err))
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", fmt.Errorf("%s cannot be read: %w", quoted(file), reasonOf(err))
	case info.IsDir():
		return "", fmt.Errorf("%s is a folder", quoted(file))
	case info.Mode().Perm()&0o007 != 0:
		return "", fmt.Errorf("%s is open to everybody on this machine: chmod 640 it, and give it to the group of the user who runs ringback", quoted(file))
	}
	text, err := io.ReadAll(io.LimitReader(f, mostSecretBytes+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("%s cannot be read: %w", quoted(file), reasonOf(err))
	case len(text) > mostSecretBytes:
		return "", fmt.Errorf("%s is larger than %d kB: this is no secret", quoted(file), mostSecretBytes>>10)
	case slices.Contains(text, 0):
		return "", fmt.Errorf("%s is not text", quoted(file))
	}
	return string(text), nil
}

// reasonOf is what the system said, without the path that the caller shows.
func reasonOf(err error) error {
	if cause := errors.Unwrap(err); cause != nil {
		return cause
	}
	return err
}

// The questions of access(2).
const (
	searchable = 1
	writable   = 2
	readable   = 4
)

// may asks the system, which knows more than the permission bits.
func may(path string, how uint32) bool { return syscall.Access(path, how) == nil }
