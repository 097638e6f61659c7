package e2e

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// members writes people of these names into the app's database, where all others
// are that the page shows. Their keys are a, b and so on.
func (a *notificationsApp) members(names ...string) {
	a.t.Helper()
	list, err := json.Marshal(names)
	if err != nil {
		a.t.Fatal(err)
	}
	out, err := exec.Command(tool(a.t, python), "-c", `
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for i, name in enumerate(json.loads(sys.argv[2])):
    key = chr(ord("a") + i)
    db.execute("INSERT INTO members (key, name) VALUES (?, ?)", (key, name))
    db.execute("INSERT INTO posts (id, author, text) VALUES (?, ?, ?)", ("of-" + key, key, "By " + name))
db.commit()
`, a.database, string(list)).CombinedOutput()
	if err != nil {
		a.t.Fatalf("%v: %s", err, out)
	}
}

// comments is what the member with this session says about Ann's post, n times.
func comments(t testing.TB, g *gatewaytest.Gateway, session string, n int) {
	t.Helper()
	for i := range n {
		comment(t, g, session, fmt.Sprint("number ", i))
	}
}

func comment(t testing.TB, g *gatewaytest.Gateway, session, text string) {
	t.Helper()
	response, body := gatewaytest.Do(t, "POST", "http://"+g.Addr+"/api/posts/"+postOfAnn+"/comments", fmt.Sprintf(`{"text": %q}`, text), session)
	if response.StatusCode != 200 {
		t.Fatal(response.StatusCode, body)
	}
}

// publish tells Ann that somebody of this name likes something, by all these IDs.
func (a *notificationsApp) publish(from, to int, name string) {
	a.t.Helper()
	all := a.redis.Client().Pipeline()
	for id := from; id < to; id++ {
		all.Publish(a.t.Context(), "notifications:ann", fmt.Sprintf(`{"event": "notification", "data": {"id": %d, "kind": "like",
			"actor": {"key": "ben", "name": %q}, "post": {"id": "x", "text": "y"}, "time": "2026-01-02T03:04:05Z"}}`, 1000+id, name))
	}
	if _, err := all.Exec(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
}

// TestNotificationsBell counts from none to more than the bell has room for.
func TestNotificationsBell(t *testing.T) {
	t.Parallel()
	a := startNotifications(t)
	g := a.gateway()
	ann := visit(t, g.Addr, "ann")
	has := 0
	for _, n := range []int{0, 9, 10, 99, 100} {
		if n > has {
			a.publish(has, n, "Ben")
		}
		has = n
		want := fmt.Sprint(n)
		if n > 99 {
			want = "99+"
		}
		for _, width := range []int{desktop, phone} {
			ann.resize(width)
			ann.await(`(badge => (badge.hidden ? "0" : badge.textContent) === "` + want + `")(document.querySelector("#badge"))`)
			ann.fits(want+" notifications", width, "#me", "#state")
			if n == 0 {
				continue
			}
			ann.await(`document.querySelector("#bell").getAnimations({subtree: true}).every(a => a.playState === "finished")`) // it rings
			if wrong := eval[string](ann.tab, `((badge, bell, me) => {
				if (badge.height > 30 || badge.width < badge.height - 1) return "it is " + badge.width + " wide and " + badge.height + " high";
				if (badge.right > me.left + 1) return "it covers the face";
				if (badge.left < bell.left + bell.width / 6) return "it covers the bell";
				return "";
			})(...["#badge", "#bell svg", "#me .avatar"].map(selector => document.querySelector(selector).getBoundingClientRect()))`); wrong != "" {
				t.Errorf("the badge of %d at %d pixels: %s", n, width, wrong)
			}
		}
	}
	ann.await(`document.querySelector("#bell").ariaLabel === "Notifications, 100 unread"`)

	// Many at once are no reason for as many requests.
	ann.do(chromedp.Evaluate[chromedp.Void](`window.asked = 0; const real = fetch; window.fetch = (...args) => (asked++, real(...args)); undefined`))
	a.publish(100, 600, "Ben")
	a.publish(600, 601, "Eva")
	ann.await(`document.querySelector("#notifications .name").textContent === "Eva"`)
	ann.await(`asked > 0`) // the posts are shown as they are now
	if asked := eval[int](ann.tab, `asked`); asked > 10 {
		t.Errorf("500 notifications are %d requests", asked)
	}
}

// TestNotificationsPage is what may befall the page besides notifications.
func TestNotificationsPage(t *testing.T) {
	t.Parallel()
	a := startNotifications(t)
	const rtl, long = "مريم 7", "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW"
	a.members(rtl, long, "")
	g := a.gateway()

	// Names of all kinds, at the door, in the feed, in the menu and in the list.
	ann := visit(t, g.Addr, "ann")
	for _, key := range []string{"a", "b", "c"} {
		comments(t, g, session(t, g, key), 1)
	}
	ann.awaitUnread(3)
	ann.await(`document.querySelector("#toasts").textContent.includes("\u2068` + rtl + `\u2069 commented on your post")`)
	ann.await(`[...document.querySelectorAll(".comments li")].length === 3`)
	ann.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('[id="post-` + postOfAnn + `"] details').open = true`))
	ann.press("#bell")
	for what, expression := range map[string]string{
		"what was done comes after the name": `(item => item.querySelector(".name").getBoundingClientRect().right <= item.querySelector(".did").getBoundingClientRect().left)(
			[...document.querySelectorAll("#notifications li")].find(item => item.querySelector(".name").textContent === "` + rtl + `"))`,
		"a comment comes after its author": `(item => item.querySelector(".name").getBoundingClientRect().right <= item.querySelector(".text").getBoundingClientRect().left)(
			[...document.querySelectorAll(".comments li")].find(item => item.querySelector(".name").textContent === "` + rtl + `"))`,
	} {
		if !eval[bool](ann.tab, expression) {
			t.Error("it is not so that ", what)
		}
	}
	for _, width := range []int{desktop, phone} {
		ann.resize(width)
		ann.fits("the list", width, "#bell", "#me", "#read-all")
		ann.press("#me")
		ann.fits("the menu", width, "#sign-out", `#menu [data-key="b"]`)
		ann.press("#bell")
	}
	ann.resize(desktop)
	ann.press("#read-all")
	ann.awaitUnread(0)

	// What others publish is not what the app does, and harms nobody.
	for _, event := range []string{"notification", "read"} {
		for _, data := range []string{`"hello"`, `"{"`, `""`} {
			a.redis.Do("PUBLISH", "notifications:ann", fmt.Sprintf(`{"event": %q, "data": %s}`, event, data))
		}
	}
	a.redis.Do("PUBLISH", "notifications:ann", "no envelope")
	ann.await(`document.querySelector("#toasts").textContent.includes("no envelope")`)

	// Where other tabs have all of the browser's connections, nothing is lost, and
	// it is said.
	ann.crowd("/sse/subscribe/ann", 1)
	ann.typeInto("#announcement", "kept")
	ann.await(`document.querySelector("#toasts").textContent.includes("close some tabs")`)
	if kept := eval[string](ann.tab, `document.querySelector("#announcement").value`); kept != "kept" {
		t.Errorf("what was not sent is kept as %q", kept)
	}
	ann.leave()
	ann.typeInto("#announcement", "sent")
	ann.await(`document.querySelector("#toasts").textContent.includes("sent")`)
	if redistest.Await(t, "one gateway that hears Ann", func() bool { return a.redis.Listeners("notifications:ann") == 1 }); strings.Contains(g.Log(), "panic") {
		t.Error(g.Log())
	}
}
