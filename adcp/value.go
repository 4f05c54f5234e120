package adcp

import (
	"bytes"
	"encoding/json"
)

// Val returns what p points to, or the zero value where p is nil. It reads
// optional members of the wire types.
func Val[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// Nullable is an optional member that may also be null on the wire. Its zero
// value is absent.
type Nullable[T any] struct {
	// Value is the member's value; it means something only where Valid is true.
	Value T
	// Valid says that there is a value.
	Valid bool
	// Null says that the member is present and null.
	Null bool
}

// Some returns a Nullable that holds v.
func Some[T any](v T) Nullable[T] { return Nullable[T]{Value: v, Valid: true} }

// Null returns a Nullable that is null on the wire.
func Null[T any]() Nullable[T] { return Nullable[T]{Null: true} }

// Ptr returns a pointer to the value, or nil where there is none.
func (n Nullable[T]) Ptr() *T {
	if !n.Valid {
		return nil
	}
	return &n.Value
}

// IsZero reports an absent member; encoding/json asks it for omitzero.
func (n Nullable[T]) IsZero() bool { return !n.Valid && !n.Null }

// MarshalJSON writes the value, or null where there is none.
func (n Nullable[T]) MarshalJSON() ([]byte, error) {
	if !n.Valid {
		return []byte("null"), nil
	}
	return json.Marshal(n.Value)
}

// UnmarshalJSON reads a value or null.
func (n *Nullable[T]) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		*n = Nullable[T]{Null: true}
		return nil
	}
	n.Valid, n.Null = true, false
	return json.Unmarshal(data, &n.Value)
}
