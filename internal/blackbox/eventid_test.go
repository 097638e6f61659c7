package blackbox_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
)

// An ID that a browser cannot send back would end its page for good, so it is
// none; any other leads back, in whatever language.
func TestEventIDsThatComeBack(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, `{$ADDR} {
	tls internal
	sse_subscribe /live chat:1 {
		format json
	}
	sse_publish /say chat:1 {
		format json
	}
}`)
	url := "https://" + g.Addr
	for name, client := range map[string]*http.Client{"HTTP/1.1": gatewaytest.HTTP1(t), "HTTP/2": gatewaytest.HTTP2(t), "HTTP/3": http3Client(t)} {
		s := gatewaytest.Subscribe(t, client, url+"/live")
		for _, id := range []string{`\u0001`, ` 1`, `1 `, `a\tb`, `a\u007f`} {
			payload := `{"data":"x","id":"` + id + `"}`
			server.Do("PUBLISH", "chat:1", payload)
			s.AwaitData("data: " + payload + "\n\n")
			r, err := client.Post(url+"/say", "application/json", strings.NewReader(payload))
			if err != nil {
				t.Fatal(err)
			}
			r.Body.Close()
			if r.StatusCode != 400 {
				t.Errorf("%s: %q: %s", name, id, r.Status)
			}
		}
		server.Do("PUBLISH", "chat:1", `{"data":"`+name+`","id":"größe 7 🦆 `+name+`"}`)
		s.Await("id: größe 7 🦆 " + name + "\ndata: " + name + "\n\n")
		server.Do("PUBLISH", "chat:1", `{"data":"missed over `+name+`"}`)
		s.AwaitData("data: missed over " + name + "\n\n")
		for _, line := range strings.Split(s.Text(), "\n") {
			id, ok := strings.CutPrefix(line, "id: ")
			if !ok {
				continue
			}
			back := gatewaytest.Subscribe(t, client, url+"/live", "Last-Event-ID: "+id)
			if back.StatusCode != 200 {
				t.Errorf("%s: who comes back with %q gets %s", name, id, back.Status)
			}
			back.AwaitData("data: missed over " + name + "\n\n")
			back.Leave()
			if strings.Contains(back.Text(), "sse.gap") {
				t.Errorf("%s: who comes back with %q is told of a gap", name, id)
			}
			if id == "größe 7 🦆 "+name && strings.Contains(back.Text(), "data: "+name) {
				t.Errorf("%s: who comes back with %q gets what it had", name, id)
			}
			if strings.HasPrefix(id, "größe") {
				break // what came after it has been seen
			}
		}
	}
}
