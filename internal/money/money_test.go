package money_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/upfront-media/upfront/internal/money"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   string
		want money.Micros
		err  error
	}{
		{"150000", 150_000_000_000, nil},
		{"12.5", 12_500_000, nil},
		{"0.000001", 1, nil},
		{"-3.25", -3_250_000, nil},
		{"1.5e3", 1_500_000_000, nil},
		{"0.0000010", 1, nil},
		{"0.0000001", 0, money.ErrPrecision},
		{"123456789012.1234567", 0, money.ErrPrecision},
		{"99999999999999", 0, money.ErrRange},
		{"9999999999999999999", 0, money.ErrRange},
		{"0.00000000000000000000000001", 0, money.ErrPrecision},
	} {
		t.Run(tt.in, func(t *testing.T) {
			t.Parallel()
			got, err := money.Parse(tt.in)
			if !errors.Is(err, tt.err) || got != tt.want {
				t.Errorf("Parse(%q) = %v, %v; want %v, %v", tt.in, got, err, tt.want, tt.err)
			}
		})
	}
	for _, bad := range []string{"", "abc", "1,000", "0x10", "NaN", "Inf", "1/3", "1e99999999", "1e-99999999"} {
		if got, err := money.Parse(bad); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", bad, got)
		}
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		m    money.Micros
		c    money.Currency
		want string
	}{
		{150_000_000_000, "USD", "150000.00"},
		{150_000_000_000, "JPY", "150000"},
		{12_345_678, "EUR", "12.345678"},
		{-500_000, "GBP", "-0.50"},
		{1_250_000, "KWD", "1.250"},
	} {
		if got := tt.m.Format(tt.c); got != tt.want {
			t.Errorf("%d.Format(%s) = %q, want %q", tt.m, tt.c, got, tt.want)
		}
	}
	if got := money.Micros(150_000_000_000).Literal(); got != "150000" {
		t.Errorf("Literal = %q, want 150000", got)
	}
}

func TestParseCurrency(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"USD", "EUR", "JPY", "BRL"} {
		if _, err := money.ParseCurrency(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "usd", "US", "DOLLARS", "QQQ", "$$$"} {
		if _, err := money.ParseCurrency(bad); err == nil {
			t.Errorf("ParseCurrency(%q) accepted", bad)
		}
	}
}

func TestFormattedAmountsParseBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := money.Micros(rapid.Int64Range(-9_000_000_000_000_000_000, 9_000_000_000_000_000_000).Draw(t, "m"))
		for _, s := range []string{m.String(), m.Literal(), m.Format("JPY")} {
			got, err := money.Parse(s)
			if err != nil || got != m {
				t.Fatalf("Parse(%q) = %v, %v; want %v", s, got, err, m)
			}
		}
	})
}

func TestSplitConservesTheAmount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := money.Micros(rapid.Int64Range(0, 1_000_000_000_000_000).Draw(t, "m"))
		weights := rapid.SliceOfN(rapid.Int64Range(0, 1_000_000), 1, 20).Draw(t, "weights")
		var sum money.Micros
		for i, p := range money.Split(m, weights, 10_000) {
			if p < 0 {
				t.Fatalf("part %d is %v", i, p)
			}
			sum += p
		}
		if sum != m {
			t.Fatalf("parts add up to %v, want %v", sum, m)
		}
	})
}
