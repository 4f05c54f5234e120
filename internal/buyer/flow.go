package buyer

// slot is one offer in the allocation problem, counted in quanta of budget.
type slot struct {
	seller, channel int
	// rate is what the first quantum is worth against the best offer's, at most worth.
	rate int64
	// half is the number of quanta at which a further one is worth a quarter.
	half int64
	// least and most bound a taken slot; 1 <= least <= most.
	least, most int64
}

// worth is the rate of the best offer.
const worth = 1_000_000_000

// gain is what the k-th quantum of a slot adds, k from 1. Each is worth no more
// than the one before: the same people are met again, and the best inventory is
// sold first. The sum over k is rate*half*x/(half+x), up to rounding.
func (s slot) gain(k int64) int64 {
	return s.rate * s.half * s.half / ((s.half + k - 1) * (s.half + k))
}

// problem is how to give out quanta of a budget: which slots there are, and how
// many quanta each seller and each channel may have.
type problem struct {
	slots                 []slot
	quanta                int64
	sellerCap, channelCap []int64
}

// choice is what has been decided about a slot while searching.
type choice int8

const (
	open   choice = iota // between 0 and most
	taken                // between least and most
	passed               // 0
)

// mandatory outweighs every gain, so that quanta that must be placed are placed first.
const mandatory = int64(1) << 50

// relaxed solves the problem without the minimums of open slots, exactly: it is
// a flow from the sellers to the channels, along which each slot is an edge whose
// every further quantum is worth less, so that sending one quantum after the
// other along the path that adds most ends at the best solution. It reports
// false where the taken slots cannot have their minimums together.
func (p problem) relaxed(choices []choice) (quanta []int64, value int64, ok bool) {
	f := flow{
		problem: p, choices: choices, x: make([]int64, len(p.slots)),
		sellerUsed: make([]int64, len(p.sellerCap)), channelUsed: make([]int64, len(p.channelCap)),
	}
	for range p.quanta {
		if !f.augment() {
			break
		}
	}
	for i, s := range p.slots {
		if choices[i] == taken && f.x[i] < s.least {
			return nil, 0, false
		}
		value += p.valueOf(i, f.x[i])
	}
	return f.x, value, true
}

func (p problem) valueOf(i int, quanta int64) (value int64) {
	for k := int64(1); k <= quanta; k++ {
		value += p.slots[i].gain(k)
	}
	return value
}

type flow struct {
	problem
	choices                 []choice
	x                       []int64
	sellerUsed, channelUsed []int64
}

// next is what one more quantum adds to a slot, false where it is full.
func (f *flow) next(i int) (int64, bool) {
	s := f.slots[i]
	if f.choices[i] == passed || f.x[i] >= s.most {
		return 0, false
	}
	return f.weigh(i, f.x[i]+1), true
}

// last is what the last quantum of a slot was worth, false where it has none.
func (f *flow) last(i int) (int64, bool) {
	if f.x[i] == 0 {
		return 0, false
	}
	return f.weigh(i, f.x[i]), true
}

func (f *flow) weigh(i int, k int64) int64 {
	g := f.slots[i].gain(k)
	if f.choices[i] == taken && k <= f.slots[i].least {
		g += mandatory
	}
	return g
}

const unreached = -int64(1) << 62

// augment sends one more quantum along the path of the greatest gain and
// reports whether there was one. A path may take a quantum away from a slot to
// give it to another of the same seller, where a channel is full.
func (f *flow) augment() bool {
	sellers, channels := len(f.sellerCap), len(f.channelCap)
	atSeller, atChannel := make([]int64, sellers), make([]int64, channels)
	viaSlot, backSlot := make([]int, channels), make([]int, sellers)
	for s := range sellers {
		atSeller[s], backSlot[s] = unreached, -1
		if f.sellerUsed[s] < f.sellerCap[s] {
			atSeller[s] = 0
		}
	}
	for c := range channels {
		atChannel[c], viaSlot[c] = unreached, -1
	}
	for changed, round := true, 0; changed && round <= 2*(sellers+channels); round++ {
		changed = false
		for i, s := range f.slots {
			if g, ok := f.next(i); ok && atSeller[s.seller] > unreached && atSeller[s.seller]+g > atChannel[s.channel] {
				atChannel[s.channel], viaSlot[s.channel], changed = atSeller[s.seller]+g, i, true
			}
		}
		for i, s := range f.slots {
			if g, ok := f.last(i); ok && atChannel[s.channel] > unreached && atChannel[s.channel]-g > atSeller[s.seller] {
				atSeller[s.seller], backSlot[s.seller], changed = atChannel[s.channel]-g, i, true
			}
		}
	}
	end := -1
	for c := range channels {
		if f.channelUsed[c] < f.channelCap[c] && atChannel[c] > 0 && (end < 0 || atChannel[c] > atChannel[end]) {
			end = c
		}
	}
	if end < 0 {
		return false
	}
	f.channelUsed[end]++
	for c := end; ; {
		i := viaSlot[c]
		f.x[i]++
		s := f.slots[i].seller
		j := backSlot[s]
		if j < 0 {
			f.sellerUsed[s]++
			return true
		}
		f.x[j]--
		c = f.slots[j].channel
	}
}
