// Package feed tells programs what happens to leads and contacts. It promises
// that whoever asks for the events gets each of them once, in the order in which
// they happened; that every hook is posted every event that it wants at least
// once, with an id that is the same whenever it is posted again; that the events
// of one lead come in their order, and one that a receiver does not take holds
// back no other lead's; that one is given up only after a day of trying, never in
// silence, and can be replayed; and that a receiver, however slow or dead, costs
// those who work with the database next to nothing.
//
// The timeline is the source, and a hook is a place in it: nothing is written for
// an event that is taken. What a receiver did not take waits by itself, in a row
// of its own, with what came after it of the same lead, so that the place can
// move on.
package feed
