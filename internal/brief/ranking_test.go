package brief_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/upfront-media/upfront/internal/brief"
)

func doc(id, title, text string) brief.Document {
	return brief.Document{ID: id, Fields: []brief.Field{{Text: title, Weight: 3}, {Text: text}}}
}

var shelf = brief.NewIndex([]brief.Document{
	doc("ctv", "Prime streaming", "Reserved spots on connected TV in evening drama."),
	doc("athletics", "Athletics live", "Track, field and marathon coverage on the web, display."),
	doc("kitchen", "Kitchen display", "Recipes and groceries, banners beside the recipe."),
	doc("podcast", "Podcast network", "Host-read spots on business and finance podcasts."),
	doc("posters", "Transit posters", "Six-sheet posters in stations: classic out-of-home."),
	doc("screens", "Street screens", "Digital out-of-home screens in city streets."),
})

func found(query string, limit int) []string {
	var ids []string
	for _, m := range shelf.Search(query, limit) {
		ids = append(ids, m.ID)
	}
	return ids
}

func TestSearchFindsByStemsPhrasesAndKin(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, query, first string }{
		{"another form of the word", "cooking a recipe", "kitchen"},
		{"a channel by its protocol name", "ctv", "ctv"},
		{"a channel by another name", "streaming TV", "ctv"},
		{"smart TVs are connected TV", "smart TVs", "ctv"},
		{"outdoor is out-of-home", "billboards", "posters"},
		{"runners are near athletics", "gear for runners", "athletics"},
		{"decision makers are near business", "B2B decision makers", "podcast"},
		{"screens in the street", "DOOH in the streets", "screens"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := found(tt.query, 1); !slices.Equal(got, []string{tt.first}) {
				t.Errorf("first for %q = %v of %v, want %s", tt.query, got, found(tt.query, 0), tt.first)
			}
		})
	}
}

func TestSearchFindsNothingForWordsOfEveryBrief(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"", "the of and", "we would like a campaign with a budget of 150000 USD in March", "zyzzyva"} {
		if got := found(query, 0); got != nil {
			t.Errorf("Search(%q) = %v, want nothing", query, got)
		}
	}
	if got := brief.NewIndex(nil).Search("ctv", 3); len(got) != 0 {
		t.Errorf("an empty index found %v", got)
	}
}

func TestAWordItselfCountsMoreThanItsKin(t *testing.T) {
	t.Parallel()
	x := brief.NewIndex([]brief.Document{doc("near", "Athletics", "stadium"), doc("exact", "Running", "stadium"), doc("other", "Opera", "stadium")})
	got := x.Search("running", 0)
	if len(got) != 2 || got[0].ID != "exact" || got[1].ID != "near" || got[0].Score <= got[1].Score {
		t.Errorf("Search = %+v, want exact before near", got)
	}
}

func TestAHeavierFieldCountsMore(t *testing.T) {
	t.Parallel()
	x := brief.NewIndex([]brief.Document{doc("text", "Display", "Opera"), doc("title", "Opera", "Display")})
	if got := x.Search("opera", 0); len(got) != 2 || got[0].ID != "title" {
		t.Errorf("Search = %+v, want the title first", got)
	}
}

func TestTermsAreTheQuerysWordsStrongestFirst(t *testing.T) {
	t.Parallel()
	got := shelf.Search("Finance leaders, podcasts on the way to business", 1)
	if len(got) != 1 || got[0].ID != "podcast" {
		t.Fatalf("Search = %+v, want podcast", got)
	}
	want := []string{"podcasts", "business", "finance"}
	if diff := cmp.Diff(want, got[0].Terms); diff != "" {
		t.Errorf("terms (-want +got):\n%s", diff)
	}
}

func TestTiesAreOrderedByID(t *testing.T) {
	t.Parallel()
	var docs []brief.Document
	for _, i := range []int{3, 1, 4, 0, 2} {
		docs = append(docs, doc(fmt.Sprintf("p%d", i), "Sport", "live sport"))
	}
	x := brief.NewIndex(docs)
	for range 20 {
		var ids []string
		for _, m := range x.Search("sport", 3) {
			ids = append(ids, m.ID)
		}
		if diff := cmp.Diff([]string{"p0", "p1", "p2"}, ids); diff != "" {
			t.Fatalf("order (-want +got):\n%s", diff)
		}
	}
}

func TestSearchIsTheSameEachTimeAndFromManyGoroutines(t *testing.T) {
	t.Parallel()
	const query = "sport and business podcasts on connected TV, out of home and display"
	want := shelf.Search(query, 0)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if diff := cmp.Diff(want, shelf.Search(query, 0)); diff != "" {
				t.Errorf("another answer (-first +this):\n%s", diff)
			}
		})
	}
	wg.Wait()
}

func TestSearchKeepsItsPromisesForAnyText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.String(), 0, 8).Draw(t, "texts")
		var docs []brief.Document
		for i, text := range texts {
			docs = append(docs, doc(fmt.Sprint(i), text, strings.ToUpper(text)))
		}
		limit := rapid.IntRange(-1, 5).Draw(t, "limit")
		got := brief.NewIndex(docs).Search(rapid.String().Draw(t, "query"), limit)
		if limit > 0 && len(got) > limit {
			t.Fatalf("%d matches, limit %d", len(got), limit)
		}
		for i, m := range got {
			if m.Score <= 0 || len(m.Terms) == 0 {
				t.Fatalf("match %+v has no reason", m)
			}
			if i > 0 && (got[i-1].Score < m.Score || got[i-1].Score == m.Score && got[i-1].ID >= m.ID) {
				t.Fatalf("out of order: %+v", got)
			}
		}
	})
}

func BenchmarkSearch(b *testing.B) {
	docs := make([]brief.Document, 100_000)
	for i := range docs {
		docs[i] = doc(fmt.Sprint(i), []string{"Sport", "News", "Opera", "Kitchen"}[i%4], fmt.Sprintf("Spots on connected TV number%d", i%977))
	}
	x := brief.NewIndex(docs)
	for b.Loop() {
		x.Search("opera on number12 smart tv", 20)
	}
}

func ExampleIndex_Search() {
	x := brief.NewIndex([]brief.Document{
		{ID: "gym-screens", Fields: []brief.Field{{Text: "Gym screens", Weight: 3}, {Text: "Digital screens in fitness clubs"}}},
		{ID: "opera", Fields: []brief.Field{{Text: "Opera streams", Weight: 3}}},
	})
	for _, m := range x.Search("shoes for runners, on screens", 5) {
		fmt.Println(m.ID, m.Terms)
	}
	// Output: gym-screens [screens runners]
}
