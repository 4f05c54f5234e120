package adcp

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Decimal is a number of the protocol, such as an amount or a rate, exactly as
// its JSON literal says: "12.50" stays "12.50". It never passes through a
// float. The zero value is 0.
type Decimal string

// maxDecimalLength and maxDecimalExponent bound what a number may cost to
// read; the protocol's amounts, rates and counts are far below.
const (
	maxDecimalLength   = 64
	maxDecimalExponent = 64
)

var errNotDecimal = errors.New("must be a JSON number such as 12.50")

// NewDecimal returns the number that a JSON number literal stands for.
func NewDecimal(literal string) (Decimal, error) {
	if err := checkDecimal(literal); err != nil {
		return "", err
	}
	return Decimal(literal), nil
}

// DecimalFromInt returns a whole number.
func DecimalFromInt(n int64) Decimal { return Decimal(strconv.FormatInt(n, 10)) }

// DecimalFromMicros returns a number of millionths in its shortest form:
// 12500000 is 12.5.
func DecimalFromMicros(micros int64) Decimal {
	sign, n := "", new(big.Int).SetInt64(micros)
	if n.Sign() < 0 {
		sign = "-"
		n.Abs(n)
	}
	digits := n.String()
	if len(digits) < 7 {
		digits = strings.Repeat("0", 7-len(digits)) + digits
	}
	whole, fraction := digits[:len(digits)-6], strings.TrimRight(digits[len(digits)-6:], "0")
	if fraction == "" {
		return Decimal(sign + whole)
	}
	return Decimal(sign + whole + "." + fraction)
}

// String returns the literal, "0" for the zero value.
func (d Decimal) String() string {
	if d == "" {
		return "0"
	}
	return string(d)
}

// Rat returns the exact number.
func (d Decimal) Rat() (*big.Rat, error) {
	if err := checkDecimal(d.String()); err != nil {
		return nil, err
	}
	r, ok := new(big.Rat).SetString(d.String())
	if !ok {
		return nil, errNotDecimal
	}
	return r, nil
}

// Micros returns the number in millionths. It fails where the number is not a
// whole count of millionths or does not fit.
func (d Decimal) Micros() (int64, error) {
	r, err := d.Rat()
	if err != nil {
		return 0, err
	}
	r.Mul(r, big.NewRat(1_000_000, 1))
	if !r.IsInt() {
		return 0, fmt.Errorf("%s has more than six decimal places", d)
	}
	if !r.Num().IsInt64() {
		return 0, fmt.Errorf("%s is out of range", d)
	}
	return r.Num().Int64(), nil
}

// Int returns the number as a whole one. It fails where it has a fraction or does not fit.
func (d Decimal) Int() (int64, error) {
	r, err := d.Rat()
	if err != nil {
		return 0, err
	}
	if !r.IsInt() {
		return 0, fmt.Errorf("%s is not a whole number", d)
	}
	if !r.Num().IsInt64() {
		return 0, fmt.Errorf("%s is out of range", d)
	}
	return r.Num().Int64(), nil
}

// Cmp compares two numbers: -1, 0 or +1. A literal that is no number counts as 0;
// [NewDecimal] and decoding let none in.
func (d Decimal) Cmp(other Decimal) int {
	a, err := d.Rat()
	if err != nil {
		a = new(big.Rat)
	}
	b, err := other.Rat()
	if err != nil {
		b = new(big.Rat)
	}
	return a.Cmp(b)
}

// Sign returns -1, 0 or +1.
func (d Decimal) Sign() int { return d.Cmp("0") }

// MarshalJSON writes the literal.
func (d Decimal) MarshalJSON() ([]byte, error) {
	if err := checkDecimal(d.String()); err != nil {
		return nil, err
	}
	return []byte(d.String()), nil
}

// UnmarshalJSON reads a number and nothing else: a string or null is refused.
func (d *Decimal) UnmarshalJSON(data []byte) error {
	if err := checkDecimal(string(data)); err != nil {
		return err
	}
	*d = Decimal(data)
	return nil
}

// checkDecimal holds a literal to JSON's grammar and to the bounds above.
func checkDecimal(s string) error {
	if len(s) > maxDecimalLength {
		return fmt.Errorf("number is longer than %d characters", maxDecimalLength)
	}
	rest := strings.TrimPrefix(s, "-")
	whole := leadingDigits(rest)
	if whole == 0 || whole > 1 && rest[0] == '0' {
		return errNotDecimal
	}
	rest = rest[whole:]
	if strings.HasPrefix(rest, ".") {
		n := leadingDigits(rest[1:])
		if n == 0 {
			return errNotDecimal
		}
		rest = rest[1+n:]
	}
	if rest == "" {
		return nil
	}
	if rest[0] != 'e' && rest[0] != 'E' {
		return errNotDecimal
	}
	exponent := strings.TrimPrefix(rest[1:], "+")
	if exponent == rest[1:] {
		exponent = strings.TrimPrefix(exponent, "-")
	}
	if exponent == "" || leadingDigits(exponent) != len(exponent) {
		return errNotDecimal
	}
	if n, err := strconv.Atoi(exponent); err != nil || n > maxDecimalExponent {
		return fmt.Errorf("number's exponent is beyond %d", maxDecimalExponent)
	}
	return nil
}

func leadingDigits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
