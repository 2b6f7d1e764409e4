// Package browser shows pages as people see them, in Debian's chromium. It
// promises that each Tab is somebody of their own, with a screen and a language,
// that what is waited for is waited for until it is there, and that what the page
// itself did wrong is told.
//
// It is imported by tests only.
package browser
