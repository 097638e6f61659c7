package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

const (
	postOfAnn = "6f1d9a52-3c0b-4f63-9f0e-0d6d1c7a1e01"
	postOfBen = "b7c2e4d8-51aa-4c1e-8a57-2f9be3d04c02"
)

// A notificationsApp is the example's app, with a Redis of its own.
type notificationsApp struct {
	*exampleApp
	redis *redistest.Server
}

func startNotifications(t testing.TB) *notificationsApp {
	t.Helper()
	redis := redistest.Start(t)
	return &notificationsApp{startExample(t, "notifications", redis.URL("")), redis}
}

// gateway runs the example's Caddyfile in front of the app, but for what is
// replaced in it.
func (a *notificationsApp) gateway(replace ...string) *gatewaytest.Gateway {
	a.t.Helper()
	return a.exampleApp.gateway("Caddyfile", replace...)
}

// A memberTab is a member's page.
type memberTab struct {
	*tab
	key string
	url string
}

// visit signs in, in a browser apart, and waits until the page is live.
func visit(t testing.TB, addr, key string) memberTab {
	t.Helper()
	url := "http://" + addr + "/"
	m := memberTab{openTabApart(t, url), key, url}
	m.await(`document.querySelector("#door")?.hidden === false`)
	m.press(`#door [data-key="` + key + `"]`)
	m.awaitState("live")
	return m
}

// beside opens one more tab of the same browser.
func (m memberTab) beside() memberTab {
	m.t.Helper()
	second := memberTab{m.openBeside(m.url), m.key, m.url}
	second.awaitState("live")
	return second
}

// awaitState waits until the page shows its posts, and this connection.
func (m memberTab) awaitState(state string) {
	m.t.Helper()
	m.await(fmt.Sprintf(`document.querySelectorAll("article").length > 0 && document.querySelector("#state").dataset.is === %q`, state))
}

// like likes a post, and waits until the app has it.
func (m memberTab) like(post string) {
	m.t.Helper()
	m.press(`[id="post-` + post + `"] .like`)
	m.await(`document.querySelector('[id="post-` + post + `"] .like').ariaPressed === "true"`)
}

// say comments on a post, and waits until the app has it.
func (m memberTab) say(post, text string) {
	m.t.Helper()
	m.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('[id="post-` + post + `"] details').open = true`))
	m.typeInto(`[id="post-`+post+`"] .comment input`, text)
	m.await(fmt.Sprintf(`[...document.querySelectorAll('[id="post-%s"] .comments li')].some(item => item.textContent.endsWith(%q))`, post, text))
}

// awaitUnread waits until the badge shows so many.
func (m memberTab) awaitUnread(n int) {
	m.t.Helper()
	m.await(fmt.Sprintf(`(badge => badge && (badge.hidden ? "0" : badge.textContent) === "%d")(document.querySelector("#badge"))`, n))
}

// list are the notifications that the page has, newest first, the unread ones
// with a mark.
func (m memberTab) list() []string {
	m.t.Helper()
	return eval[[]string](m.tab, `[...document.querySelectorAll("#notifications button")].map(item => (item.classList.contains("is-unread") ? "* " : "") +
		[".name", ".did", "q"].map(part => item.querySelector(part).textContent).join(" "))`)
}

// session is the cookie's header line, for requests outside of the browser.
func session(t testing.TB, g *gatewaytest.Gateway, key string) string {
	t.Helper()
	response, body := gatewaytest.Do(t, "POST", "http://"+g.Addr+"/api/session", `{"member": "`+key+`"}`)
	if len(response.Cookies()) != 1 {
		t.Fatalf("signing in as %s is answered %d %s", key, response.StatusCode, body)
	}
	return "Cookie: " + response.Cookies()[0].Name + "=" + response.Cookies()[0].Value
}
