// Package scenarios holds tests only. It promises that every story of
// testdata/scenarios/calls, played by real phones on a real Asterisk, gets the
// verdict that its file says, that the phones have lived through what the
// verdict says, and that Asterisk's own channel event log knows nothing else.
package scenarios
