// Package ari is the only door to Asterisk. It promises that what the PBX says
// over ARI arrives in order, that what could not be heard is marked as a gap,
// and that every request to the PBX ends within a deadline.
package ari
