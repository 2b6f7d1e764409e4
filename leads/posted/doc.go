// Package posted reads what other programs post. It promises that everything
// that is wrong with it is told at once, by line and field, and that what is
// posted makes neither rows nor problems without a bound.
package posted
