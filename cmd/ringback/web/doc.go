// Package web shows what the daemon knows over HTTP: pages for people, JSON for
// programs, metrics, health. It promises that only a program which presents a
// token changes anything, each time in one transaction or not at all; that
// nothing of a caller is shown to whoever neither sits at this machine nor
// presents a token; and that text from outside stays text, of bounded length,
// wherever it is shown.
package web
