// Package hook posts to a program what it is to know, as Standard Webhooks
// describe (https://github.com/standard-webhooks/standard-webhooks). It promises
// that what is signed is exactly what is sent; that nothing goes where a redirect
// points; that of an answer no more is read than is of use; and that of the
// address, which may hold a token, no more than scheme and host is ever shown.
package hook
