package alert

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
)

// Reason says in plain words why another machine gave no answer to a channel. The
// words are our own: those of an error may quote what the other side sent.
func Reason(err error) string {
	var timeout net.Error
	var dns *net.DNSError
	var op *net.OpError
	var distrust *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, context.Canceled):
		return "it was cut off"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.As(err, &dns):
		return "its name leads nowhere"
	case errors.As(err, &distrust):
		return "its certificate is not trusted"
	case errors.As(err, &record):
		return "it does not speak TLS"
	case errors.As(err, &op) && op.Op == "dial":
		return op.Err.Error() // the system's: "connect: connection refused"
	}
	return "the connection broke"
}
