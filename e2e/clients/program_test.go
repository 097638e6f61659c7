package clients

import (
	"bufio"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// A program is a client that does what lines of its standard input say, and answers each
// with a line.
type program struct {
	t     *testing.T
	name  string
	input io.Writer
	lines chan string // closed at its end
	ended chan error
	says  text
}

// run starts a client, which ends with the test.
func run(t *testing.T, argv ...string) *program {
	t.Helper()
	p := &program{t: t, name: strings.Join(argv, " "), lines: make(chan string), ended: make(chan error, 1)}
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Stderr = &p.says
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.input = input
	go func() {
		for lines := bufio.NewScanner(output); lines.Scan(); {
			select {
			case p.lines <- lines.Text():
			case <-t.Context().Done():
			}
		}
		p.ended <- cmd.Wait()
		close(p.lines)
	}()
	return p
}

// patience is how long a client may take for an answer.
const patience = time.Minute

// do has it do something, and returns its answer.
func (p *program) do(command string) string {
	p.t.Helper()
	_, _ = io.WriteString(p.input, command+"\n") // if it has ended, it does not answer
	return p.answer(command)
}

func (p *program) answer(to string) string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			p.t.Fatalf("%s ends (%v) where it is to answer %q:\n%s", p.name, <-p.ended, to, p.says.String())
		}
		return line
	case <-time.After(patience):
		p.t.Fatalf("%s does not answer %q:\n%s", p.name, to, p.says.String())
		return ""
	}
}

// want has it do something, with that answer.
func (p *program) want(command, answer string) {
	p.t.Helper()
	if got := p.do(command); got != answer {
		p.t.Fatalf("%s answers %q to %q, not %q", p.name, got, command, answer)
	}
}

// A text is written and read at once.
type text struct {
	mu sync.Mutex
	b  strings.Builder
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}
