package buyer

// maxNodes bounds the search for the best set of slots to take. Plans of this
// world have a handful of minimums that bind and are solved to the end well
// before; the bound keeps a hostile catalogue from costing time.
const maxNodes = 300

// solve gives out the quanta so that the sum of gains is as large as it can be
// and each slot has none or at least its least. It is exact where the search
// ends within its bound, which it reports, and otherwise the best it has found.
func (p problem) solve() (quanta []int64, exact bool) {
	s := search{problem: p, best: make([]int64, len(p.slots))}
	choices := make([]choice, len(p.slots))
	for i, slot := range p.slots {
		if slot.most < slot.least || slot.least > p.quanta {
			choices[i] = passed
		}
	}
	s.round(choices)
	s.descend(choices)
	return s.best, s.nodes < maxNodes
}

type search struct {
	problem
	best  []int64
	value int64
	nodes int
}

// keep remembers a solution that is better than what is known.
func (s *search) keep(quanta []int64, value int64) {
	if value > s.value {
		s.best, s.value = quanta, value
	}
}

// short finds the slot that has something but less than its least, the one that
// has least of it where worst is set and most of it otherwise.
func (s *search) short(quanta []int64, worst bool) int {
	found := -1
	for i, x := range quanta {
		least := s.slots[i].least
		if x == 0 || x >= least {
			continue
		}
		if found < 0 {
			found = i
			continue
		}
		// x/least against the found one's, without dividing.
		here, there := x*s.slots[found].least, quanta[found]*least
		if (worst && here < there) || (!worst && here > there) {
			found = i
		}
	}
	return found
}

// round finds a first solution by passing over the slot that is furthest from
// its minimum until none is short. Slots that would then still fit are tried
// again, one by one, in their order.
func (s *search) round(choices []choice) {
	c := append([]choice(nil), choices...)
	var dropped []int
	for {
		quanta, value, ok := s.relaxed(c)
		if !ok {
			return
		}
		i := s.short(quanta, true)
		if i < 0 {
			s.keep(quanta, value)
			break
		}
		c[i] = passed
		dropped = append(dropped, i)
	}
	const retries = 24
	for n, i := range dropped {
		if n == retries {
			return
		}
		c[i] = taken
		quanta, value, ok := s.relaxed(c)
		if !ok || s.short(quanta, true) >= 0 || value <= s.value {
			c[i] = passed
			continue
		}
		s.keep(quanta, value)
	}
}

// descend looks through the choices that are still open, the promising ones
// first, and leaves out those that cannot beat what is known.
func (s *search) descend(choices []choice) {
	if s.nodes >= maxNodes {
		return
	}
	s.nodes++
	quanta, value, ok := s.relaxed(choices)
	if !ok || value <= s.value {
		return
	}
	i := s.short(quanta, false)
	if i < 0 {
		s.keep(quanta, value)
		return
	}
	for _, c := range []choice{taken, passed} {
		next := append([]choice(nil), choices...)
		next[i] = c
		s.descend(next)
	}
}
