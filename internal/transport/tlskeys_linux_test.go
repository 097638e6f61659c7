package transport

import (
	"bytes"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// A client that asks for new keys gets an answer, and its events under the new keys; one
// that asks for no end of them is ended by its 17th time, as crypto/tls has it.
func TestTLSKeyUpdate(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl(1) is not installed")
	}
	s := newTLSServer(t, someOptions())
	client := startOpenSSL(t, s.listener.Addr())
	client.say("hi") // with no line end: it would be data after the request
	out, ended := s.accept()
	for i, command := range []string{"K", "k", "K", "K", "k"} {
		client.say(command + "\n") // K asks for an answer, k does not
		client.await("KEYUPDATE", i+1)
		client.await(">>> TLS 1.3, Handshake [length 0005], KeyUpdate", i+1)
		s.await(t, "the client's new keys", func() bool { return out.tls.toRead < maxTLSRead-20*(i+1) })
		s.run(func() {
			out.Send(frameOf("event\n"))
			out.Flush()
		})
		client.await("\nevent\n", i+1)
	}
	client.await("<<< TLS 1.3, Handshake [length 0005], KeyUpdate", 3)
	for i := 5; i < 17; i++ {
		client.say("K\n")
		client.await("KEYUPDATE", i+1)
	}
	if e := awaitEnd(t, ended); !strings.Contains(e.Reason.Error(), "too many") {
		t.Error(e.Reason)
	}
	client.await("fatal unexpected_message", 1)
}

// An openSSL is a client that takes commands.
type openSSL struct {
	t     testing.TB
	stdin io.Writer
	mu    sync.Mutex
	out   bytes.Buffer
}

func startOpenSSL(t testing.TB, to net.Addr) *openSSL {
	t.Helper()
	c := &openSSL{t: t}
	command := exec.CommandContext(t.Context(), "openssl", "s_client", "-connect", to.String(), "-tls1_3", "-msg")
	command.Stdout, command.Stderr = c, c
	var err error
	if c.stdin, err = command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	return c
}

func (c *openSSL) say(text string) {
	if _, err := io.WriteString(c.stdin, text); err != nil {
		c.t.Fatal(err)
	}
}

// Write takes what the program says.
func (c *openSSL) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.Write(p)
}

// await waits until the program has said that so many times.
func (c *openSSL) await(text string, times int) {
	c.t.Helper()
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		c.mu.Lock()
		said := c.out.String()
		c.mu.Unlock()
		if strings.Count(said, text) >= times {
			return
		}
		if time.Since(began) > 10*time.Second {
			c.t.Fatalf("%q is not there %d times:\n%s", text, times, said)
		}
	}
}
