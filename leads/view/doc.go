// Package view reads the Book for pages, the API and reports. It promises that
// a list is read by an index, page by page, at the same speed however much
// there is; that whoever follows the cursors meets every row that was there
// when they began exactly once, whatever is added meanwhile; and that nothing
// is ever written.
package view
