package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"ringback/leads/people"
)

type tokenCommand struct {
	Create tokenCreateCommand `cmd:"" help:"Make a token for a program, and print it this once."`
	List   tokenListCommand   `cmd:"" help:"List the tokens: what they allow, and when they were last used."`
	Revoke tokenRevokeCommand `cmd:"" help:"End a token at once."`
}

// wantedToken is a token that is to be made.
type wantedToken struct {
	Name   string        `json:"name"`
	Scopes []string      `json:"scopes"`
	After  time.Duration `json:"after"`
}

// madeToken is a token with its text.
type madeToken struct {
	people.Token
	Text string `json:"token"`
}

// The errands of tokens.
var (
	tokenCreate = errand[wantedToken, madeToken]{"token-create", func(ctx context.Context, at *premises, t wantedToken) (madeToken, error) {
		text, made, err := at.people.MakeToken(ctx, t.Name, t.Scopes, t.After)
		if err != nil {
			return madeToken{}, err
		}
		return madeToken{*made, text}, nil
	}}
	tokenList = errand[empty, []*people.Token]{"token-list", func(ctx context.Context, at *premises, _ empty) ([]*people.Token, error) {
		return at.people.Tokens(ctx)
	}}
	tokenRevoke = errand[string, empty]{"token-revoke", func(ctx context.Context, at *premises, name string) (empty, error) {
		return empty{}, at.people.Revoke(ctx, name)
	}}
)

type tokenCreateCommand struct {
	Name    string   `arg:"" help:"What it is for, as in crm."`
	Scope   []string `required:"" help:"What it allows, parted by commas, as in leads:read,leads:write."`
	Expires lifetime `help:"After how long it ends, as in 90d or 12h; without it: never." placeholder:"90d"`
	JSON    bool     `help:"Print one JSON object." name:"json"`
}

// lifetime is a duration that may be counted in days.
type lifetime time.Duration

// mostDays are a hundred years.
const mostDays = 36500

// UnmarshalText reads 90d as well as 12h.
func (l *lifetime) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		d = time.Duration(min(max(n, 0), mostDays+1)) * 24 * time.Hour
	}
	if err != nil || d <= 0 || d > mostDays*24*time.Hour {
		return fmt.Errorf("%q is no time such as 90d or 12h", text)
	}
	*l = lifetime(d)
	return nil
}

// Run makes a token.
func (c *tokenCreateCommand) Run(w *world) error {
	return errandOf(w, tokenCreate, wantedToken{c.Name, c.Scope, time.Duration(c.Expires)}, c.JSON, func(out io.Writer, t madeToken) {
		ends := "It does not end by itself."
		if !t.Ends.IsZero() {
			ends = "It ends on " + dayOf(t.Ends) + "."
		}
		fmt.Fprintf(out, "%s\nThis is shown once. It allows %s. %s\n", t.Text, strings.Join(t.Scopes, ", "), ends)
	})
}

type tokenListCommand struct {
	JSON bool `help:"Print a JSON array." name:"json"`
}

// Run lists the tokens.
func (c *tokenListCommand) Run(w *world) error {
	return errandOf(w, tokenList, empty{}, c.JSON, func(out io.Writer, list []*people.Token) {
		tw := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
		fmt.Fprint(tw, "name\tscopes\tmade\texpires\tlast used\n")
		for _, t := range list {
			fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", t.Name, strings.Join(t.Scopes, ","), dayOf(t.Made), dayOf(t.Ends), dayOf(t.Used))
		}
		_ = tw.Flush()
	})
}

type tokenRevokeCommand struct {
	Name string `arg:"" help:"As token list shows it."`
	JSON bool   `help:"Print one JSON object." name:"json"`
}

// Run ends a token.
func (c *tokenRevokeCommand) Run(w *world) error {
	return errandOf(w, tokenRevoke, c.Name, c.JSON, func(out io.Writer, _ empty) {
		fmt.Fprintf(out, "The token %s is ended.\n", c.Name)
	})
}
