// Package health knows whether the daemon sees everything and can write it. It
// promises that asking costs the database little, however many ask.
package health
