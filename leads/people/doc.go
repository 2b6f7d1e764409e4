// Package people knows who may come in. It promises that of passwords, sessions,
// invitations and tokens the database holds nothing with which one could come
// in; that whoever guesses is slowed down, and learns neither from the answer nor
// from its time who exists; and that a person whom the configuration does not
// name any more, or who is locked, comes in no way at all.
package people
