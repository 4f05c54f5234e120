package brief

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/upfront-media/upfront/internal/money"
)

// Signs of money stand before or after a number; words only after it. Codes
// that are also English words in capitals count only after a number.
var (
	blank        = `[ \x{00a0}\x{202f}]?` // but no line end: an amount is on one line
	signs        = `(?:(?:US|USD|CA|CAD|C|AU|AUD|A|NZ|HK|S|MX|R)?\$|[€£¥￥₹₩])`
	codesBefore  = codePattern("ALL", "TOP", "TRY", "CUP", "PEN", "COP", "MOP", "GEL", "LAK", "MAD", "BAM")
	signsBefore  = `(?:` + signs + `|\b` + codesBefore + `)`
	signsAfter   = `(?:` + signs + `|zł|円|` + codePattern() + `\b|(?i:usd|eur|gbp|jpy|brl|cad|aud|chf|(?:u\.?s\.?|american|canadian|australian|new zealand) dollars?|mexican pesos|swiss francs|pounds sterling|dollars?|euros?|pounds?|sterling|reais|rupees|yen|yuan|rmb|rand|kronor|kroner|kr|pesos|zloty)\b)`
	amountSource = `(?P<minus>[-−–]` + blank + `)?(?P<before>` + signsBefore + `)?` + blank + `(?P<inner>[-−]` + blank + `)?(?P<digits>` + numberPattern + `)(?P<mag>` + magnitudePattern + `)?(?:` + blank + `(?P<after>` + signsAfter + `))?`
	wholeAmount  = regexp.MustCompile(`^` + amountSource + `$`)
)

// codePattern is an alternation of the currencies in use but some.
func codePattern(but ...string) string {
	var codes []string
	for code := range strings.FieldsSeq(tenderCodes) {
		if !strings.Contains(strings.Join(but, " "), code) {
			codes = append(codes, code)
		}
	}
	return `(?:` + strings.Join(codes, "|") + `)`
}

// amountParts are the pieces of an amount as it is written.
type amountParts struct {
	negative    bool
	sign        string // the code, sign or word; empty when there is none
	digits, mag string
	clash       bool // the sign before and the one after disagree
}

// parts reads the named groups of a match of amountSource.
func parts(re *regexp.Regexp, m []string) amountParts {
	group := func(name string) string { return m[re.SubexpIndex(name)] }
	p := amountParts{
		negative: group("minus") != "" || group("inner") != "",
		sign:     group("before"), digits: group("digits"), mag: group("mag"),
	}
	after := group("after")
	if p.sign == "" {
		p.sign = after
	} else if after != "" {
		p.sign, p.clash = narrower(p.sign, after)
	}
	return p
}

// narrower is the one of two signs that says more: of "$" and "CAD", CAD.
func narrower(a, b string) (sign string, clash bool) {
	x, y := signCurrencies(a), signCurrencies(b)
	for _, c := range x {
		for _, d := range y {
			if c == d {
				if len(x) <= len(y) {
					return a, false
				}
				return b, false
			}
		}
	}
	return a, true
}

// value is the amount in currency c.
func (p amountParts) value(c money.Currency) (money.Micros, error) {
	m, err := exact(p.digits, p.mag, c, c.Scale() < 3)
	if p.negative {
		m = -m
	}
	return m, err
}

// readAmount reads an amount of the typed brief: a plain decimal, whose
// currency stands elsewhere, or words such as "150k USD" and "€40.000". The
// currency is empty where none is said; problem is empty where all is well.
func readAmount(n *node, said money.Currency, countries []string) (m money.Micros, c money.Currency, problem string) {
	text := strings.TrimSpace(n.text)
	if n.kind == kindNumber {
		text = strings.ReplaceAll(text, "_", "")
	}
	if plainDecimal.MatchString(text) {
		return plainAmount(text, said)
	}
	match := wholeAmount.FindStringSubmatch(text)
	if match == nil {
		return 0, "", "is not an amount"
	}
	p := parts(wholeAmount, match)
	if p.clash {
		return 0, "", "has two currencies"
	}
	if p.sign != "" {
		var settled bool
		var names []money.Currency
		if said != "" {
			names = append(names, said)
		}
		candidates := signCurrencies(p.sign)
		if c, settled = settle(candidates, names, countries); !settled {
			return 0, "", fmt.Sprintf("does not say which currency %s is: %s", p.sign, orList(candidates))
		}
	}
	in := c
	if in == "" {
		in = said
	}
	m, err := p.value(in)
	if err != nil {
		return 0, c, "is not an amount that can be read exactly"
	}
	return m, c, coins(m, in)
}

// plainAmount reads a decimal with a dot. Places beyond the currency's are
// refused even when they are zeros: 40.000 may be meant as forty thousand.
func plainAmount(text string, c money.Currency) (money.Micros, money.Currency, string) {
	digits := strings.TrimLeft(text, "+-")
	if len(digits) > 1 && digits[0] == '0' && digits[1] != '.' && digits[1] != 'e' && digits[1] != 'E' {
		return 0, "", "begins with a zero"
	}
	m, err := money.Parse(text)
	if err != nil {
		return 0, "", "is not an amount that can be kept exactly"
	}
	if c != "" && decimalPlaces(text) > c.Scale() {
		return 0, "", tooFine(c)
	}
	return m, "", coins(m, c)
}

// coins tells what is wrong with an amount that the currency has no coins for.
func coins(m money.Micros, c money.Currency) string {
	if c != "" && m%c.Unit() != 0 {
		return tooFine(c)
	}
	return ""
}

func tooFine(c money.Currency) string {
	if c.Scale() == 0 {
		return fmt.Sprintf("has decimal places, and %s has none", c)
	}
	return fmt.Sprintf("has more decimal places than %s, which has %d", c, c.Scale())
}
