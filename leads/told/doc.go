// Package told promises to know of every person whether they are away, and how
// and when they want to be told: what they have chosen, within what the
// administrator allows, so that nobody can choose to hear of nothing. It tells
// nobody anything; package alert asks it.
package told
