package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"ringback/config"
	"ringback/leads/people"
)

type userCommand struct {
	List   userListCommand   `cmd:"" help:"List who may log in, who has a password, and who is locked."`
	Invite userInviteCommand `cmd:"" help:"Print a link by which a person sets their password, once and within three days."`
	Lock   userLockCommand   `cmd:"" help:"Let a person in no more; their sessions and links end."`
	Unlock userUnlockCommand `cmd:"" help:"Let a locked person in again, and forget wrong passwords."`
	Logout userLogoutCommand `cmd:"" help:"End all sessions and links of a person."`
}

// named is a person, or a token.
type named struct {
	Login string `arg:"" help:"As in the configuration, under managers."`
	JSON  bool   `help:"Print one JSON object." name:"json"`
}

// empty is what an errand is asked, or answers, that needs no words.
type empty struct{}

// invitation is what a person is sent.
type invitation struct {
	Login   string    `json:"login"`
	Link    string    `json:"link"`
	Expires time.Time `json:"expires"`
}

// The errands of accounts.
var (
	userList = errand[empty, []people.Account]{"user-list", func(ctx context.Context, at *premises, _ empty) ([]people.Account, error) {
		return at.people.Accounts(ctx)
	}}
	userInvite = errand[string, invitation]{"user-invite", func(ctx context.Context, at *premises, login string) (invitation, error) {
		return invite(ctx, at, login, people.ToSetPassword)
	}}
	userLock = errand[string, empty]{"user-lock", func(ctx context.Context, at *premises, login string) (empty, error) {
		return empty{}, at.people.Lock(ctx, login)
	}}
	userUnlock = errand[string, people.Account]{"user-unlock", unlock}
	userLogout = errand[string, empty]{"user-logout", func(ctx context.Context, at *premises, login string) (empty, error) {
		return empty{}, at.people.EndOthers(ctx, login, 0)
	}}
)

func invite(ctx context.Context, at *premises, login string, to people.Invitation) (invitation, error) {
	secret, ends, err := at.people.Invite(ctx, login, to)
	if errors.Is(err, people.ErrLocked) {
		return invitation{}, fmt.Errorf("%s is locked, and an invitation would not open: first ringback user unlock %s, then invite them", login, login)
	}
	return invitation{login, at.cfg.PublicURL + "/invite/" + secret, ends}, err
}

// unlock lets a person in again; the answer is how their account stood before.
func unlock(ctx context.Context, at *premises, login string) (people.Account, error) {
	list, err := at.people.Accounts(ctx)
	if err != nil {
		return people.Account{}, err
	}
	var before people.Account
	if i := slices.IndexFunc(list, func(a people.Account) bool { return a.Login == login }); i >= 0 {
		before = list[i]
	}
	return before, at.people.Unlock(ctx, login)
}

type userListCommand struct {
	JSON bool `help:"Print a JSON array." name:"json"`
}

// Run lists the people.
func (c *userListCommand) Run(w *world) error {
	return errandOf(w, userList, empty{}, c.JSON, func(out io.Writer, list []people.Account) {
		tw := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
		fmt.Fprint(tw, "login\tname\trole\tpassword\tsessions\tlast seen\t\n")
		for i := range list {
			a := &list[i]
			password, state := "none yet", ""
			if a.HasWord {
				password = "set " + a.Changed.Local().Format(time.DateOnly)
			}
			if !a.Locked.IsZero() {
				state = "locked since " + a.Locked.Local().Format(time.DateOnly)
			}
			fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", a.Login, a.Name, a.Role, password, a.Sessions, dayOf(a.Seen), state)
		}
		_ = tw.Flush()
	})
}

// dayOf is a day, and "never" where there is none.
func dayOf(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format("2006-01-02 15:04")
}

type userInviteCommand struct{ named }

// Run invites somebody.
func (c *userInviteCommand) Run(w *world) error {
	return errandOf(w, userInvite, c.Login, c.JSON, func(out io.Writer, i invitation) {
		fmt.Fprintf(out, "%s\nSend this to %s: it sets a password, once, until %s.\n", i.Link, i.Login, i.Expires.Local().Format("2006-01-02 15:04"))
	})
}

type userLockCommand struct{ named }

// Run locks an account.
func (c *userLockCommand) Run(w *world) error {
	return errandOf(w, userLock, c.Login, c.JSON, func(out io.Writer, _ empty) {
		fmt.Fprintf(out, "%s is locked, and logged out everywhere. Alerts still reach them: those stop by the configuration.\n", c.Login)
	})
}

type userUnlockCommand struct{ named }

// Run unlocks an account.
func (c *userUnlockCommand) Run(w *world) error {
	return errandOf(w, userUnlock, c.Login, c.JSON, func(out io.Writer, before people.Account) {
		switch {
		case before.Locked.IsZero():
			fmt.Fprintf(out, "%s was not locked. Wrong passwords are forgotten: they may try again at once.\n", c.Login)
		case before.HasWord:
			fmt.Fprintf(out, "%s may log in again, with the password they had. Sessions, invitations and links of before stay ended.\n", c.Login)
		default:
			fmt.Fprintf(out, "%s is locked no more, and has no password yet: ringback user invite %s prints a link by which they set one.\n", c.Login, c.Login)
		}
	})
}

type userLogoutCommand struct{ named }

// Run ends the sessions of a person.
func (c *userLogoutCommand) Run(w *world) error {
	return errandOf(w, userLogout, c.Login, c.JSON, func(out io.Writer, _ empty) {
		fmt.Fprintf(out, "%s is logged out everywhere, and links that were sent so far do not open any more.\n", c.Login)
	})
}

// errandOf has an errand done, and prints what came of it.
func errandOf[In, Out any](w *world, e errand[In, Out], in In, asJSON bool, print func(io.Writer, Out)) error {
	cfg, err := config.Load(w.config)
	if err != nil {
		return err
	}
	out, err := e.run(w.ctx, cfg, in)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(w.stdout).Encode(out)
	}
	print(w.stdout, out)
	return nil
}
