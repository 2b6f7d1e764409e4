package leads

// Moves are what gives the rows of one contact to another.
var Moves = moves
