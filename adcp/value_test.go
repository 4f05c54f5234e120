package adcp

import (
	"encoding/json"
	"testing"
)

func TestNullableTellsAbsentFromNull(t *testing.T) {
	t.Parallel()
	type doc struct {
		A Nullable[string] `json:"a,omitzero"`
	}
	tests := []struct {
		rule, text string
		want       Nullable[string]
	}{
		{"Absent", `{}`, Nullable[string]{}},
		{"Null", `{"a":null}`, Null[string]()},
		{"Value", `{"a":"x"}`, Some("x")},
		{"EmptyValue", `{"a":""}`, Some("")},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			var got doc
			if err := json.Unmarshal([]byte(tt.text), &got); err != nil || got.A != tt.want {
				t.Errorf("got %+v, %v, want %+v", got.A, err, tt.want)
			}
			if text, err := json.Marshal(got); err != nil || string(text) != tt.text {
				t.Errorf("got %s, %v, want %s", text, err, tt.text)
			}
		})
	}
	if p := Some(7).Ptr(); p == nil || *p != 7 {
		t.Errorf("got %v", p)
	}
	if p := Null[int]().Ptr(); p != nil {
		t.Errorf("got %v", p)
	}
	if Val(Some(7).Ptr()) != 7 || Val[string](nil) != "" {
		t.Error("Val does not give the value or zero")
	}
}
