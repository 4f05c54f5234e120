// Package creative compares creatives with the formats that they are made for: the
// assets that a format asks for, what each asset says of itself (its size, length,
// encoding, text, links), VAST documents, and what a publisher's policy wants to be
// told of a creative's making. It looks at what is declared and at documents that
// come inline; nothing is fetched. It knows no catalogue, no store and no transport.
package creative
