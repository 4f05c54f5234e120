package money

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strings"
)

// MicrosScale is the number of decimal places that [Micros] keeps.
const MicrosScale = 6

// Micros is an amount in millionths of a currency unit: 1,500,000 is 1.50.
// The currency is always kept beside it.
type Micros int64

// Unit is one whole currency unit.
const Unit Micros = 1_000_000

// ErrRange reports an amount that does not fit [Micros] (beyond about 9.2 trillion units).
var ErrRange = errors.New("amount out of range")

// ErrPrecision reports an amount with more than six decimal places.
var ErrPrecision = errors.New("amount has more than six decimal places")

// number is a decimal as JSON and people write it. The exponent is bounded so
// that a short text cannot ask for a huge number.
var number = regexp.MustCompile(`^[+-]?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,2})?$`)

// Parse reads a decimal number such as "150000", "12.5" or "1.5e3" exactly.
// What six decimal places cannot hold is refused ([ErrPrecision], [ErrRange]), never rounded.
func Parse(s string) (Micros, error) {
	if !number.MatchString(s) {
		return 0, fmt.Errorf("not a decimal number: %.40q", s)
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return 0, fmt.Errorf("not a decimal number: %.40q", s)
	}
	r.Mul(r, big.NewRat(int64(Unit), 1))
	if !r.IsInt() {
		return 0, fmt.Errorf("%w: %.40s", ErrPrecision, s)
	}
	if !r.Num().IsInt64() {
		return 0, fmt.Errorf("%w: %.40s", ErrRange, s)
	}
	return Micros(r.Num().Int64()), nil
}

// String is the shortest exact decimal with at least two places: "12.50", "0.012345".
func (m Micros) String() string { return m.format(2) }

// Format is the amount in the currency's own number of places, more only where
// the amount needs them: "150000.00" for USD, "150000" for JPY.
func (m Micros) Format(c Currency) string { return m.format(c.Scale()) }

func (m Micros) format(places int) string {
	sign, u := "", uint64(m)
	if m < 0 {
		sign, u = "-", -uint64(m)
	}
	whole, frac := u/uint64(Unit), fmt.Sprintf("%06d", u%uint64(Unit))
	for len(frac) > places && frac[len(frac)-1] == '0' {
		frac = frac[:len(frac)-1]
	}
	if frac == "" {
		return fmt.Sprintf("%s%d", sign, whole)
	}
	return fmt.Sprintf("%s%d.%s", sign, whole, frac)
}

// Literal is the amount as a JSON number: "12.5", "150000".
func (m Micros) Literal() string { return strings.TrimSuffix(m.format(0), ".") }

// Amount is money: micros and their currency.
type Amount struct {
	Micros   Micros
	Currency Currency
}

// String is the amount for people: "150000.00 USD".
func (a Amount) String() string { return a.Micros.Format(a.Currency) + " " + string(a.Currency) }

// MulDiv is m*n/d rounded toward zero, exact in between. It panics when d is not
// positive and saturates at the range of Micros.
func (m Micros) MulDiv(n, d int64) Micros {
	if d <= 0 {
		panic("money: MulDiv by a divisor that is not positive")
	}
	p := new(big.Int).Mul(big.NewInt(int64(m)), big.NewInt(n))
	p.Quo(p, big.NewInt(d))
	if !p.IsInt64() {
		if p.Sign() < 0 {
			return math.MinInt64
		}
		return math.MaxInt64
	}
	return Micros(p.Int64())
}

// Floor is m rounded down to whole coins of c.
func (m Micros) Floor(c Currency) Micros {
	unit := c.Unit()
	r := m % unit
	if r < 0 {
		r += unit
	}
	return m - r
}

// Split divides m into parts in proportion to weights, in whole units of step,
// so that the parts add up to m exactly. The first parts take what is left over.
// Weights must not be negative; where all are zero the split is even.
func Split(m Micros, weights []int64, step Micros) []Micros {
	parts := make([]Micros, len(weights))
	if len(weights) == 0 {
		return parts
	}
	if step <= 0 {
		step = 1
	}
	total := new(big.Int)
	for _, w := range weights {
		total.Add(total, big.NewInt(max(w, 0)))
	}
	var given Micros
	for i, w := range weights {
		share := new(big.Int).Mul(big.NewInt(int64(m)), big.NewInt(max(w, 0)))
		if total.Sign() == 0 {
			share = new(big.Int).Quo(big.NewInt(int64(m)), big.NewInt(int64(len(weights))))
		} else {
			share.Quo(share, total)
		}
		parts[i] = Micros(share.Int64()) / step * step
		given += parts[i]
	}
	for i := 0; given < m; i = (i + 1) % len(parts) {
		if total.Sign() != 0 && weights[i] <= 0 {
			continue
		}
		extra := min(step, m-given)
		parts[i] += extra
		given += extra
	}
	return parts
}
