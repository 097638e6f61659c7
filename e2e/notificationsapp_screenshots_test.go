package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestNotificationsScreenshots takes pictures of the example's page, for people
// to look at.
func TestNotificationsScreenshots(t *testing.T) {
	dir := os.Getenv("E2E_SCREENSHOTS")
	if dir == "" {
		t.Skip("E2E_SCREENSHOTS names no directory")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Parallel()
	a := startNotifications(t)
	g := a.gateway()
	stranger := openTabApart(t, "http://"+g.Addr+"/")
	stranger.await(`document.querySelectorAll("#door button").length > 0`)
	stranger.takePictures(dir, "notifications-door")

	ann, ben, cleo := visit(t, g.Addr, "ann"), visit(t, g.Addr, "ben"), visit(t, g.Addr, "cleo")
	ann.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#panel").showPopover()`))
	ann.takePictures(dir, "notifications-empty")
	ann.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#panel").hidePopover()`))

	ben.like(postOfAnn)
	cleo.like(postOfAnn)
	ann.awaitUnread(2)
	ann.press("#bell")
	ann.press("#notifications button")
	ann.awaitUnread(1)
	cleo.say(postOfAnn, "They are the best I ever had. May I have some seeds in autumn?")
	ben.say(postOfAnn, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft")
	ann.awaitUnread(3)
	ann.takePictures(dir, "notifications-toast")
	ann.press("#bell")
	ann.takePictures(dir, "notifications-bell")
	ben.press("#me")
	ben.takePictures(dir, "notifications-menu")

	// Names of all kinds, and numbers of all widths.
	a.members(names...)
	guest := openTabApart(t, "http://"+g.Addr+"/")
	guest.await(`document.querySelectorAll("#door button").length === 10`)
	guest.takePictures(dir, "notifications-names-door")
	dev := visit(t, g.Addr, "b")
	dev.takePictures(dir, "notifications-names-feed")
	dev.press("#me")
	dev.takePictures(dir, "notifications-names-menu")
	ann.press("#read-all")
	ann.awaitUnread(0)
	ann.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#panel").hidePopover()`))
	has := 0
	for _, n := range []int{5, 9, 10, 99, 100} {
		for ; has < n; has++ {
			name := names[has%len(names)]
			comment(t, g, session(t, g, string(rune('a'+has%len(names)))), textOf(name))
		}
		ann.await(fmt.Sprintf(`document.querySelector("#bell").ariaLabel === "Notifications, %d unread"`, n))
		if n == 5 {
			ann.press("#bell")
			ann.takePictures(dir, "notifications-names-bell")
			ann.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#panel").hidePopover()`))
			continue
		}
		ann.takePictures(dir, fmt.Sprint("notifications-count-", n))
	}
	ann.do(chromedp.Evaluate[chromedp.Void](`const details = document.querySelector("article details"); details.open = true; details.scrollIntoView({ block: "end" })`))
	ann.takePictures(dir, "notifications-names-comments")

	g.Kill()
	cleo.awaitState("reconnecting")
	cleo.press(`[id="post-` + postOfBen + `"] .like`)
	cleo.await(`document.querySelector("#toasts .bad") !== null`)
	cleo.takePictures(dir, "notifications-away")
}
