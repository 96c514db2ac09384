package scenarios

import (
	"fmt"
	"strings"
)

// nearest returns the known word that text was probably meant to be, or "".
// A text that is the first part of one, as gunicorn is, comes before any slip.
func nearest(text string, known []string) string {
	best, least := "", len(text)/3+1
	for _, k := range known {
		if strings.HasPrefix(k, strings.ToLower(text)+"-") {
			return k
		}
		if len(text) > 2*len(k)+1 {
			continue
		}
		if d := editDistance(strings.ToLower(text), strings.ToLower(k)); d <= least && k != text {
			if d < least || best == "" {
				best, least = k, d
			}
		}
	}
	return best
}

// suggest returns the remedy for a text that is none of the known words.
func suggest(text string, known []string) string {
	if k := nearest(text, known); k != "" {
		return fmt.Sprintf("did you mean %s?", k)
	}
	if len(known) == 0 {
		return ""
	}
	return "known: " + strings.Join(known, ", ")
}

// editDistance counts the letters to insert, drop, replace or swap with their
// neighbour to make b of a (optimal string alignment).
func editDistance(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}

// oneOf joins words as "a", "a or b", "a, b or c".
func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
