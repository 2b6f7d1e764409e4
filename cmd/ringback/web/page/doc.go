// Package page is what people see: server-rendered pages that work without
// scripts and are live with them, in the language of who looks. It promises that
// text from outside stays text, of bounded length, wherever it is shown.
package page
