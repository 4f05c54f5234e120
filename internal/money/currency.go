package money

import (
	"fmt"

	"golang.org/x/text/currency"
)

// Currency is an ISO 4217 code in capitals, such as "USD".
type Currency string

// ParseCurrency checks that code is an ISO 4217 currency written in capitals.
func ParseCurrency(code string) (Currency, error) {
	if len(code) != 3 {
		return "", fmt.Errorf("currency %q: want a three-letter ISO 4217 code such as USD", code)
	}
	for _, r := range code {
		if r < 'A' || r > 'Z' {
			return "", fmt.Errorf("currency %q: want capitals, such as USD", code)
		}
	}
	if _, err := currency.ParseISO(code); err != nil {
		return "", fmt.Errorf("currency %q is not in ISO 4217", code)
	}
	return Currency(code), nil
}

// Scale is the number of decimal places of the currency's smallest coin: 2 for
// USD, 0 for JPY, 3 for KWD.
func (c Currency) Scale() int {
	unit, err := currency.ParseISO(string(c))
	if err != nil {
		return 2
	}
	scale, _ := currency.Standard.Rounding(unit)
	return scale
}

// Unit is the currency's smallest coin in micros: 10,000 for USD.
func (c Currency) Unit() Micros {
	unit := Micros(1)
	for range MicrosScale - c.Scale() {
		unit *= 10
	}
	return unit
}
