package brief

import "strings"

// nearest is the candidate with the smallest edit distance to word, first in
// order on a tie, or "" when none is close enough to be what was meant.
func nearest(word string, candidates []string) string {
	word = strings.ToLower(word)
	if len(word) > 64 {
		return ""
	}
	best, at := "", 1+max(2, len([]rune(word))/3)
	for _, c := range candidates {
		if d := distance(word, strings.ToLower(c)); d < at {
			best, at = c, d
		}
	}
	return best
}

// distance is the number of letters to insert, delete, replace or swap with
// the next one to turn a into b.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
