// Package brief turns what a media team wrote into a typed [Brief]: YAML, JSON
// or plain words, told apart by content. Every field keeps the words it came
// from, nothing is guessed, and what is wrong is said as an [Error] that names
// the field and what to do. It also ranks documents against words ([Index]),
// for sellers that answer briefs and for buyers that compare the answers.
//
// No language model takes part. Amounts are exact and never pass through a float.
// The package imports money and nothing else of this module.
package brief
