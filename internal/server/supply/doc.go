// Package supply tells the built-in ad server what a seller's catalogue says
// there is. It is a room of its own because neither of the two may know the
// other. It imports seller, adserver/builtin and money.
package supply
