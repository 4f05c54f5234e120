package builtin

import (
	"math"
	"math/bits"
)

// mulDiv is a*b/c rounded down, exact in between and saturating at the range of
// int64. None may be negative; c must be positive.
func mulDiv(a, b, c int64) int64 { return mulDivAdd(a, b, 0, c) }

// mulDivUp is a*b/c rounded up.
func mulDivUp(a, b, c int64) int64 { return mulDivAdd(a, b, uint64(c-1), c) }

func mulDivAdd(a, b int64, add uint64, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	lo, carry := bits.Add64(lo, add, 0)
	hi += carry
	if hi >= uint64(c) {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(min(q, math.MaxInt64))
}

// saturatingAdd is a+b, at most the greatest int64. Neither may be negative.
func saturatingAdd(a, b int64) int64 {
	if sum := a + b; sum >= a {
		return sum
	}
	return 1<<63 - 1
}

// hashString is FNV-1a.
func hashString(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// mix spreads every bit of x over the whole word (the finaliser of SplitMix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// vary moves n up or down by at most variance, as draw says.
func vary(n int64, variance PPM, draw uint64) int64 {
	if variance == 0 {
		return n
	}
	factor := int64(Whole-variance) + int64(draw%uint64(2*variance+1))
	return mulDiv(n, factor, int64(Whole))
}

// sample is how many of n a rate takes: the whole part, and one more as often as
// the fraction says. So small numbers add up to the rate in the long run.
func sample(n int64, rate PPM, draw uint64) int64 {
	rate = min(rate, Whole)
	hi, lo := bits.Mul64(uint64(n), uint64(rate))
	q, r := bits.Div64(hi, lo, uint64(Whole))
	if draw%uint64(Whole) < r {
		q++
	}
	return int64(q)
}
