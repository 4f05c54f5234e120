package seller

import (
	"regexp"
	"slices"
	"strings"

	"github.com/upfront-media/upfront/internal/brief"
	"github.com/upfront-media/upfront/internal/money"
)

// An ask is what a buyer wrote, in plain words. It is read into adjustments, which
// are typed and bounded; only those reach a plan, and only ever a draft. What is
// not read is said to be not read.

// adjustKind is what an adjustment does to a plan.
type adjustKind string

const (
	adjustSet     adjustKind = "set"     // the target gets this share
	adjustMove    adjustKind = "move"    // this share goes from one target to another
	adjustDrop    adjustKind = "drop"    // the target goes, and its share to another or to all
	adjustMore    adjustKind = "more"    // half as much again, at least ten points
	adjustLess    adjustKind = "less"    // half of it
	adjustOnly    adjustKind = "only"    // nothing but the target
	adjustEven    adjustKind = "even"    // equal shares
	adjustScale   adjustKind = "scale"   // the total times this share
	adjustTotal   adjustKind = "total"   // the total is this amount
	adjustCombine adjustKind = "combine" // a plan of these products
	adjustCap     adjustKind = "cap"     // a frequency cap, which packages take
)

// adjustment is one thing that an ask wants.
type adjustment struct {
	kind     adjustKind
	from, to target
	share    Rate
	amount   money.Micros
}

// target is what an adjustment is about; the zero target is nothing.
type target struct {
	channels []string
	products []string
	// delivery is "guaranteed" or "non_guaranteed".
	delivery string
}

func (t target) none() bool { return len(t.channels) == 0 && len(t.products) == 0 && t.delivery == "" }

// holds tells whether the product is part of the target.
func (t target) holds(p *Product) bool {
	switch {
	case len(t.products) > 0:
		return slices.Contains(t.products, p.ID)
	case t.delivery != "" && t.delivery != string(p.deliveryType()):
		return false
	case len(t.channels) > 0:
		return overlap(p.Channels, t.channels)
	}
	return t.delivery != ""
}

// maxAsk is how much of an ask is read.
const maxAsk = 2000

// clauseEnds are where one wish ends and the next begins.
var clauseEnds = regexp.MustCompile(`[.!?](?:\s+|$)|[;\n]+|,\s+(?:and|but|then)\s+|\s+(?:and then|then|but)\s+|\s+and\s+(?:the |then )?(?:less|more|fewer|drop|remove|shift|move|increase|reduce|raise|decrease|cut|add|redistribute|reallocate|put|give|focus)\b`)

// clauses splits an ask; the word that begins the next wish stays with it.
func clauses(ask string) []string {
	if len(ask) > maxAsk {
		ask = ask[:maxAsk]
	}
	var out []string
	at := 0
	add := func(s string) {
		if s = strings.Trim(s, " ,.;!?\n\t"); s != "" {
			out = append(out, s)
		}
	}
	for _, end := range clauseEnds.FindAllStringIndex(ask, -1) {
		add(ask[at:end[0]])
		at = end[1]
		if separator := ask[end[0]:end[1]]; strings.HasPrefix(strings.TrimLeft(separator, " "), "and ") && separator[len(separator)-1] != ' ' {
			at = end[0] + strings.Index(separator, "and ") + len("and ")
		}
	}
	add(ask[at:])
	return out
}

const percentForm = `(\d{1,3}(?:\.\d{1,2})?) ?(?:%|percent)`

// The forms of a clause, tried in this order.
var (
	askMove   = regexp.MustCompile(`^(?:please )?(?:shift|move|take|reallocate|transfer) ` + percentForm + `(?: of (?:the )?(?:total )?budget)? from (.+?) (?:in)?to(?:wards?)? (.+)$`)
	askSet    = regexp.MustCompile(`^(?:please )?(?:shift|move|put|allocate|spend|give|set|reallocate|make|have) ` + percentForm + `(?: of (?:the |our )?(?:total )?budget)? (?:in|into|to|on|onto|for|towards?) (.+)$`)
	askShare  = regexp.MustCompile(`^(?:please )?(?:set|bring|raise|lower|increase|reduce|make) (.+?) (?:to|at) ` + percentForm + `(?: of (?:the )?budget)?$`)
	askAll    = regexp.MustCompile(`^(?:please )?(?:shift|move|reallocate|redistribute|transfer|put|give) (?:all (?:of )?)?(?:the )?(.+?) (?:budget|spend|money|share) (?:in)?to(?:wards?)? (.+)$`)
	askFreed  = regexp.MustCompile(`^(?:redistribute|reallocate|shift|move|give|put) (?:that|its|the|the freed|this) (?:freed )?(?:budget|share|money|spend) (?:in)?to(?:wards?)? (.+)$`)
	askDrop   = regexp.MustCompile(`^(?:please )?(?:drop|remove|exclude|omit|take out|leave out|without|no) (.+)$`)
	askTotal  = regexp.MustCompile(`^(?:please )?(?:reduce|cut|lower|decrease|increase|raise|grow|extend) (?:the )?(?:total|budget|total budget|overall budget|spend) by ` + percentForm + `$`)
	askAmount = regexp.MustCompile(`^(?:please )?(?:reduce|cut|lower|decrease|increase|raise|set|change|bring|use|plan with|make)? ?(?:the |a )?(?:total|budget|total budget|overall budget|spend)(?: allocation)? (?:to|of|at|is) [$€£¥]?(\d[\d,]*(?:\.\d{1,2})?) ?(k|m|thousand|million)?\b.*$`)
	askOnly   = regexp.MustCompile(`^(?:please )?only (?:use |include |show |have )?(.+)$`)
	askEven   = regexp.MustCompile(`^(?:please )?(?:rebalance|balance|split|spread|divide)\b.*$|^.*\b(?:evenly|equal shares|even split)\b.*$`)
	askMore   = regexp.MustCompile(`^(?:please )?(?:.* )?(?:more|increase(?: the)?(?: emphasis| focus| weight| share| budget)?(?: on| of| for)?|also increase|focus(?: more)? on|emphasi[sz]e|boost|favou?r|prefer|shift (?:more )?(?:budget )?(?:to|towards?)|add(?: some)?) (.+)$`)
	askLess   = regexp.MustCompile(`^(?:please )?(?:.* )?(?:less|fewer|reduce|decrease|lower|cut back on) (.+)$`)
	askCap    = regexp.MustCompile(`frequency.cap`)
	askPlan   = regexp.MustCompile(`combine|media plan|propos|work together`)
)

// readAsk reads an ask clause by clause. Known finds products by what the buyer
// calls them. It returns the adjustments and the clauses that it could not read.
func readAsk(ask string, known []*Product) (adjustments []adjustment, unread []string) {
	for _, clause := range clauses(ask) {
		lower := strings.Join(strings.Fields(strings.ToLower(clause)), " ")
		if a, ok := readFreed(lower, adjustments, known); ok {
			adjustments[len(adjustments)-1] = a
		} else if a, ok := readClause(lower, known); ok {
			adjustments = append(adjustments, a)
		} else {
			unread = append(unread, clause)
		}
	}
	return adjustments, unread
}

// readFreed reads where the share of what was just dropped is to go.
func readFreed(clause string, before []adjustment, known []*Product) (adjustment, bool) {
	m := askFreed.FindStringSubmatch(clause)
	if m == nil || len(before) == 0 || before[len(before)-1].kind != adjustDrop {
		return adjustment{}, false
	}
	a := before[len(before)-1]
	a.to = targetOf(m[1], known)
	return a, !a.to.none()
}

// readClause reads one wish.
func readClause(clause string, known []*Product) (adjustment, bool) {
	if askCap.MatchString(clause) {
		return adjustment{kind: adjustCap}, true
	}
	if m := askMove.FindStringSubmatch(clause); m != nil {
		a := adjustment{kind: adjustMove, share: percentOf(m[1]), from: targetOf(m[2], known), to: targetOf(m[3], known)}
		return a, !a.from.none() && !a.to.none()
	}
	if m := askSet.FindStringSubmatch(clause); m != nil {
		a := adjustment{kind: adjustSet, share: percentOf(m[1]), to: targetOf(m[2], known)}
		return a, !a.to.none()
	}
	if m := askTotal.FindStringSubmatch(clause); m != nil {
		by := percentOf(m[1])
		if regexp.MustCompile(`^(?:please )?(?:reduce|cut|lower|decrease)`).MatchString(clause) {
			by = -by
		}
		return adjustment{kind: adjustScale, share: Whole + by}, Whole+by > 0
	}
	if m := askShare.FindStringSubmatch(clause); m != nil {
		a := adjustment{kind: adjustSet, share: percentOf(m[2]), to: targetOf(m[1], known)}
		return a, !a.to.none()
	}
	if m := askAmount.FindStringSubmatch(clause); m != nil {
		amount, ok := amountOf(m[1], m[2])
		return adjustment{kind: adjustTotal, amount: amount}, ok
	}
	if m := askAll.FindStringSubmatch(clause); m != nil {
		a := adjustment{kind: adjustMove, share: Whole, from: targetOf(m[1], known), to: targetOf(m[2], known)}
		return a, !a.from.none() && !a.to.none()
	}
	for _, form := range []struct {
		words *regexp.Regexp
		kind  adjustKind
	}{{askOnly, adjustOnly}, {askDrop, adjustDrop}, {askLess, adjustLess}, {askMore, adjustMore}} {
		if m := form.words.FindStringSubmatch(clause); m != nil {
			if to := targetOf(m[1], known); !to.none() {
				return adjustment{kind: form.kind, to: to}.turned(), true
			}
		}
	}
	switch {
	case askPlan.MatchString(clause):
		return adjustment{kind: adjustCombine}, true
	case askEven.MatchString(clause):
		return adjustment{kind: adjustEven}, true
	}
	return adjustment{}, false
}

// turned puts what is to go where adjustments keep it.
func (a adjustment) turned() adjustment {
	if a.kind == adjustDrop {
		a.from, a.to = a.to, target{}
	}
	return a
}

// deliveryWords are what people call the two types of delivery.
var deliveryWords = []struct{ word, delivery string }{
	{"non-guaranteed", "non_guaranteed"},
	{"non guaranteed", "non_guaranteed"},
	{"nonguaranteed", "non_guaranteed"},
	{"programmatic", "non_guaranteed"},
	{"guaranteed", "guaranteed"},
	{"reserved", "guaranteed"},
}

// targetOf reads what a few words are about: products by identifier or name,
// a type of delivery, channels.
func targetOf(words string, known []*Product) target {
	words = strings.Trim(words, " .,'\"")
	for _, p := range known {
		if called := strings.ToLower(words); called == strings.ToLower(p.ID) || called == strings.ToLower(p.Name) || strings.Contains(called, strings.ToLower(p.ID)) {
			return target{products: []string{p.ID}}
		}
	}
	var t target
	for _, d := range deliveryWords {
		if strings.Contains(words, d.word) {
			t.delivery = d.delivery
			words = strings.ReplaceAll(words, d.word, " ")
			break
		}
	}
	fields := strings.FieldsFunc(words, func(r rune) bool { return r == ' ' || r == ',' || r == '/' || r == '+' })
	for i := 0; i < len(fields); {
		n := min(3, len(fields)-i)
		for ; n > 0; n-- {
			if found := brief.Channels(strings.Join(fields[i:i+n], " ")); len(found) > 0 {
				for _, c := range found {
					t.channels = include(t.channels, c)
				}
				break
			}
		}
		i += max(n, 1)
	}
	return t
}

// percentOf reads a percentage, at most all.
func percentOf(s string) Rate {
	m, err := money.Parse(s)
	if err != nil {
		return 0
	}
	return min(Rate(m/100), Whole)
}

// amountOf reads an amount such as 30 and k.
func amountOf(number, scale string) (money.Micros, bool) {
	m, err := money.Parse(strings.ReplaceAll(number, ",", ""))
	if err != nil || m <= 0 || m > maxBudget {
		return 0, false
	}
	switch scale {
	case "k", "thousand":
		m = m.MulDiv(1000, 1)
	case "m", "million":
		m = m.MulDiv(1_000_000, 1)
	}
	return m, m <= maxBudget
}
