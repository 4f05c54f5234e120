package brief

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"
)

func TestTry(t *testing.T) {
	f := os.Getenv("BRIEF")
	if f == "" {
		t.Skip()
	}
	c, _ := os.ReadFile(f)
	b, err := Parse(c, Options{Now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)})
	if err != nil {
		fmt.Println("ERR", err)
		return
	}
	j, e := json.Marshal(b)
	if e != nil {
		t.Fatal(e)
	}
	var o bytes.Buffer
	json.Indent(&o, j, "", " ")
	fmt.Println(o.String())
}
