// Package leads keeps the Book: what became of every call, who is owed a call
// back, and by whom. It promises that one fact is one transaction, that a fact
// told twice changes nothing, and that a lead stays open until somebody has
// spoken with the contact.
package leads
