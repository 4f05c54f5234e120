package brief

import (
	"slices"
	"strings"

	"github.com/upfront-media/upfront/internal/money"
)

// tenderCodes are the ISO 4217 codes of money in use. The standard also lists
// metals, test codes and money of the past, in which nobody can pay for media.
const tenderCodes = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF " +
	"CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF " +
	"IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT " +
	"MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG " +
	"SEK SGD SHP SOS SRD SSP SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VND VUV WST XAF XCD XOF XPF YER " +
	"ZAR ZMW"

// tender is a currency in use, by its code in capitals.
func tender(code string) (money.Currency, bool) {
	if len(code) != 3 || !slices.Contains(strings.Fields(tenderCodes), code) {
		return "", false
	}
	c, err := money.ParseCurrency(code)
	return c, err == nil
}

// currencySigns are signs and words for money and the currencies that use them,
// the one that is meant when nothing says otherwise first.
var currencySigns = map[string][]money.Currency{
	"US$": {"USD"}, "USD$": {"USD"}, "U.S. dollars": {"USD"}, "US dollars": {"USD"}, "American dollars": {"USD"},
	"CA$": {"CAD"}, "C$": {"CAD"}, "CAD$": {"CAD"}, "Canadian dollars": {"CAD"},
	"AU$": {"AUD"}, "A$": {"AUD"}, "AUD$": {"AUD"}, "Australian dollars": {"AUD"},
	"NZ$": {"NZD"}, "New Zealand dollars": {"NZD"}, "HK$": {"HKD"}, "S$": {"SGD"}, "MX$": {"MXN"}, "Mexican pesos": {"MXN"},
	"R$": {"BRL"}, "reais": {"BRL"}, "real": {"BRL"},
	"€": {"EUR"}, "euros": {"EUR"}, "euro": {"EUR"},
	"£": {"GBP"}, "pounds sterling": {"GBP"}, "pounds": {"GBP"}, "sterling": {"GBP"},
	"₹": {"INR"}, "rupees": {"INR"}, "₩": {"KRW"}, "zł": {"PLN"}, "zloty": {"PLN"}, "Swiss francs": {"CHF"},
	"rand": {"ZAR"}, "yuan": {"CNY"}, "RMB": {"CNY"}, "yen": {"JPY"}, "円": {"JPY"},
	"¥": {"JPY", "CNY"}, "￥": {"JPY", "CNY"},
	"$": {"USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN"}, "dollars": {"USD", "CAD", "AUD", "NZD", "SGD", "HKD"},
	"kr": {"SEK", "NOK", "DKK", "ISK"}, "kronor": {"SEK"}, "kroner": {"NOK", "DKK"}, "pesos": {"MXN", "COP", "CLP", "ARS"},
}

// homes are the countries of the currencies that share a sign.
var homes = map[money.Currency]string{
	"USD": "US", "CAD": "CA", "AUD": "AU", "NZD": "NZ", "SGD": "SG", "HKD": "HK", "MXN": "MX", "JPY": "JP", "CNY": "CN",
	"SEK": "SE", "NOK": "NO", "DKK": "DK", "ISK": "IS", "COP": "CO", "CLP": "CL", "ARS": "AR",
}

// signCurrencies are the currencies a code, sign or word may stand for; nil when it is none.
func signCurrencies(sign string) []money.Currency {
	sign = oneLine(sign)
	if found, ok := currencySigns[sign]; ok {
		return found
	}
	if c, ok := tender(strings.ToUpper(sign)); ok {
		return []money.Currency{c}
	}
	for written, found := range currencySigns {
		if strings.EqualFold(written, sign) || strings.EqualFold(written, sign+"s") {
			return found
		}
	}
	return nil
}

// settle decides what a sign shared by several currencies means. said are the
// currencies that the brief names outright; countries are its markets. The
// currency of the sign's own market holds when no market of another one is
// named; everything else stays undecided.
func settle(candidates, said []money.Currency, countries []string) (money.Currency, bool) {
	if len(candidates) == 1 {
		return candidates[0], true
	}
	var named, local []money.Currency
	for _, c := range candidates {
		if slices.Contains(said, c) {
			named = append(named, c)
		}
		if slices.Contains(countries, homes[c]) {
			local = append(local, c)
		}
	}
	switch first := candidates[0]; {
	case len(named) == 1:
		return named[0], true
	case len(named) > 1:
		return "", false
	case first == "SEK" || first == "NOK" || first == "MXN":
		// No currency owns these signs: only a single market settles them.
		if len(local) == 1 {
			return local[0], true
		}
		return "", false
	case len(local) == 0 || len(local) == 1 && local[0] == first:
		return first, true
	}
	return "", false
}

// orList is "USD, CAD or AUD".
func orList[T ~string](list []T) string {
	var b strings.Builder
	for i, v := range list {
		switch {
		case i > 0 && i == len(list)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(string(v))
	}
	return b.String()
}
