// Package api is what programs ask and tell over HTTP, in JSON. It promises that
// a request changes everything that it asks for, in one transaction, or nothing;
// and that whatever is refused is said in a problem of RFC 9457, in words that
// say where and what to do.
package api
