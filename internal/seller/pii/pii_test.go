package pii_test

import (
	"encoding/json"
	"testing"

	"github.com/upfront-media/upfront/internal/seller/pii"
)

func TestLooks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value string
		want  pii.Kind
	}{
		{"jane@example.com", pii.Email},
		{"Jane Doe <jane.doe+x@mail.example.co>", pii.Email},
		{"+1 206 555 1234", pii.Phone},
		{"+12065551234", pii.Phone},
		{"(206) 555-1234", pii.Phone},
		{"206-555-1234", pii.Phone},
		{"0049 30 1234567", ""},
		{"12 Main Street", pii.Address},
		{"221b Baker St.", pii.Address},
		{"Hauptstraße 7", pii.Address},
		{"a000000000000000000000000000000000000000000000000000000000000001", ""},
		{"crm_1001", ""},
		{"4455667788", ""},
		{"adcp-user-0001", ""},
		{"2027-03-05T00:00:00Z", ""},
		{"203.0.113.9", ""},
		{"6F9619FF-8B86-D011-B42D-00CF4FC964FF", ""},
		{"", ""},
	} {
		if got := pii.Looks(c.value); got != c.want {
			t.Errorf("%q looks like %q, want %q", c.value, got, c.want)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, document, field string }{
		{"Nothing", `{"external_id":"1","hashed_email":"a000000000000000000000000000000000000000000000000000000000000001"}`, ""},
		{"EmailAsIdentifier", `{"external_id":"jane@example.com"}`, "m.external_id"},
		{"Nested", `{"ext":{"crm":[{"note":"call +1 (206) 555-1234"},{"mail":"x@y.example"}]}}`, "m.ext.crm[1].mail"},
		{"NamedPhoneOfPlainDigits", `{"phone":2065551234}`, "m.phone"},
		{"NamedPhoneThatIsHashed", `{"phone":"b000000000000000000000000000000000000000000000000000000000000000"}`, ""},
		{"PersonsName", `{"first_name":"Jane"}`, "m.first_name"},
		{"Skipped", `{"event_source_url":"https://a.example/?u=jane@example.com"}`, ""},
		{"NoDocument", `nothing`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := pii.Find(json.RawMessage(c.document), "m", "event_source_url")
			switch {
			case got == nil && c.field != "":
				t.Errorf("found nothing, want %s", c.field)
			case got != nil && got.Field != c.field:
				t.Errorf("found %s (%s), want %q", got.Field, got.Kind, c.field)
			}
		})
	}
}
