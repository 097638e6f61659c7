package token_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

const secret = "0123456789abcdef0123456789abcdef"

func sign(t testing.TB, key any, id string, claims map[string]any) string {
	t.Helper()
	algorithm := jose.ES256
	if _, ok := key.(string); ok {
		algorithm, key = jose.HS256, []byte(key.(string))
	}
	options := new(jose.SignerOptions)
	if id != "" {
		options = options.WithHeader("kid", id)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

const tokenSite = `{
	sse_subscribe /gate chat:{http.auth.user.room} {
		greeting {http.auth.user.id}
		gate {
			sse_token {
				from cookie session
				from header
				from header X-Token
				from query token
				secret {env.SECRET}
				leeway 0
			}
		}
	}
	@site path /site /refuse
	sse_token /site {
		secret {env.SECRET}
		leeway 0
	}
	sse_token /refuse {
		secret {env.SECRET}
		leeway 0
		expired refuse
	}
	sse_subscribe @site news
	sse_token /me {
		secret {env.SECRET}
		audience rest
		require sub
	}
	respond /me "{http.auth.user.id} {http.auth.user.roles}"
	sse_subscribe /until news {
		until {query.until}
	}
}
`

const eventStream = "Accept: text/event-stream"

func bearer(token string) string { return "Authorization: Bearer " + token }

// Who has a good token comes in, and its claims are placeholders.
func TestGoodTokens(t *testing.T) {
	t.Parallel()
	g := start(t, "http://{$ADDR} "+tokenSite)
	url := "http://" + g.Addr
	good := sign(t, secret, "", map[string]any{"sub": "ann", "room": 42, "aud": "rest", "roles": []string{"a", "b"}, "exp": time.Now().Unix() + 60})
	for _, header := range []string{bearer(good), "Authorization: bearer  " + good, "X-Token: " + good, "Cookie: other=1; session=" + good} {
		s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), url+"/gate", eventStream, header)
		s.Await("data: ann\n\n")
		s.Leave()
	}
	gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), url+"/gate?token="+good, eventStream).Await("data: ann\n\n")
	gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), url+"/site", eventStream, bearer(good)).Await("retry:")
	if r, body := gatewaytest.Do(t, "GET", url+"/me", "", bearer(good)); r.StatusCode != 200 || body != "ann a b" {
		t.Errorf("%s: %s", r.Status, body)
	}
	if strings.Contains(g.Log(), good) {
		t.Error("the log has a token")
	}
}

func start(t *testing.T, site string, env ...string) *gatewaytest.Gateway {
	t.Helper()
	return gatewaytest.Start(t, "\tsse {\n\t\tredis "+redistest.Start(t).Addr+"\n\t\tretry 100ms\n\t}\n\tservers {\n\t\tprotocols h1 h2 h2c\n\t}", site, append(env, "SECRET="+secret)...)
}

// Who has none, or one that is not good, is refused, and told nothing of the inside.
func TestBadTokens(t *testing.T) {
	t.Parallel()
	g := start(t, "http://{$ADDR} "+tokenSite)
	end := time.Now().Unix() + 60
	bad := sign(t, strings.Repeat("x", 32), "", map[string]any{"sub": "ann", "room": 1, "exp": end})
	expired := sign(t, secret, "", map[string]any{"sub": "ann", "room": 1, "aud": "rest", "exp": end - 120})
	for _, test := range []struct {
		path, token, accept string
		status              int
		body, challenge     string
	}{
		{"/gate", "", eventStream, 401, "a token is needed\n", "Bearer"},
		{"/gate", bad, eventStream, 401, "the token is not good\n", `Bearer error="invalid_token"`},
		{"/gate", strings.Repeat("x", 20<<10), eventStream, 401, "the token is not good\n", `Bearer error="invalid_token"`},
		{"/gate", expired, eventStream, 200, "event: sse.busy\ndata: {\"reason\":\"expired\"}\n", ""},
		{"/site", expired, eventStream, 200, "event: sse.busy\ndata: {\"reason\":\"expired\"}\n", ""},
		{"/refuse", expired, eventStream, 401, "the token has expired\n", `Bearer error="invalid_token"`},
		{"/me", expired, "Accept: */*", 401, "the token has expired\n", `Bearer error="invalid_token"`},
		{"/me", sign(t, secret, "", map[string]any{"aud": "rest"}), "Accept: */*", 401, "the token is not good\n", `Bearer error="invalid_token"`},
		{"/me", sign(t, secret, "", map[string]any{"sub": "ann"}), "Accept: */*", 401, "the token is not good\n", `Bearer error="invalid_token"`},
	} {
		header := []string{test.accept}
		if test.token != "" {
			header = append(header, bearer(test.token))
		}
		r, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+test.path, "", header...)
		if r.StatusCode != test.status || !strings.Contains(body, test.body) || r.Header.Get("WWW-Authenticate") != test.challenge {
			t.Errorf("%s %.20s: %s %q %q", test.path, test.token, r.Status, r.Header.Get("WWW-Authenticate"), body)
		}
	}
	for _, token := range []string{bad, expired} {
		if strings.Contains(g.Log(), token) {
			t.Error("the log has a token")
		}
	}
	g.AwaitMetric(`busy_total{reason="expired"}`, 2)
}

// A subscription ends when its token does, over every transport.
func TestExpiry(t *testing.T) {
	t.Parallel()
	g := start(t, "http://{$ADDR} "+tokenSite)
	g2 := start(t, "https://{$ADDR} {\n\ttls internal\n"+strings.TrimPrefix(tokenSite, "{"))
	ways := map[string]*http.Client{"HTTP/1.1": gatewaytest.HTTP1(t), "h2c": gatewaytest.H2C(t)}
	type open struct {
		name   string
		end    time.Time
		stream *gatewaytest.Stream
	}
	var all []open
	add := func(name, url string, client *http.Client) {
		end := time.Now().Add(4 * time.Second).Truncate(time.Second) // by when all are there
		token := sign(t, secret, "", map[string]any{"sub": "ann", "room": 1, "exp": end.Unix()})
		all = append(all, open{name, end, gatewaytest.Subscribe(t, client, url+"/gate", eventStream, bearer(token))})
		all = append(all, open{name + " until", end, gatewaytest.Subscribe(t, client, fmt.Sprint(url, "/until?until=", end.Unix()), eventStream)})
		all = append(all, open{name + " until, as text", end, gatewaytest.Subscribe(t, client, url+"/until?until="+end.UTC().Format(time.RFC3339), eventStream)})
	}
	for name, client := range ways {
		add(name, "http://"+g.Addr, client)
	}
	add("HTTP/1.1 over TLS", "https://"+g2.Addr, gatewaytest.HTTP1(t))
	add("HTTP/2", "https://"+g2.Addr, gatewaytest.HTTP2(t))
	for _, o := range all {
		if err := o.stream.AwaitEnd(); err != nil {
			t.Errorf("%s: %v", o.name, err)
		}
		if late := time.Since(o.end); late < -100*time.Millisecond || late > 4*time.Second {
			t.Errorf("%s ends %s after its token", o.name, late)
		}
	}
	g.AwaitMetric(`subscribers_closed_total{reason="expired"}`, 6)
	g2.AwaitMetric(`subscribers_closed_total{reason="expired"}`, 6)
	for path, want := range map[string]string{"/until?until=": "retry:", "/until?until=0": "retry:", "/until?until=9999-12-31T23:59:59Z": "retry:", "/until?until=1": `{"reason":"expired"}`} {
		s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+path, eventStream)
		s.Await(want)
	}
	if r, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/until?until=soon", "", eventStream); r.StatusCode != 400 || !strings.Contains(body, "until is no time") {
		t.Errorf("%s: %s", r.Status, body)
	}
}

// An issuer that rotates its keys, is away, or redirects.
func TestJWKS(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var reads atomic.Int64
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads.Add(1)
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "http://169.254.169.254/keys", http.StatusFound)
		case "/large":
			_, _ = w.Write(make([]byte, 1<<20))
		case "/away":
			w.WriteHeader(http.StatusBadGateway)
		default:
			_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1"}}})
		}
	}))
	t.Cleanup(issuer.Close)
	site := "http://{$ADDR} {\n"
	for _, name := range []string{"keys", "redirect", "large", "away"} {
		site += "\tsse_token /" + name + " {\n\t\tjwks {env.ISSUER}/" + name + "\n\t}\n\tsse_subscribe /" + name + " a\n"
	}
	g := start(t, site+"}", "ISSUER="+issuer.URL)
	url := "http://" + g.Addr
	claims := map[string]any{"sub": "ann"}
	good, other := sign(t, key, "1", claims), sign(t, key, "2", claims)
	gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), url+"/keys", eventStream, bearer(good)).Await("retry:")
	for range 1000 {
		if r, body := gatewaytest.Do(t, "GET", url+"/keys", "", eventStream, bearer(other)); r.StatusCode != 200 || !strings.Contains(body, `{"reason":"gate"}`) {
			t.Fatalf("%s: %s", r.Status, body)
		}
	}
	if n := reads.Load(); n > 2 {
		t.Errorf("1,000 tokens of a key that is not known make %d reads", n)
	}
	for path, want := range map[string]string{"/redirect": "which is not followed", "/large": "longer than 256 KiB", "/away": "the answer is 502"} {
		if r, body := gatewaytest.Do(t, "GET", url+path, "", eventStream, bearer(good)); r.StatusCode != 200 || !strings.Contains(body, `{"reason":"gate"}`) {
			t.Errorf("%s: %s: %s", path, r.Status, body)
		}
		if r, body := gatewaytest.Do(t, "GET", url+path, "", "Accept: */*", bearer(good)); r.StatusCode != 503 || body != "the token cannot be checked now: try again later\n" {
			t.Errorf("%s: %s: %s", path, r.Status, body)
		}
		redistest.Await(t, "the log to have "+want, func() bool { return strings.Contains(g.Log(), want) })
	}
}
