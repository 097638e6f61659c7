package e2e

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

const (
	postOfAnn = "6f1d9a52-3c0b-4f63-9f0e-0d6d1c7a1e01"
	postOfBen = "b7c2e4d8-51aa-4c1e-8a57-2f9be3d04c02"
)

// notificationsExample is the example's folder.
var notificationsExample, _ = filepath.Abs("../caddyfile-examples/notifications")

// buildNotifications compiles the example's app once.
var buildNotifications = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "caddy-sse-notifications")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "notifications")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Dir = notificationsExample
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

// A notificationsApp is the example's app with a Redis, running, behind any
// number of gateways.
type notificationsApp struct {
	t     testing.TB
	redis *redistest.Server
	addr  string
	env   []string
	log   strings.Builder
	cmd   *exec.Cmd
}

// startNotifications runs the app with a fresh database until the test ends.
func startNotifications(t testing.TB) *notificationsApp {
	t.Helper()
	a := &notificationsApp{t: t, redis: redistest.Start(t), addr: redistest.FreeAddr(t)}
	_, port, _ := net.SplitHostPort(a.addr)
	a.env = append(os.Environ(), "APP_PORT="+port, "REDIS_URL="+a.redis.URL(""), "DATABASE="+filepath.Join(t.TempDir(), "notifications.db"))
	t.Cleanup(func() {
		a.kill()
		if t.Failed() {
			t.Log("the app's log:\n" + a.log.String())
		}
	})
	a.run()
	return a
}

// run runs the app, also after kill, and returns when it listens.
func (a *notificationsApp) run() {
	a.t.Helper()
	binary, err := buildNotifications()
	if err != nil {
		a.t.Fatal(err)
	}
	a.cmd = exec.Command(binary)
	a.cmd.Env, a.cmd.Stderr = a.env, &a.log
	if err := a.cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	redistest.Await(a.t, "the app to listen", func() bool {
		c, err := net.Dial("tcp", a.addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// kill ends the app at once, as a crash does.
func (a *notificationsApp) kill() {
	if a.cmd != nil && a.cmd.Process != nil {
		_ = a.cmd.Process.Kill() // it may have ended
		_ = a.cmd.Wait()         // a killed process is no error
	}
}

// gateway runs the example's Caddyfile in front of the app, but for what is
// replaced in it.
func (a *notificationsApp) gateway(replace ...string) *gatewaytest.Gateway {
	a.t.Helper()
	text, err := os.ReadFile(filepath.Join(notificationsExample, "Caddyfile"))
	if err != nil {
		a.t.Fatal(err)
	}
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(string(text), replace[i]) {
			a.t.Fatalf("the Caddyfile has no %q", replace[i])
		}
	}
	caddyfile := writeCaddyfile(a.t, strings.NewReplacer(replace...).Replace(string(text)))
	return gatewaytest.StartFile(a.t, notificationsExample, caddyfile, a.env[len(a.env)-3:]...)
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
		["b", ".did", "q"].map(part => item.querySelector(part).textContent).join(" "))`)
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
