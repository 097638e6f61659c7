package e2e

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// TestStartScript starts the chat as a reader does, and ends it in each way.
func TestStartScript(t *testing.T) {
	t.Parallel()
	buildExample(t, "chat") // so that the script's own building takes no time
	start := func(env ...string) (gateway, app string, ended chan error) {
		t.Helper()
		gateway, app = redistest.FreeAddr(t), redistest.FreeAddr(t)
		environ := append(os.Environ(), "CADDY="+gatewaytest.Binary(t), "DATABASE="+filepath.Join(t.TempDir(), "chat.db"), "CADDY_ADMIN="+redistest.FreeAddr(t))
		for name, addr := range map[string]string{"PORT": gateway, "APP_PORT": app, "REDIS_PORT": redistest.FreeAddr(t)} {
			_, port, _ := net.SplitHostPort(addr)
			environ = append(environ, name+"="+port)
		}
		script := exec.Command("../caddyfile-examples/start.sh", "chat")
		script.Env = append(environ, env...)
		path := filepath.Join(t.TempDir(), "out")
		out, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		script.Stdout, script.Stderr = out, out
		if err := script.Start(); err != nil {
			t.Fatal(err)
		}
		ended = make(chan error, 1)
		go func() { ended <- script.Wait() }()
		t.Cleanup(func() { _ = exec.Command("../caddyfile-examples/stop.sh", "chat").Run() }) // it may have ended
		redistest.Await(t, "the script to say that it runs", func() bool {
			output, _ := os.ReadFile(path) // the script's own end tells
			select {
			case err := <-ended:
				t.Fatalf("the script ended: %v\n%s", err, output)
			default:
			}
			return strings.Contains(string(output), "http://localhost:")
		})
		if output, _ := os.ReadFile(path); !strings.HasPrefix(string(output), "Building chat and the gateway.") {
			t.Errorf("the script says %s", output)
		}
		if response, err := http.Get("http://" + gateway + "/"); err != nil || response.StatusCode != 200 {
			t.Error("the page is not there: ", response, err)
		}
		return gateway, app, ended
	}
	isOver := func(how string, addrs ...string) {
		t.Helper()
		for _, addr := range addrs {
			redistest.Await(t, how+" to end what listens at "+addr, func() bool {
				c, err := net.Dial("tcp", addr)
				if err == nil {
					c.Close()
				}
				return err != nil
			})
		}
	}

	// It says what is wrong before it builds anything.
	nothing, silent := redistest.FreeAddr(t), listen(t)
	for _, c := range []struct{ env, want string }{
		{"REDIS_PORT=" + portOf(redistest.Start(t).Addr), "is taken, where the gateway would stand in for Redis"},
		{"REDIS_URL=redis://user:secret@" + nothing + "/0", "nothing listens at " + nothing + ", which REDIS_URL names"},
		{"REDIS_URL=redis://" + httpServer(t), "is no Redis"},
		{"PORT=" + portOf(silent), "port " + portOf(silent) + " is taken"},
	} {
		script := exec.Command("../caddyfile-examples/start.sh", "chat")
		script.Env = append(os.Environ(), "PORT="+portOf(redistest.FreeAddr(t)), "APP_PORT="+portOf(redistest.FreeAddr(t)), c.env)
		out, err := script.CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.want) || strings.Contains(string(out), "Building") || strings.Contains(string(out), "secret") {
			t.Errorf("with %s the script says %s", c.env, out)
		}
	}

	gateway, app, ended := start()
	if out, err := exec.Command("../caddyfile-examples/stop.sh", "chat").CombinedOutput(); err != nil || !strings.Contains(string(out), "chat is stopped") {
		t.Error("stop.sh: ", err, string(out))
	}
	isOver("stop.sh", gateway, app)
	<-ended

	gateway, app, ended = start("REDIS_URL=" + redistest.Start(t, "--requirepass", "secret").URL(":secret"))
	pid, err := os.ReadFile("../caddyfile-examples/chat/.run/app.pid")
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("kill", "-9", strings.TrimSpace(string(pid))).Run(); err != nil {
		t.Fatal(err)
	}
	isOver("the end of the app", gateway, app)
	if err := <-ended; err == nil {
		t.Error("the script does not say that something is wrong")
	}
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr) // it is one
	return port
}

// listen is the address of something that listens, and says nothing.
func listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// httpServer is the address of something that is no Redis.
func httpServer(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}
