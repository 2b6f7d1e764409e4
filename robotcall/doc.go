// Package robotcall places calls that a machine speaks in: to managers who owe
// a call, and to clients who are reminded of what they have booked. It promises
// that no call leaves the house which the Guard has not let pass, and booked,
// before; that a number which the rules forbid is never dialed, by whatever way
// it came here; and that nobody is dialed again because the daemon died.
package robotcall
