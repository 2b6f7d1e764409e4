package hook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
)

// secretPrefix marks a secret whose key is written in base64.
const secretPrefix = "whsec_"

// readSecret yields the key of a secret. Its errors do not repeat the secret.
func readSecret(secret string) ([]byte, error) {
	text, encoded := strings.CutPrefix(secret, secretPrefix)
	if !encoded {
		if secret == "" {
			return nil, errors.New("hook: the secret is missing: without a signature the receiver cannot know who posts")
		}
		return []byte(secret), nil
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) == 0 {
		return nil, errors.New("hook: what follows " + secretPrefix + " in the secret must be base64")
	}
	return key, nil
}

// sign is the value of the header webhook-signature: version 1 is HMAC-SHA256
// over id, timestamp and body, joined by full stops.
func sign(key []byte, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
