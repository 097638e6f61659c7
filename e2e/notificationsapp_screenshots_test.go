package e2e

import (
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

	g.Kill()
	cleo.awaitState("reconnecting")
	cleo.press(`[id="post-` + postOfBen + `"] .like`)
	cleo.await(`document.querySelector("#toasts .bad") !== null`)
	cleo.takePictures(dir, "notifications-away")
}
