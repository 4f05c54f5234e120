package main

import (
	"fmt"
	"io"

	"charm.land/bubbles/v2/progress"
)

// plainProgress prints a line for each thing that happens and for each quarter
// of a longer stretch: for logs and pipes.
type plainProgress struct {
	w    io.Writer
	last map[string]int
}

// Say implements demo.Progress.
func (p *plainProgress) Say(format string, args ...any) { fmt.Fprintf(p.w, format+"\n", args...) }

// Bar implements demo.Progress.
func (p *plainProgress) Bar(label string, done, total int) {
	if p.last == nil {
		p.last = map[string]int{}
	}
	quarter := 4
	if total > 0 {
		quarter = 4 * done / total
	}
	if was, seen := p.last[label]; seen && was == quarter {
		return
	}
	p.last[label] = quarter
	fmt.Fprintf(p.w, "%s: %d of %d\n", label, done, total)
}

// terminalProgress draws a bar that moves in its line.
type terminalProgress struct {
	w    io.Writer
	bar  progress.Model
	open bool
}

func newTerminalProgress(w io.Writer) *terminalProgress {
	return &terminalProgress{w: w, bar: progress.New(progress.WithWidth(40), progress.WithDefaultBlend())}
}

// Say implements demo.Progress.
func (p *terminalProgress) Say(format string, args ...any) {
	p.close()
	fmt.Fprintf(p.w, format+"\n", args...)
}

// Bar implements demo.Progress.
func (p *terminalProgress) Bar(label string, done, total int) {
	if total <= 0 {
		return
	}
	fmt.Fprintf(p.w, "\r%-18s %s", label, p.bar.ViewAs(float64(done)/float64(total)))
	p.open = true
	if done >= total {
		p.close()
	}
}

func (p *terminalProgress) close() {
	if p.open {
		fmt.Fprintln(p.w)
		p.open = false
	}
}
