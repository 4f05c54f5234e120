// Package pii recognises personal data that a buyer should have hashed, or not
// sent at all, so that it is refused before anything is stored. It imports nothing
// of this module.
package pii

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Kind says what a value looks like.
type Kind string

// The kinds of personal data that are recognised.
const (
	Email   Kind = "an e-mail address"
	Phone   Kind = "a phone number"
	Address Kind = "a postal address"
	Name    Kind = "a person's name"
)

// Finding is a value that looks like personal data. The value itself is not kept.
type Finding struct {
	// Field is where it is, such as "audiences[0].add[2].ext.mail".
	Field string
	Kind  Kind
}

var (
	email = regexp.MustCompile(`[^\s@,;<>"]+@[^\s@,;<>"]+\.[A-Za-z]{2,}`)
	// A number with a plus, or digits in groups. Plain digits may be anybody's
	// identifier, so they count only under a name that says phone.
	phone  = regexp.MustCompile(`^\s*(\+\s*\d[\d\s().\-/]{6,18}|\(\d{2,5}\)[\d\s.\-/]{5,14}|\d{2,4}([ .\-/]\d{2,4}){2,5})\s*$`)
	digits = regexp.MustCompile(`^\s*\d{7,15}\s*$`)
	// A house number and a street, in either order.
	street = regexp.MustCompile(`(?i)(^|\s)\d+[a-z]?,?\s+([\p{L}.'\-]+\s+){0,4}(street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|ct|way|place|square|rue|via|calle)\b\.?|(?i)[\p{L}.\-]+(stra(ß|ss)e|str\.|weg|gasse|platz|laan|straat)\s+\d+`)
	hashed = regexp.MustCompile(`^[A-Fa-f0-9]{32,128}$`)
	// A date or an instant looks like groups of digits.
	date = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}([T ].*)?$`)
	// An Internet address, or a version, too.
	dotted = regexp.MustCompile(`^\d{1,3}(\.\d{1,3}){3}$`)
)

// names of members whose value is personal unless it is hashed.
var names = map[string]Kind{
	"email": Email, "mail": Email, "email_address": Email, "e_mail": Email,
	"phone": Phone, "phone_number": Phone, "mobile": Phone, "telephone": Phone, "tel": Phone,
	"address": Address, "street": Address, "street_address": Address, "postal_address": Address,
	"first_name": Name, "last_name": Name, "full_name": Name, "given_name": Name, "family_name": Name, "surname": Name,
}

// Looks tells what a value looks like; "" is nothing that matters.
func Looks(value string) Kind {
	switch {
	case hashed.MatchString(value), date.MatchString(value), dotted.MatchString(value):
		return ""
	case email.MatchString(value):
		return Email
	case phone.MatchString(value):
		return Phone
	case street.MatchString(value):
		return Address
	}
	return ""
}

// Find is the first value in a JSON document that looks like personal data, or nil.
// At is the document's own place; skip names members at any depth that are not
// looked at, because the protocol has something else there.
func Find(document json.RawMessage, at string, skip ...string) *Finding {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	return search{skip}.value(v, at, "")
}

type search struct{ skip []string }

func (s search) value(v any, at, name string) *Finding {
	switch v := v.(type) {
	case string:
		return s.text(v, at, name)
	case json.Number:
		return s.text(v.String(), at, name)
	case []any:
		for i, e := range v {
			if f := s.value(e, at+"["+strconv.Itoa(i)+"]", name); f != nil {
				return f
			}
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if slices.Contains(s.skip, k) {
				continue
			}
			if f := s.value(v[k], strings.TrimPrefix(at+"."+k, "."), k); f != nil {
				return f
			}
		}
	}
	return nil
}

func (s search) text(v, at, name string) *Finding {
	if kind := Looks(v); kind != "" {
		return &Finding{Field: at, Kind: kind}
	}
	kind := names[strings.ToLower(strings.ReplaceAll(name, "-", "_"))]
	switch {
	case kind == "" || v == "" || hashed.MatchString(v):
		return nil
	case kind == Phone && !digits.MatchString(v):
		return nil
	}
	return &Finding{Field: at, Kind: kind}
}
