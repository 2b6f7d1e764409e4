package ari

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// HasMedia says whether the PBX has what a media URI names, for whoever is
// spoken to in language (empty: English): a sound file ("sound:vm-goodbye"), or a
// stored recording ("recording:welcome"), which is in no language. Other media
// ("digits:12", "number:3", "tone:ring", a sound fetched from a web address) are
// made when they are played, and taken for granted.
func (c *Client) HasMedia(ctx context.Context, uri, language string) (bool, error) {
	switch scheme, name, _ := strings.Cut(uri, ":"); {
	case scheme == "sound" && !strings.Contains(name, "://"):
		return c.hasSound(ctx, name, language)
	case scheme == "recording":
		_, err := c.do(ctx, http.MethodGet, "/recordings/stored/"+url.PathEscape(name), nil)
		return found(err)
	}
	return true, nil
}

// hasSound looks where Asterisk looks for a sound: in the language, in the same
// without its region (ru_RU: ru), then outside all languages. That it plays
// English in the end, in the midst of another language, does not count.
func (c *Client) hasSound(ctx context.Context, name, language string) (bool, error) {
	if language == "" {
		language = "en"
	}
	languages, err := c.soundLanguages(ctx, name)
	if err != nil {
		return false, err
	}
	for ; language != ""; language = language[:max(0, strings.LastIndexByte(language, '_'))] {
		if slices.Contains(languages, language) {
			return true, nil
		}
	}
	// Every folder beside those of the languages is a language to Asterisk's list:
	// there, custom/x is the sound x in the language "custom".
	folder, rest, below := strings.Cut(name, "/")
	if !below {
		return false, nil
	}
	languages, err = c.soundLanguages(ctx, rest)
	return slices.Contains(languages, folder), err
}

// soundLanguages are the languages in which the PBX has a sound.
func (c *Client) soundLanguages(ctx context.Context, name string) ([]string, error) {
	var a struct {
		Formats []struct {
			Language string `json:"language"`
		} `json:"formats"`
	}
	if known, err := found(c.read(ctx, "/sounds/"+url.PathEscape(name), &a)); !known {
		return nil, err
	}
	languages := make([]string, len(a.Formats))
	for i, f := range a.Formats {
		languages[i] = f.Language
	}
	return languages, nil
}

// found says whether what was asked for is there: 404 is no error, but no.
func found(err error) (bool, error) {
	if HTTPStatus(err) == http.StatusNotFound {
		return false, nil
	}
	return err == nil, err
}
