package config_test

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ringback/config"
)

// said is all that is said about a configuration, bad or good.
func said(t *testing.T, file string) string {
	t.Helper()
	c, err := config.Load(file)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, w := range c.Warnings {
		b.WriteString("warning: " + w.String() + "\n")
	}
	return b.String()
}

// Links are made of public_url and a path of ours: what else stands in it would
// lead them astray.
func TestPublicURL(t *testing.T) {
	const host = "public_url: is not an address such as https://ringback.example.com: write scheme and host, and nothing else"
	for url, want := range map[string]string{
		"https://ringback.example.com": "", "https://ringback.example.com/": "", "http://127.0.0.1:8730//": "", "https://[::1]:8443": "",
		"https://ringback.example.com/r":         "public_url: has a path, and the pages know of none: give them a host of their own, as in https://ringback.example.com",
		"https://ringback.example.com/r/":        "public_url: has a path",
		"https://ringback.example.com?":          host,
		"https://ringback.example.com?a=b":       host,
		"https://ringback.example.com/#":         host,
		"https://hunter2:x@ringback.example.com": host,
		"ringback.example.com":                   host,
		"ftp://ringback.example.com":             host,
		"https://":                               host,
	} {
		got := said(t, written(t, minimal+"trusted_proxies: [127.0.0.1]\npublic_url: \""+url+"\"\n", password))
		if want == "" && strings.Contains(got, "public_url") || !strings.Contains(got, want) || strings.Contains(got, "hunter2") {
			t.Errorf("%s: said %q, want %q", url, got, want)
		}
	}
}

// A session that ends before it can be idle for so long is told to who wrote so,
// and not to who has only made sessions short.
func TestIdleBeyondTheSession(t *testing.T) {
	const want = "web.idle: 100d is more than web.session, 60d: a session ends then, however much it is used"
	for web, told := range map[string]bool{"{idle: 100d, session: 60d}": true, "{session: 7d}": false, "{idle: 7d, session: 7d}": false} {
		if got := said(t, written(t, minimal+"web: "+web+"\n", password)); strings.Contains(got, want) != told || strings.Contains(got, "web.idle") != told {
			t.Errorf("%s: said %q", web, got)
		}
	}
}

// What is wrong with the files of a certificate is said of the right one.
func TestFilesOfTheCertificate(t *testing.T) {
	own := ownCertificate(t)
	der, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]}))
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	for name, c := range map[string]struct {
		cert, key string
		open      bool // the key's file, to everybody
		want      string
	}{
		"good":          {cert, key, false, ""},
		"both in one":   {cert + key, cert + key, false, ""},
		"swapped":       {key, cert, true, "tls.cert_file: \"cert.pem\" holds a key and no certificate: is it that of key_file?"},
		"open":          {cert, key, true, "tls.key_file: \"key.pem\" is open to everybody on this machine: chmod 640 it"},
		"twice":         {cert, cert, false, "tls.cert_file: the certificate and its key cannot be used: found a certificate rather than a key"},
		"nothing there": {"", "", false, "2 problems\n  tls.cert_file: \"cert.pem\" cannot be read: no such file or directory\n  tls.key_file: "},
	} {
		files := map[string]string{"ari.password": "x"}
		if c.cert != "" {
			files["cert.pem"], files["key.pem"] = c.cert, c.key
		}
		file := written(t, minimal+"public_url: https://127.0.0.1\ntls: {cert_file: cert.pem, key_file: key.pem}\n", files)
		if c.open {
			if err := os.Chmod(filepath.Join(filepath.Dir(file), "key.pem"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got := strings.ReplaceAll(said(t, file), filepath.Dir(file)+"/", "")
		if c.want == "" && strings.Contains(got, "tls") || !strings.Contains(got, c.want) {
			t.Errorf("%s: said %q, want %q", name, got, c.want)
		}
	}
}
