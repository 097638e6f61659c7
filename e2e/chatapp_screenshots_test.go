package e2e

import (
	"os"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// TestChatAppScreenshots takes pictures of the chat's page, for people to look
// at.
func TestChatAppScreenshots(t *testing.T) {
	dir := os.Getenv("E2E_SCREENSHOTS")
	if dir == "" {
		t.Skip("E2E_SCREENSHOTS names no directory")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Parallel()
	redis := redistest.Start(t)
	app := startExample(t, "chat", redis.URL(""))
	g := app.gateway("Caddyfile")
	cem := comeIn(t, g.Addr, "Cem") // who leaves again
	guest := openTab(t, "http://"+g.Addr+"/", chromedp.WithNewBrowserContext())
	guest.await(`document.body.dataset.view === "start"`)
	guest.takePictures(dir, "chat-start")

	ann, ben, dee := comeIn(t, g.Addr, "Ann Lindqvist"), comeIn(t, g.Addr, "Ben"), comeIn(t, g.Addr, "Dee")
	ann.takePictures(dir, "chat-empty")
	for _, name := range []string{"Kitchen", "Deployments", "Whoever tries a long name for a room"} {
		if status := dee.ask("POST", "/api/chat/rooms", "*/*", `{"name": "`+name+`"}`); status != 201 {
			t.Fatal(name, status)
		}
	}
	ann.await(entry("Deployments") + ` !== undefined`)
	cem.say("I am off. See you tomorrow!")
	ann.awaitTexts("I am off. See you tomorrow!")
	cem.press("#sign-out")
	ann.say("Good morning! Is the cake still there?")
	ben.await(`document.querySelectorAll(".message").length === 2`)
	ben.say("Half of it. I hid the other half from the night shift, behind the oat milk.")
	ben.say("You did not hear that from me.")
	ann.await(`document.querySelectorAll(".message").length === 4`)
	ann.say("Hear what?")
	ben.await(`document.querySelectorAll(".message").length === 5`)
	ben.say("/me whistles")
	ben.await(`document.querySelectorAll(".message").length === 6`)
	ben.say("Whoever tries a very long word: Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft fits, too.")
	ann.awaitSees(".note", "Cem left")
	ben.goTo("Ann Lindqvist")
	ben.say("The oat milk is empty, by the way.")
	ann.await(entry("Ben") + `.querySelector(".unread").hidden === false`)
	dee.goTo("Kitchen")
	dee.say("Fresh coffee")
	ann.await(entry("Kitchen") + `.querySelector(".unread").hidden === false`)
	ann.takePictures(dir, "chat-talk")

	dee.press("#delete")
	dee.await(`document.querySelector("#delete-dialog").open`)
	dee.takePictures(dir, "chat-delete")

	ann.do(chromedp.EmulateViewport(390, 780, chromedp.EmulateMobile))
	ann.press("#back")
	ann.await(`document.body.dataset.view === "list"`)
	ann.takePictures(dir, "chat-list")

	// Names of all kinds, but for an empty one, which the app refuses.
	for _, name := range names[:4] {
		who := comeIn(t, g.Addr, name)
		who.ask("POST", "/api/chat/rooms", "*/*", `{"name": "`+name+`"}`)
		who.say(textOf(name))
		who.say("/me " + textOf(name))
		who.await(entry(name) + ` !== undefined`)
		switch name {
		case names[1]:
			who.goTo(name)
			who.takePictures(dir, "chat-long-room")
			who.press("#delete")
			who.await(`document.querySelector("#delete-dialog").open`)
			who.takePictures(dir, "chat-long-delete")
			who.press("#delete-dialog [value=keep]")
		case names[3]:
			who.goTo(names[2])
			who.say(textOf(names[2]))
			who.takePictures(dir, "chat-right-to-left")
		}
	}
	ann.goTo("Lobby")
	ann.await(`document.querySelectorAll(".message").length === 15`)
	ann.takePictures(dir, "chat-names")
	ann.do(chromedp.EmulateViewport(phone, 667, chromedp.EmulateMobile))
	ann.press("#back")
	ann.await(`document.body.dataset.view === "list"`)
	ann.takePictures(dir, "chat-names-list")

	ann.goTo("Ben")
	eve := comeIn(t, g.Addr, "Eve")
	id := value(eve.tab, chromedp.Evaluate[string](`fetch("/api/chat/session").then(answer => answer.json()).then(({ id }) => id)`, chromedp.EvalAwaitPromise))
	eve.crowd("/api/chat/rooms/lobby/subscribe?userId="+id, 1)
	eve.say("Does anybody hear me?")
	eve.awaitSees("#composer .trouble", "not sent")
	eve.takePictures(dir, "chat-crowded")
	g.Kill()
	ann.awaitState("reconnecting")
	ann.say("Anyone?")
	ann.awaitSees("#composer .trouble", "not sent")
	ann.takePictures(dir, "chat-away")
}
