package adcp

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestDecimalKeepsItsLiteral(t *testing.T) {
	t.Parallel()
	for _, literal := range []string{"0", "-0", "12.50", "1e3", "1.5E-3", "9007199254740993.01", "-0.000001"} {
		var v struct{ A Decimal }
		if err := json.Unmarshal([]byte(`{"A":`+literal+`}`), &v); err != nil {
			t.Errorf("%s: %v", literal, err)
			continue
		}
		if got, err := json.Marshal(v); err != nil || string(got) != `{"A":`+literal+`}` {
			t.Errorf("%s: got %s, %v", literal, got, err)
		}
	}
}

func TestDecimalRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"AString": `"12.50"`, "Null": `null`, "ABoolean": `true`, "AnObject": `{}`,
		"TooLong": strings.Repeat("9", 65), "AnExponentThatCosts": `1e999999999`, "ASmallExponentThatCosts": `1e-999999999`,
	}
	for rule, literal := range tests {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			var d Decimal
			if err := json.Unmarshal([]byte(literal), &d); err == nil {
				t.Errorf("got %q, want an error", d)
			}
		})
	}
	for _, literal := range []string{"", "-", "+1", "01", "1.", ".5", "1e", "1e+", "0x10", "1 ", "NaN", "Inf", "1_000"} {
		if d, err := NewDecimal(literal); err == nil {
			t.Errorf("NewDecimal(%q) = %q, want an error", literal, d)
		}
	}
	if _, err := json.Marshal(Decimal("1; drop")); err == nil {
		t.Error("a value that is no number was marshalled")
	}
}

func TestDecimalZeroValueIsZero(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(struct{ A Decimal }{})
	if err != nil || string(got) != `{"A":0}` {
		t.Errorf("got %s, %v", got, err)
	}
	if micros, err := Decimal("").Micros(); micros != 0 || err != nil {
		t.Errorf("got %d, %v", micros, err)
	}
}

func TestDecimalMicros(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule, literal string
		want          int64
		fails         bool
	}{
		{"WholeAndFraction", "12.5", 12_500_000, false},
		{"Exponent", "1.5e2", 150_000_000, false},
		{"Negative", "-0.000001", -1, false},
		{"TrailingZerosBeyondSix", "1.00000000000", 1_000_000, false},
		{"Largest", "9223372036854.775807", 9223372036854775807, false},
		{"MoreThanSixPlaces", "0.0000001", 0, true},
		{"OutOfRange", "9223372036854.775808", 0, true},
		{"NoNumber", "abc", 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			got, err := Decimal(tt.literal).Micros()
			if got != tt.want || (err != nil) != tt.fails {
				t.Errorf("got %d, %v", got, err)
			}
		})
	}
}

func TestDecimalInt(t *testing.T) {
	t.Parallel()
	for literal, want := range map[string]int64{"5": 5, "5.0": 5, "-1e3": -1000} {
		if got, err := Decimal(literal).Int(); got != want || err != nil {
			t.Errorf("%s: got %d, %v", literal, got, err)
		}
	}
	for _, literal := range []string{"5.5", "1e40", "x"} {
		if got, err := Decimal(literal).Int(); err == nil {
			t.Errorf("%s: got %d, want an error", literal, got)
		}
	}
	if got := DecimalFromInt(-42); got != "-42" {
		t.Errorf("got %s", got)
	}
}

func TestDecimalCompares(t *testing.T) {
	t.Parallel()
	if Decimal("1.50").Cmp("1.5") != 0 || Decimal("2").Cmp("10") != -1 || Decimal("-1").Sign() != -1 || Decimal("0.1").Cmp("1e-2") != 1 {
		t.Error("numbers do not compare by value")
	}
}

func TestMicrosRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.Int64().Draw(t, "micros")
		d := DecimalFromMicros(want)
		if _, err := NewDecimal(d.String()); err != nil {
			t.Fatalf("%s: %v", d, err)
		}
		if got, err := d.Micros(); got != want || err != nil {
			t.Fatalf("%d became %s became %d, %v", want, d, got, err)
		}
	})
}
