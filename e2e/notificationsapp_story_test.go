package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// TestNotifications is what the example promises: two members on two gateways,
// one of them with two tabs, and one who has nothing to do with it.
func TestNotifications(t *testing.T) {
	t.Parallel()
	a := startNotifications(t)
	one, two := a.gateway(), a.gateway()
	ann, ben, cleo := visit(t, one.Addr, "ann"), visit(t, two.Addr, "ben"), visit(t, one.Addr, "cleo")
	annToo := ann.beside()

	ben.like(postOfAnn)
	ben.say(postOfAnn, `<b onclick="alert(1)">Yum</b>`)
	const post = "The first tomatoes of the year! The ones by the south wall were a week ahead of the rest. There is a bowl of them at the gate: help yourselves."
	liked, commented := "Ben Okafor liked your post "+post, `Ben Okafor commented on your post <b onclick="alert(1)">Yum</b>`
	for _, who := range []memberTab{ann, annToo} {
		who.awaitUnread(2)
		if got, want := who.list(), []string{"* " + commented, "* " + liked}; !slices.Equal(got, want) {
			t.Errorf("Ann has %q, not %q", got, want)
		}
		who.await(`document.title === "(2) Greenhouse · caddy-sse" && document.querySelector("#bell").ariaLabel === "Notifications, 2 unread"`)
		who.await(`document.querySelector("#toasts")` + plain + `.includes("Ben Okafor liked your post")`)
		who.await(`document.querySelector('[id="post-` + postOfAnn + `"] .count').textContent === "1"`)
	}

	// By keyboard alone: the newest is read in one tab, and so in the other.
	ann.press("#bell")
	ann.await(`document.querySelector("#panel").matches(":popover-open")`)
	ann.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Tab))
	ann.await(`document.activeElement === document.querySelector("#notifications li:first-child button")`)
	ann.do(chromedp.KeyEvent(kb.Escape))
	ann.await(`!document.querySelector("#panel").matches(":popover-open") && document.activeElement.id === "bell"`)
	ann.press("#bell")
	ann.press("#notifications li:first-child button")
	ann.await(`document.activeElement.closest("article").id === "post-` + postOfAnn + `"`)
	for _, who := range []memberTab{ann, annToo} {
		who.awaitUnread(1)
	}
	// Unread survives a reload.
	annToo.do(chromedp.Reload())
	annToo.awaitState("live")
	annToo.awaitUnread(1)
	if got, want := annToo.list(), []string{commented, "* " + liked}; !slices.Equal(got, want) {
		t.Errorf("after a reload Ann has %q, not %q", got, want)
	}
	annToo.press("#bell")
	annToo.press("#read-all")
	ann.awaitUnread(0)

	// An admin's word is everyone's, and nobody's notification.
	ann.typeInto("#announcement", "Soup & bread at six")
	for _, who := range []memberTab{annToo, ben, cleo} {
		who.await(`document.querySelector("#toasts").textContent.includes("Soup & bread at six")`)
	}
	for _, who := range []memberTab{ben, cleo} {
		if got := who.list(); len(got) != 0 {
			t.Errorf("%s has %q", who.key, got)
		}
	}

	// Signing out holds in all tabs of the browser.
	ann.press("#me")
	ann.press("#sign-out")
	for _, who := range []memberTab{ann, annToo} {
		who.await(`document.querySelector("#door")?.hidden === false`)
	}
	ann.press(`#door [data-key="cleo"]`)
	annToo.await(`document.querySelector("#me")?.ariaLabel === "You are Cleo Marchetti. Be somebody else"`)
}

// soon is for browsers to come back in no time.
var soon = []string{"greeting connected", "retry 200ms\n\t\tgreeting connected"}

// TestNotificationsMissed are those that come while somebody is away, in each
// way there is.
func TestNotificationsMissed(t *testing.T) {
	t.Parallel()
	a := startNotifications(t)
	one, two := a.gateway(soon...), a.gateway(soon...)
	cable := lay(t, one.Addr)
	ann, ben := visit(t, cable.addr, "ann"), visit(t, two.Addr, "ben")

	cable.cut()
	ann.awaitState("reconnecting")
	ben.say(postOfAnn, "while she has no network")
	cable.mend()
	ann.awaitState("live")
	ann.awaitUnread(1)

	one.Kill()
	ann.awaitState("reconnecting")
	ben.say(postOfAnn, "while her gateway is down")
	one.Run()
	ann.awaitState("live")
	ann.awaitUnread(2)

	one.Kill()
	ann.awaitState("reconnecting")
	ben.say(postOfAnn, "before she is at another gateway")
	cable.lead(two.Addr)
	ann.awaitState("live")
	ann.awaitUnread(3)

	a.redis.Kill()
	ann.awaitState("paused")
	ben.say(postOfAnn, "while Redis is away")
	a.redis.Restart()
	ann.awaitState("live")
	ann.awaitUnread(4)
	if got := ann.list(); len(got) != 4 || !strings.Contains(got[0], "Redis is away") || !strings.Contains(got[3], "no network") {
		t.Errorf("Ann has %q", got)
	}
	redistest.Await(t, "a gateway that hears Ann", func() bool { return a.redis.Listeners("notifications:ann") == 1 })
	ben.like(postOfAnn)
	ann.awaitUnread(5)
}

// TestNotificationsAppAway restarts the app, which no open stream notices. Who
// comes meanwhile is sent away for a moment, and not for good.
func TestNotificationsAppAway(t *testing.T) {
	t.Parallel()
	a := startNotifications(t)
	g := a.gateway(soon...)
	cable := lay(t, g.Addr)
	ann, ben := visit(t, cable.addr, "ann"), visit(t, g.Addr, "ben")

	a.kill()
	cable.cut() // but Ben's is open
	ann.awaitState("reconnecting")
	cable.mend()
	busy := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/sse/subscribe/ann", "Cookie: any")
	busy.Await("event: sse.busy\n")
	a.redis.Do("PUBLISH", "sse-channel", "The app is away.")
	ben.await(`document.querySelector("#toasts").textContent.includes("The app is away.")`)

	a.run()
	ann.awaitState("live")
	ben.awaitState("live")
	ben.like(postOfAnn)
	ann.awaitUnread(1)
}

// TestNotificationsSessionOver has a stream end not long after its session.
func TestNotificationsSessionOver(t *testing.T) {
	t.Parallel()
	a := startNotifications(t)
	g := a.gateway("max_duration 1h", "retry 200ms\n\t\tmax_duration 1s")
	ann := visit(t, g.Addr, "ann")
	ann.do(chromedp.Evaluate[chromedp.Void](`fetch("/api/session", {method: "DELETE"}).then(() => {})`, chromedp.EvalAwaitPromise))
	ann.await(`document.querySelector("#door")?.hidden === false`)
}

// TestNotificationsEndpoints has the tutorial's three, by plain HTTP, and who
// may use them.
func TestNotificationsEndpoints(t *testing.T) {
	t.Parallel()
	a := startNotifications(t)
	one, two := a.gateway(), a.gateway("linger 10s", "linger 100ms")
	ann, ben := session(t, one, "ann"), session(t, one, "ben")
	client := gatewaytest.HTTP1(t)

	for _, c := range []struct {
		status int
		method string
		path   string
		header []string
	}{
		{http.StatusUnauthorized, "GET", "/sse/subscribe/ann", nil},
		{http.StatusUnauthorized, "GET", "/sse/subscribe/ann", []string{"X-Member-Key: ann"}},
		{http.StatusUnauthorized, "GET", "/sse/subscribe/ann", []string{ann + "x"}},
		{http.StatusForbidden, "GET", "/sse/subscribe/ann", []string{ben}},
		{http.StatusForbidden, "GET", "/sse/subscribe/ann", []string{ben, "X-Member-Key: ann", "X-Forwarded-Uri: /sse/subscribe/ben"}},
		{http.StatusForbidden, "GET", "/sse/subscribe/*", []string{ben}},
		{http.StatusUnauthorized, "GET", "/connect/" + postOfAnn, nil},
		{http.StatusNotFound, "GET", "/connect/no-such-room", []string{ben}},
		{http.StatusUnauthorized, "POST", "/message/send?message=x", nil},
		{http.StatusForbidden, "POST", "/message/send?message=x", []string{ben}},
		{http.StatusForbidden, "POST", "/message/send?message=x", []string{ann, "Sec-Fetch-Site: same-site"}},
		{http.StatusBadRequest, "POST", "/message/send", []string{ann}},
		{http.StatusNotFound, "GET", "/gate/subscribe", []string{ann, "X-Forwarded-Uri: /sse/subscribe/ann"}},
	} {
		response, body := gatewaytest.Do(t, c.method, "http://"+two.Addr+c.path, "", append(c.header, "Accept: text/event-stream")...)
		if response.StatusCode != c.status || strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
			t.Errorf("%s %s %q: %d, not %d: %s", c.method, c.path, c.header, response.StatusCode, c.status, body)
		}
	}
	if n := a.redis.Channels("*:*"); n != 0 {
		t.Errorf("%d channels are heard for those who may not", n)
	}

	// The first event is "connected"; what is sent reaches everybody everywhere.
	annStream := gatewaytest.Subscribe(t, client, "http://"+one.Addr+"/sse/subscribe/ann", ann)
	benStream := gatewaytest.Subscribe(t, client, "http://"+two.Addr+"/sse/subscribe/ben", ben)
	annStream.Await("event: connected\ndata: ann\n\n")
	benStream.Await("event: connected\ndata: ben\n\n")
	message := `{"event":"read"} & more`
	response, body := gatewaytest.Do(t, "POST", "http://"+two.Addr+"/message/send?message=%7B%22event%22%3A%22read%22%7D+%26+more", "", ann)
	if want := `{"channel":"sse-channel","receivers":2}`; response.StatusCode != http.StatusOK || strings.TrimSpace(body) != want {
		t.Errorf("sending is answered %d %s, not %s", response.StatusCode, body, want)
	}
	annStream.AwaitData("event: message\ndata: " + message + "\n\n")
	benStream.AwaitData("event: message\ndata: " + message + "\n\n")

	// The room's event has its name, who it was, and when to come back.
	room := gatewaytest.Subscribe(t, client, "http://"+two.Addr+"/connect/"+postOfAnn, ben)
	redistest.Await(t, "the room", func() bool { return a.redis.Listeners("room:"+postOfAnn) == 1 })
	gatewaytest.Do(t, "POST", "http://"+one.Addr+"/api/posts/"+postOfAnn+"/comments", `{"text": "hello"}`, ann)
	room.AwaitData(fmt.Sprintf("retry: 10000\nevent: %s\ndata: {\"key\":\"ann\",\"name\":\"Ann Lindqvist\"", postOfAnn))

	// Redis hears of it when the last one has gone.
	second := gatewaytest.Subscribe(t, client, "http://"+two.Addr+"/sse/subscribe/ben", ben)
	second.Await("event: connected")
	benStream.Leave()
	if n := a.redis.Listeners("notifications:ben"); n != 1 {
		t.Errorf("%d gateways hear Ben while he has a tab", n)
	}
	second.Leave()
	room.Leave()
	redistest.Await(t, "nobody to hear Ben or the room", func() bool {
		return a.redis.Channels("notifications:ben") == 0 && a.redis.Channels("room:*") == 0
	})
	if n := a.redis.Listeners("notifications:ann"); n != 1 {
		t.Errorf("%d gateways hear Ann, who is still there", n)
	}
}
