// Package contacts keeps the cards of contacts as other programs, files and
// people fill them in. It promises that a number, and the id that another program
// gave, belong to one contact; that what is posted again changes nothing; that
// everything wrong with a card is told at once, and nothing of it is then taken;
// and that a file, whatever stands in it, is read within bounds.
package contacts
