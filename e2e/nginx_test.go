package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// behindNginx runs nginx as it comes, in front of a gateway: it speaks HTTP/1.0
// to it, and buffers what it answers.
func behindNginx(t *testing.T, g *gatewaytest.Gateway) (addr string) {
	t.Helper()
	_, addr = serve(t, func(addr string) *exec.Cmd {
		dir := t.TempDir()
		config := fmt.Sprintf(`daemon off;
error_log stderr;
pid nginx.pid;
events {}
http {
	access_log off;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	server {
		listen %s;
		location / {
			proxy_pass http://%s;
		}
	}
}
`, addr, g.Addr)
		path := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		return exec.Command(tool(t, "nginx"), "-p", dir, "-c", path)
	})
	return addr
}

// Nothing needs to be configured in nginx for events to arrive at once.
func TestBehindNginx(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+server.Addr+"\n\t\tdrain 0\n\t\tlinger 0\n\t}", `http://{$ADDR} {
	sse_subscribe /events c {
		heartbeat 200ms
	}
}`)
	addr := behindNginx(t, g)
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+addr+"/events")
	if server := s.Header.Get("Server"); !strings.HasPrefix(server, "nginx/") {
		t.Fatalf("%s answered", server)
	}
	s.Await("retry: ")
	buffered := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+addr+"/buffered")
	redistest.Await(t, "a subscription", func() bool { return server.Listeners("c") == 1 })
	for i := range 20 { // one after another: a buffer would hold back the first
		server.Do("PUBLISH", "c", fmt.Sprint("event ", i))
		s.AwaitData(fmt.Sprintf("data: event %d\n\n", i))
	}
	s.Await("\n:\n")
	if got := buffered.Text(); strings.Contains(got, "data: ") {
		t.Errorf("nginx does not buffer, which this test is about: %q", got)
	}
	buffered.Leave()
	s.Leave()
	redistest.Await(t, "nginx to let go", func() bool { return server.Listeners("c") == 0 })
}
