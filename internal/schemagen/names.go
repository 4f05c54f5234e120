package schemagen

import (
	"strings"
	"unicode"
)

// initialisms are the words that Go writes in capitals.
var initialisms = map[string]string{}

func init() {
	for word := range strings.FieldsSeq(`A2A AI API BIC CDN CPA CPC CPCV CPG CPM CPP CPV CSS CSV CTA CTR CTV CVV
		DAAST DMA DOOH DSP EIDR EU GB GDPR GPP GRP GTIN HMAC HTML HTTP HTTPS IAB IBAN ID IO IP ISBN ISO JPEG JPG JSON
		JWK JWKS JWT KPI MCP MRAID MRC OAS OOH PII PNG PO QR RFC ROAS ROI RSS SDK SFTP SI SIMID SKU SLA SMS SQL SSL SSP
		SVG TCF TLS TMP TMPX TTL TV UI UID UK URI URL US UTC UTF UUID UX VAST VAT VCPM VPAID VR XML ZIP`) {
		initialisms[strings.ToLower(word)] = word
		initialisms[strings.ToLower(word)+"s"] = word + "s"
	}
	delete(initialisms, "uss")
	delete(initialisms, "ips")
	initialisms["adcp"] = "Adcp"
	initialisms["html5"] = "HTML5"
	initialisms["oauth"] = "OAuth"
	initialisms["javascript"] = "JavaScript"
}

// goName makes an exported Go name of a title, a property or an enum's value.
func goName(text string) string {
	if open := strings.IndexByte(text, '('); open > 0 {
		text = text[:open]
	}
	var b strings.Builder
	for _, word := range words(text) {
		lower := strings.ToLower(word)
		switch {
		case initialisms[lower] != "":
			b.WriteString(initialisms[lower])
		case word == strings.ToUpper(word):
			b.WriteString(word[:1] + lower[1:])
		default:
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	name := b.String()
	if name == "" || !unicode.IsLetter(rune(name[0])) {
		name = "N" + name
	}
	return name
}

// words splits text at everything that is not a letter or digit and where lower
// case turns into upper case, unless the whole word is known ("AdCP").
func words(text string) []string {
	var out []string
	for _, field := range strings.FieldsFunc(text, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		if initialisms[strings.ToLower(field)] != "" {
			out = append(out, field)
			continue
		}
		start := 0
		for i := 1; i < len(field); i++ {
			if unicode.IsUpper(rune(field[i])) && unicode.IsLower(rune(field[i-1])) && i > 1 {
				out = append(out, field[start:i])
				start = i
			}
		}
		out = append(out, field[start:])
	}
	return out
}

// constantName names an enum's value below its type, keeping apart what would
// collide without its signs ("+1", "-1").
func constantName(value string) string {
	value = strings.NewReplacer("+", " plus ", "*", " any ", ">=", " at least ", "<=", " at most ", ">", " over ", "<", " under ", "%", " percent ").Replace(value)
	var b strings.Builder
	for i, word := range words(value) {
		name := strings.TrimPrefix(goName(word), "N")
		if unicode.IsLetter(rune(word[0])) {
			name = goName(word)
		}
		if i > 0 && b.Len() > 0 && unicode.IsDigit(rune(word[0])) && unicode.IsDigit(rune(b.String()[b.Len()-1])) {
			b.WriteByte('x') // 16:9 is not 169
		}
		b.WriteString(name)
	}
	if b.Len() == 0 {
		return "Empty"
	}
	return b.String()
}

// singular names one item of a list from the list's name.
func singular(name string) string {
	switch {
	case strings.HasSuffix(name, "ies") && len(name) > 4:
		return strings.TrimSuffix(name, "ies") + "y"
	case strings.HasSuffix(name, "ss"), strings.HasSuffix(name, "us"), strings.HasSuffix(name, "is"), strings.HasSuffix(name, "ics"):
		return name + "Item"
	case strings.HasSuffix(name, "xes"), strings.HasSuffix(name, "ches"), strings.HasSuffix(name, "sses"):
		return strings.TrimSuffix(name, "es")
	case strings.HasSuffix(name, "s") && len(name) > 2:
		return strings.TrimSuffix(name, "s")
	}
	return name + "Item"
}

// packageFile names the output file that holds the types of a schema.
func packageFile(schema string) string {
	folder, _, nested := strings.Cut(schema, "/")
	if !nested {
		return "wellknown.gen.go"
	}
	return strings.ReplaceAll(folder, "-", "") + ".gen.go"
}
