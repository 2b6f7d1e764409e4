// Package web shows what the daemon knows over HTTP: pages for people, JSON for
// programs, metrics, health. It promises that nobody sees or changes anything of
// a caller but who is logged in or came by a link of their own, within what they
// may see, and who presents a token, within its scopes; that each change is one
// transaction or none; and that text from outside stays text, of bounded length,
// wherever it is shown.
package web
