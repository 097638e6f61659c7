package e2e

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

const tokenSecret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// startIssuer runs an issuer of tokens, and returns its URL.
func startIssuer(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", "issuer.js")
	cmd.Dir = installNPM(t)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // it is killed at the end
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the issuer has said nothing")
	}
	return "http://127.0.0.1:" + lines.Text()
}

// Tokens that npm's jose signs, by every algorithm, and by keys that change while streams
// are open.
func TestTokensByAnIssuer(t *testing.T) {
	t.Parallel()
	issuer := startIssuer(t)
	server := redistest.Start(t)
	g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+server.Addr+"\n\t\tretry 100ms\n\t}", `http://{$ADDR} {
	sse_subscribe /jwks user:{http.auth.user.id} {
		greeting {http.auth.user.channels}
		gate {
			sse_token {
				jwks `+issuer+`/jwks
				issuer "the issuer"
				audience feed
				require exp sub
			}
		}
	}
	sse_subscribe /secret user:{http.auth.user.id} {
		greeting {http.auth.user.channels}
		gate {
			sse_token {
				secret `+tokenSecret+`
				audience feed
			}
		}
	}
}`)
	sign := func(query string) string {
		t.Helper()
		r, token := gatewaytest.Do(t, "GET", issuer+"/sign?"+query, "")
		if r.StatusCode != http.StatusOK {
			t.Fatal(r.Status, token)
		}
		return "Authorization: Bearer " + token
	}
	const accept = "Accept: text/event-stream"
	for _, alg := range []string{"HS256", "HS384", "HS512"} {
		gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/secret", accept, sign("secret="+tokenSecret+"&alg="+alg)).Await("data: news chat\n\n")
	}
	var open []*gatewaytest.Stream
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"} {
		s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/jwks", accept, sign("alg="+alg))
		s.Await("data: news chat\n\n")
		open = append(open, s)
	}
	old := sign("alg=ES256")
	gatewaytest.Do(t, "GET", issuer+"/rotate", "")
	renewed := sign("alg=ES256")
	// The set may have been read a moment ago: then it is busy, until it is read again.
	redistest.Await(t, "the new key", func() bool {
		s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/jwks", accept, renewed)
		defer s.Leave()
		s.Await("data: ")
		return strings.Contains(s.Text(), "data: news chat\n\n")
	})
	if r, _ := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/jwks", "", accept, old); r.StatusCode != http.StatusOK && r.StatusCode != http.StatusUnauthorized {
		t.Errorf("a token of the old key: %s", r.Status)
	}
	server.Do("PUBLISH", "user:ann", "still here")
	for _, s := range open {
		s.Await("data: still here\n\n")
	}
}

var (
	tokenLife   = flag.Duration("token.life", 3*time.Second, "how long a token lives in TestRenewedToken")
	tokenLonger = flag.Duration("token.for", 8*time.Second, "how long the page of TestRenewedToken is open")
)

const renewingPage = `<!doctype html><title>renewed</title><script>
const life = %d, got = [], busy = [];
let opened = 0;
const renew = () => fetch("/renew");
renew().then(() => {
	setInterval(renew, life * 0.8);
	const events = new EventSource("/events");
	events.onopen = () => opened++;
	events.onmessage = (e) => got.push(e.data);
	events.addEventListener("sse.busy", (e) => busy.push(e.data));
});
</script>`

// A page renews its cookie in time, its stream ends with each token, and nothing is missed.
func TestRenewedToken(t *testing.T) {
	t.Parallel()
	var issued atomic.Int64
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/renew" {
			fmt.Fprintf(w, renewingPage, tokenLife.Milliseconds())
			return
		}
		issued.Add(1)
		http.SetCookie(w, &http.Cookie{Name: "session", Value: signHS256(fmt.Sprintf(`{"sub":"ann","exp":%d}`, time.Now().Add(*tokenLife).Unix()+1)), HttpOnly: true, SameSite: http.SameSiteStrictMode})
	}))
	t.Cleanup(app.Close)
	server := redistest.Start(t)
	g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+server.Addr+"\n\t\tretry 100ms\n\t}", `http://{$ADDR} {
	sse_subscribe /events user:{http.auth.user.id} {
		history
		gate {
			sse_token {
				from cookie session
				secret `+tokenSecret+`
				leeway 0
			}
		}
	}
	reverse_proxy `+app.Listener.Addr().String()+`
}`)
	page := openTab(t, "http://"+g.Addr+"/")
	page.await("opened > 0")
	n := 0
	for began := time.Now(); time.Since(began) < *tokenLonger; n++ {
		server.Do("XADD", "user:ann", "*", "data", n)
		time.Sleep(20 * time.Millisecond) // 50 a second
	}
	page.await(fmt.Sprintf("got.length >= %d", n))
	for i, text := range eval[[]string](page, "got") {
		if text != fmt.Sprint(i) {
			t.Fatalf("event %d is %s", i, text)
		}
	}
	if busy := eval[[]string](page, "busy"); len(busy) > 0 {
		t.Errorf("the page came with an expired token: %s", busy)
	}
	expired := g.Metric(`subscribers_closed_total{reason="expired"}`)
	if least := float64(*tokenLonger / *tokenLife); expired < least {
		t.Errorf("%v streams ended with their token, of %d tokens", expired, issued.Load())
	}
}

// signHS256 is what an app does that has no library for it.
func signHS256(claims string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	mac := hmac.New(sha256.New, []byte(tokenSecret))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
