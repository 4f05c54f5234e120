package brief

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/upfront-media/upfront/internal/money"
)

// numberPattern matches a number as people write it, with group marks and a
// decimal mark of either kind; magnitudePattern the word or letter after it.
const (
	numberPattern    = `(?:\d{1,3}(?:[,.'’ \x{00a0}\x{202f}]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d+)?)`
	magnitudePattern = `(?:[ -]?(?i:hundred|thousand|tsd|million|millions|mio|mn|mm|bn|billion|lakh|crore|mil|milhões|milhoes|milhão|milhao)\b|[ ]?[kKmMbB]\b|[ ]?[万億])`
)

var errAmbiguousNumber = errors.New("can be read in two ways")

// numeral reads the digits of a number with its group and decimal marks, and
// gives the plain decimal. A single mark before exactly three digits is a group
// mark when it is a comma, and when it is a dot only if dotGroups says so:
// budgets group thousands ("40.000 €"), rates have decimals ("1.125").
func numeral(s string, dotGroups bool) (string, error) {
	for _, blank := range []string{" ", "\u00a0", "\u202f", "'", "’"} {
		s = strings.ReplaceAll(s, blank, "")
	}
	dots, commas := strings.Count(s, "."), strings.Count(s, ",")
	switch {
	case dots == 0 && commas == 0:
		return s, nil
	case dots > 0 && commas > 0:
		if strings.LastIndexByte(s, '.') > strings.LastIndexByte(s, ',') {
			return grouped(s, ",", ".")
		}
		return grouped(s, ".", ",")
	case commas > 1:
		return grouped(s, ",", ".")
	case dots > 1:
		return grouped(s, ".", ",")
	}
	mark := strings.IndexAny(s, ".,")
	threes := len(s)-mark == 4 && mark <= 3 && s[0] != '0'
	if threes && (commas == 1 || dotGroups) {
		return s[:mark] + s[mark+1:], nil
	}
	if mark == len(s)-1 {
		return s[:mark], nil
	}
	return s[:mark] + "." + s[mark+1:], nil
}

// grouped takes out the group marks, which must stand before three digits each,
// and makes the decimal mark a dot.
func grouped(s, group, decimal string) (string, error) {
	whole, frac, hasFrac := strings.Cut(s, decimal)
	parts := strings.Split(whole, group)
	for i, p := range parts {
		if i == 0 && (p == "" || len(p) > 3) || i > 0 && len(p) != 3 {
			return "", errAmbiguousNumber
		}
	}
	if strings.Contains(frac, group) || strings.Contains(frac, decimal) {
		return "", errAmbiguousNumber
	}
	if !hasFrac {
		return strings.Join(parts, ""), nil
	}
	return strings.Join(parts, "") + "." + frac, nil
}

// magnitude is the power of ten of "k", "million", …. The Portuguese "mil" is a
// thousand in reais and a short million elsewhere, so it is read only there.
func magnitude(word string, c money.Currency) (int, bool) {
	switch strings.ToLower(strings.Trim(word, " -")) {
	case "":
		return 0, true
	case "hundred":
		return 2, true
	case "k", "thousand", "tsd":
		return 3, true
	case "万":
		return 4, true
	case "lakh":
		return 5, true
	case "m", "mn", "mm", "mio", "million", "millions":
		return 6, true
	case "crore":
		return 7, true
	case "億":
		return 8, true
	case "b", "bn", "billion":
		return 9, true
	case "mil":
		return 3, c == "BRL"
	case "milhões", "milhoes", "milhão", "milhao":
		return 6, c == "BRL"
	}
	return 0, false
}

// exact reads a number and its magnitude word into exact millionths.
func exact(digits, mag string, c money.Currency, dotGroups bool) (money.Micros, error) {
	plain, err := numeral(digits, dotGroups && strings.TrimSpace(mag) == "")
	if err != nil {
		return 0, err
	}
	power, ok := magnitude(mag, c)
	if !ok {
		return 0, errAmbiguousNumber
	}
	if power > 0 {
		plain += "e" + strconv.Itoa(power)
	}
	return money.Parse(plain)
}

var plainDecimal = regexp.MustCompile(`^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?$`)

// decimalPlaces counts the places a plain decimal is written with; -1 for an
// exponent, where what was written says nothing about coins.
func decimalPlaces(s string) int {
	if strings.ContainsAny(s, "eE") {
		return -1
	}
	_, frac, _ := strings.Cut(s, ".")
	return len(frac)
}
