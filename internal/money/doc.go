// Package money holds exact amounts: integer millionths of an ISO 4217 currency
// unit. There are no floats, no default currency and no silent conversion.
// It imports nothing of this module.
package money
